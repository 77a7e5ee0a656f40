"""A picture as small as it is looked at: for sheets and pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archivecolor.colour.arrays import UInt8
from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.orientation import upright
from archivecolor.photo.shrink import resize


def preview(path: Path, box: tuple[int, int], *, max_megapixels: float = 1000.0) -> UInt8:
    """The first page of a picture, upright, as large as fits into a box; its profile is not applied.

    Args:
        path: any picture that can be read.
        box: width and height in pixels.
        max_megapixels: larger pages are refused from the header alone.

    Returns:
        uint8 (h, w, 3) RGB, `w` and `h` at most those of the box.

    Raises:
        ItemError: the picture cannot be read.
    """
    with open_image(path, max_megapixels) as picture:
        facts = picture.reader.pages[0]
        small = upright(picture.reader.downscaled(0, min(box)), facts.orientation)
    height, width = small.shape[:2]
    scale = min(box[0] / width, box[1] / height)
    fitted = resize(small, (max(1, round(height * scale)), max(1, round(width * scale))))
    codes: UInt8 = np.rint(np.clip(fitted, 0, 1) * 255).astype(np.uint8)
    return np.repeat(codes[..., None], 3, axis=2) if codes.ndim == 2 else codes
