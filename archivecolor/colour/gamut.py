"""Chroma laid over luma codes: the luma of every pixel stays what it was."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32, Numbers, UInt8
from archivecolor.colour.luma import BLOCK_PIXELS, Code

# BT.601: R = Y + 1.402 Cr, B = Y + 1.772 Cb; G is what then gives the luma.
RED_PER_CR = np.float32(1.402)
BLUE_PER_CB = np.float32(1.772)
_GREEN_PER_RED = np.float32(299 / 587)
_GREEN_PER_BLUE = np.float32(114 / 587)

# Chroma beyond this many full scales is cut before it is shortened, so that infinity has a hue too.
_MAX_CHROMA = np.float32(1e6)
TINY = np.float32(1e-6)


def compose_exact_luma(
    luma: npt.NDArray[Code], cbcr: Float32, white: npt.NDArray[Code] | None = None
) -> npt.NDArray[Code]:
    """RGB codes whose BT.601 luma code is exactly `luma`, with the hue of `cbcr`.

    R and B are rounded, then G is the code that brings the luma back: a step of G moves luma by
    0.587 code, so one always exists. A pixel outside the gamut has its chroma shortened toward
    grey first, which leaves G room; its luma never moves. Chroma that is not a number is grey.

    Args:
        luma: uint8 or uint16 (h, w) codes.
        cbcr: float32 (h, w, 2), BT.601 Cb and Cr as fractions of full scale; any size of value.
        white: codes (h, w) that stand for full scale, where that is another for each pixel: no sample goes
            beyond, and luma beyond stays grey. The largest code of the dtype without it.

    Returns:
        Codes (h, w, 3) of the dtype of `luma`, for which `luma_codes(rgb) == luma` everywhere.

    Raises:
        TypeError: where `luma` is neither uint8 nor uint16.
        ValueError: where the two arrays are not of one raster.
    """
    if luma.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"luma codes are uint8 or uint16, not {luma.dtype}")
    tops = None if white is None else white.reshape(-1)
    top: Float32 | np.float32 = np.float32(np.iinfo(luma.dtype).max)
    rgb = np.empty((luma.size, 3), luma.dtype)
    for block, grey, chroma in _blocks(luma, cbcr):
        if tops is not None:
            top = tops[block].astype(np.float32)
        share = _share_in_gamut(grey, chroma, top)
        red, blue = (chroma[1] * (RED_PER_CR * top)) * share, (chroma[0] * (BLUE_PER_CB * top)) * share
        rgb[block, 0], rgb[block, 1], rgb[block, 2] = _round_to_luma(grey, red, blue)
    return rgb.reshape(*luma.shape, 3)


def chroma_codes(luma: UInt8, cbcr: Float32) -> UInt8:
    """Cb and Cr codes to stand beside `luma` as a JPEG holds them, shortened into the gamut likewise.

    Args:
        luma: uint8 (h, w) codes.
        cbcr: as for `compose_exact_luma`.

    Returns:
        uint8 (2, h, w): Cb and Cr, full range, 128 neutral.

    Raises:
        ValueError: where the two arrays are not of one raster.
    """
    top = np.float32(255)
    codes = np.empty((2, luma.size), np.uint8)
    for block, grey, chroma in _blocks(luma, cbcr):
        share = _share_in_gamut(grey, chroma, top)
        share *= top
        for plane, out in zip(chroma, codes, strict=True):
            level = plane * share
            # Rounded to nearest by what the cast cuts off; half a scale of chroma would be one code too much.
            level += np.float32(128.5)
            out[block] = np.minimum(level, top)
    return codes.reshape(2, *luma.shape)


def _blocks(luma: Numbers, cbcr: Float32) -> Iterator[tuple[slice, Float32, Float32]]:
    """Pixels that fit in the cache: where they are, their grey (n,), and their sane Cb and Cr (2, n)."""
    if cbcr.shape != (*luma.shape, 2):
        raise ValueError(f"luma of shape {luma.shape} and chroma of shape {cbcr.shape} do not match")
    flat_luma = luma.reshape(-1)
    # A view, whether the two lie side by side in memory or one after the other.
    flat_chroma = np.moveaxis(cbcr, 2, 0).reshape(2, -1)
    for start in range(0, luma.size, BLOCK_PIXELS):
        block = slice(start, start + BLOCK_PIXELS)
        yield block, flat_luma[block].astype(np.float32), _sane(flat_chroma[:, block])


def _sane(chroma: Float32) -> Float32:
    """The same, but 0 for what is not a number, and nothing beyond `_MAX_CHROMA`."""
    # Not a number is not within either.
    if chroma.min() >= -_MAX_CHROMA and chroma.max() <= _MAX_CHROMA:
        return chroma
    return np.clip(np.nan_to_num(chroma, nan=0.0), -_MAX_CHROMA, _MAX_CHROMA)


def _round_to_luma(grey: Float32, red_step: Float32, blue_step: Float32) -> Float32:
    """Rounded R and B at these distances from `grey`, and the G that gives the luma back."""
    planes = np.empty((3, len(grey)), np.float32)
    red, green, blue = planes
    np.rint(np.add(grey, red_step, out=red), out=red)
    np.rint(np.add(grey, blue_step, out=blue), out=blue)
    # float32 is enough at 16 bits: an error of 0.35 in G still rounds to the same luma code.
    np.multiply(np.subtract(grey, red, out=green), _GREEN_PER_RED, out=green)
    green += (grey - blue) * _GREEN_PER_BLUE
    green += grey
    np.rint(green, out=green)
    return planes


def _share_in_gamut(grey: Float32, chroma: Float32, top: Float32 | np.float32) -> Float32:
    """The largest share (n,) in 0..1 of each chroma (2, n) that keeps R, G and B within 0..top.

    With R, G and B there before rounding, rounding R and B moves G by at most 0.36 code, so G
    rounds to a code in range.
    """
    red, blue = chroma[1] * (RED_PER_CR * top), chroma[0] * (BLUE_PER_CB * top)
    green = red * -_GREEN_PER_RED
    green -= blue * _GREEN_PER_BLUE
    highest = np.maximum(red, blue)
    np.maximum(highest, green, out=highest)
    lowest = np.minimum(red, blue, out=red)
    np.minimum(lowest, green, out=lowest)
    # A zero step has a share of 1 whatever the room: the smallest number keeps 0 / 0 away.
    highest += TINY
    above = np.subtract(top + TINY, grey, out=green)
    above /= highest
    np.subtract(TINY, lowest, out=lowest)
    share: Float32 = np.add(grey, TINY, out=blue)
    share /= lowest
    np.minimum(share, above, out=share)
    np.clip(share, np.float32(0), np.float32(1), out=share)
    return share
