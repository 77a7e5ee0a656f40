"""The eight EXIF/TIFF orientations, applied to arrays and taken off again.

The numbers are those of the TIFF 6.0 Orientation tag (274): where the stored row 0 and column 0 lie.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

_Sample = TypeVar("_Sample", bound=np.generic)

TRANSPOSED = (5, 6, 7, 8)


def upright(stored: npt.NDArray[_Sample], orientation: int) -> npt.NDArray[_Sample]:
    """The picture (h, w, ...) as people see it, from its stored raster and orientation 1..8."""
    turned = np.swapaxes(stored, 0, 1) if orientation in TRANSPOSED else stored
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)


def as_stored(seen: npt.NDArray[_Sample], orientation: int) -> npt.NDArray[_Sample]:
    """The inverse of `upright`: an upright array (h, w, ...) laid out as the file stores it."""
    turned = seen
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in TRANSPOSED:
        turned = np.swapaxes(turned, 0, 1)
    return np.ascontiguousarray(turned)
