"""Where a picture's colour is not what the network says of its grey, drawn over the picture."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from archivecolor.archive.atomic import atomic_write
from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ItemError, Reason, UsageError
from archivecolor.jobs.detect import Detected
from archivecolor.photo.shrink import resize
from archivecolor.printable import printable

# Distances, in shares of the usual strength of the picture's chroma, from which colour begins to be strange,
# and from which it wholly is.
FROM, _WHOLLY = 0.5, 1.25
SUFFIX = ".png"
MARKED = (230, 30, 90)


def check_map(path: Path) -> None:
    """Refuse a name that no map can have.

    Raises:
        UsageError: it is none of a PNG, or a picture's that is there.
    """
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"--map {printable(path)} must end in {SUFFIX}")
    if path.exists():
        raise UsageError(f"--map {printable(path)} is there already; move it, or give another name")


def draw_map(path: Path, found: Detected) -> None:
    """Draw the picture in grey, red where its colour is not that of the weights.

    Raises:
        ItemError: UNSUPPORTED; it has no colour to judge by, or is a film.
        OutputError: it cannot be written.
    """
    from PIL import Image

    if found.rgb is None or found.comparison is None:
        raise ItemError(Reason.UNSUPPORTED, f"{os.fspath(found.file)} has no map: it is grey, or a film")
    grey = luma_codes(found.rgb)
    strange = resize(found.comparison.strange, grey.shape)
    share = np.clip((strange - FROM) / (_WHOLLY - FROM), 0, 1)[..., None].astype(np.float32)
    # Paler than the picture, so that what is marked stands out.
    ground = np.repeat((96 + grey.astype(np.float32) * 0.6)[..., None], 3, axis=2)
    drawn = ground * (1 - share) + np.asarray(MARKED, np.float32) * share
    with atomic_write(path, found.file) as part:
        Image.fromarray(np.rint(np.clip(drawn, 0, 255)).astype(np.uint8)).save(part, "PNG")
