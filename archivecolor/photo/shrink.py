"""Pictures brought to the size at which they are looked at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.facts import Codes

# Longer strips than this are no photographs, and enlarging a one-pixel sliver would fill the memory.
_MAX_ASPECT_RATIO = 64


def working_shape(height: int, width: int, short_side: int) -> tuple[int, int]:
    """Height and width with the short side at `short_side` and the aspect kept.

    Raises:
        ItemError: UNSUPPORTED where the long side is over `_MAX_ASPECT_RATIO` times the short one.
    """
    short, long = sorted((height, width))
    if long > _MAX_ASPECT_RATIO * short:
        detail = (
            f"{width} x {height} pixels are a sliver: over {_MAX_ASPECT_RATIO} times as long as wide; crop"
            " it, or pass it over with --exclude"
        )
        raise ItemError(Reason.UNSUPPORTED, detail)
    other = max(short_side, round(long * short_side / short))
    return (short_side, other) if height <= width else (other, short_side)


def shrink_bands(bands: Iterable[Codes], size: tuple[int, int], short_side: int) -> Float32:
    """Shrink a page by area while it is read.

    Args:
        bands: uint8 or uint16 codes (rows, width) or (rows, width, 3), all rows from the top.
        size: height and width of the page.
        short_side: see `working_shape`.

    Returns:
        float32 (h, w) or (h, w, 3), 0..1, as stored.

    Raises:
        ItemError: TRUNCATED where rows are missing; as `working_shape`.
    """
    rows, columns = working_shape(*size, short_side)
    narrow = [resize(band, (len(band), columns)) for band in bands]
    seen = sum(len(part) for part in narrow)
    if seen != size[0]:
        raise ItemError(Reason.TRUNCATED, f"{seen} of {size[0]} rows could be read")
    small = resize(np.concatenate(narrow), (rows, columns))
    return np.clip(small, 0, 1, out=small)


def resize(codes: Codes, size: tuple[int, int]) -> Float32:
    """Codes or floats (h, w[, 3]) at (rows, columns) `size`: by area where smaller, linear where larger.

    uint8 and uint16 codes become float32 0..1.
    """
    values = codes
    for axis, length in ((1, size[1]), (0, size[0])):
        if values.shape[axis] != length:
            values = _resize_axis(values, axis, length)
    return _as_float(values)


def _resize_axis(values: Codes, axis: int, length: int) -> Float32:
    from archivecolor.opencv import cv2

    smaller = length < values.shape[axis]
    wanted = (length, values.shape[0]) if axis == 1 else (values.shape[1], length)
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(_as_float(values), wanted, interpolation=method))


def _as_float(values: Codes) -> Float32:
    if values.dtype == np.float32:
        return values
    scaled: Float32 = values.astype(np.float32)
    scaled *= np.float32(1 / np.iinfo(values.dtype).max)
    return scaled
