"""Whether a file is a picture that this program made, by its own metadata."""

from __future__ import annotations

import math
from pathlib import Path

from archivecolor.errors import ItemError
from archivecolor.metadata.xmp import Marking, marking_of
from archivecolor.photo.containers.registry import open_image


def marking_of_file(path: Path) -> Marking | None:
    """Our marking in the picture `path`; None where it has none, or cannot be read as a picture."""
    try:
        with open_image(path, math.inf) as picture:
            return marking_of(picture.reader.metadata().xmp)
    except ItemError:
        return None
