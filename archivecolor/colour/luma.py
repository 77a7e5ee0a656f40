"""BT.601 luma of stored codes, exact in integers."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

# Pixels worked on at once: the temporary arrays then stay in the processor's cache.
BLOCK_PIXELS = 1 << 15

Code = TypeVar("Code", bound=np.unsignedinteger)


def luma_codes(rgb: npt.NDArray[Code]) -> npt.NDArray[Code]:
    """BT.601 luma `(299 R + 587 G + 114 B) / 1000`, rounded to nearest, halves up.

    Args:
        rgb: uint8 or uint16 (..., 3) codes.

    Returns:
        The luma codes (...), of the same dtype.

    Raises:
        TypeError: for any other dtype.
    """
    if rgb.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"luma codes are defined for uint8 and uint16, not {rgb.dtype}")
    pixels = rgb.reshape(-1, 3)
    luma = np.empty(len(pixels), rgb.dtype)
    for start in range(0, len(pixels), BLOCK_PIXELS):
        block = pixels[start : start + BLOCK_PIXELS].astype(np.uint32)
        total = block[:, 0] * np.uint32(299)
        total += block[:, 1] * np.uint32(587)
        total += block[:, 2] * np.uint32(114)
        total += np.uint32(500)
        luma[start : start + BLOCK_PIXELS] = total // np.uint32(1000)
    return luma.reshape(rgb.shape[:-1])
