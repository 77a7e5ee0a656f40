"""Whether a file is a picture that this program made, by its own metadata."""

from __future__ import annotations

import math
from pathlib import Path

from archivecolor.colour.tone import Tone
from archivecolor.errors import ItemError, Reason
from archivecolor.metadata.provenance import PictureBox
from archivecolor.metadata.xmp import Marking, marking_of
from archivecolor.photo.containers.registry import OpenImage, open_image
from archivecolor.photo.inspect import inspect

# Enough to tell whether a picture has colour.
_LOOK_SIZE = 256
_MOVED = "its size was changed since a caption was put below it, and where that begins is no longer known"


def picture_boxes_of(picture: OpenImage) -> tuple[PictureBox, ...]:
    """Where each page's picture lies, where we put a caption below it; none where no page has one.

    Raises:
        ItemError: UNSUPPORTED; the pages are no longer of the sizes that they had, so that nobody knows.
    """
    marking = marking_of(picture.reader.metadata().xmp)
    boxes = marking.pictures if marking else ()
    if boxes and [box.whole for box in boxes] != [(page.width, page.height) for page in picture.reader.pages]:
        raise ItemError(Reason.UNSUPPORTED, _MOVED)
    if not all(box.is_inside for box in boxes):
        raise ItemError(Reason.UNSUPPORTED, _MOVED)
    return boxes


def marking_of_file(path: Path) -> Marking | None:
    """Our marking in the picture `path`; None where it has none, or cannot be read as a picture."""
    try:
        with open_image(path, math.inf) as picture:
            return marking_of(picture.reader.metadata().xmp)
    except ItemError:
        return None


def has_colour_of_others(path: Path, *, max_megapixels: float) -> bool:
    """Whether the picture `path` has colour, and no marking says that it is ours.

    Raises:
        ItemError: it cannot be read, or a page is larger than `max_megapixels`.
    """
    with open_image(path, max_megapixels) as picture:
        if marking_of(picture.reader.metadata().xmp) is not None:
            return False
    facts = inspect(path, working_size=_LOOK_SIZE, max_megapixels=max_megapixels).facts
    return facts.tone is not Tone.GREY
