"""Chroma laid over luma codes: the luma of every pixel stays what it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from archivecolor.colour.luma import BLOCK_PIXELS

Float32 = npt.NDArray[np.float32]

# BT.601: R = Y + 1.402 Cr, B = Y + 1.772 Cb; G is what then gives the luma.
RED_PER_CR = np.float32(1.402)
BLUE_PER_CB = np.float32(1.772)
GREEN_PER_RED = np.float32(299 / 587)
GREEN_PER_BLUE = np.float32(114 / 587)

# Chroma beyond this many full scales is cut before it is shortened, so that infinity has a hue too.
FARTHEST = np.float32(1e6)
TINY = np.float32(1e-6)


def lay_chroma(luma: npt.NDArray[Any], cbcr: Float32) -> npt.NDArray[Any]:
    """RGB codes whose BT.601 luma code is exactly `luma`, with the hue of `cbcr`.

    R and B are rounded, then G is the code that brings the luma back: a step of G moves luma by
    0.587 code, so one always exists. A pixel outside the gamut has its chroma shortened toward
    grey first, which leaves G room; its luma never moves. Chroma that is not a number is grey.

    Args:
        luma: uint8 or uint16 (h, w) codes.
        cbcr: float32 (h, w, 2), BT.601 Cb and Cr as fractions of full scale; any size of value.

    Returns:
        Codes (h, w, 3) of the dtype of `luma`, for which `luma_codes(rgb) == luma` everywhere.

    Raises:
        TypeError: where `luma` is neither uint8 nor uint16.
        ValueError: where the two arrays are not of one raster.
    """
    if luma.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"luma codes are uint8 or uint16, not {luma.dtype}")
    if cbcr.shape != (*luma.shape, 2):
        raise ValueError(f"luma of shape {luma.shape} and chroma of shape {cbcr.shape} do not match")
    top = np.float32(np.iinfo(luma.dtype).max)
    rgb = np.empty((luma.size, 3), luma.dtype)
    flat_luma = luma.reshape(-1)
    flat_chroma = cbcr.reshape(-1, 2)
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, luma.size, BLOCK_PIXELS):
            block = slice(start, start + BLOCK_PIXELS)
            grey = flat_luma[block].astype(np.float32)
            red, green, blue = _lay_block(grey, flat_chroma[block], top)
            rgb[block, 0], rgb[block, 1], rgb[block, 2] = red, green, blue
    return rgb.reshape(*luma.shape, 3)


def _lay_block(grey: Float32, cbcr: Float32, top: np.float32) -> Float32:
    """Whole-numbered planes R, G, B (3, n) in 0..top for the luma `grey` (n,) and `cbcr` (n, 2)."""
    planes = _round_to_luma(grey, cbcr[:, 1] * (RED_PER_CR * top), cbcr[:, 0] * (BLUE_PER_CB * top))
    if planes.min() >= 0 and planes.max() <= top:
        return planes
    sane = np.clip(np.nan_to_num(cbcr, nan=0.0), -FARTHEST, FARTHEST)
    red_step, blue_step = sane[:, 1] * (RED_PER_CR * top), sane[:, 0] * (BLUE_PER_CB * top)
    share = _share_in_gamut(grey, red_step, blue_step, top)
    return _round_to_luma(grey, red_step * share, blue_step * share)


def _round_to_luma(grey: Float32, red_step: Float32, blue_step: Float32) -> Float32:
    """Rounded R and B at these distances from `grey`, and the G that gives the luma back."""
    planes = np.empty((3, len(grey)), np.float32)
    red, green, blue = planes
    np.rint(np.add(grey, red_step, out=red), out=red)
    np.rint(np.add(grey, blue_step, out=blue), out=blue)
    # float32 is enough at 16 bits: an error of 0.35 in G still rounds to the same luma code.
    np.multiply(np.subtract(grey, red, out=green), GREEN_PER_RED, out=green)
    green += (grey - blue) * GREEN_PER_BLUE
    green += grey
    np.rint(green, out=green)
    return planes


def _share_in_gamut(grey: Float32, red_step: Float32, blue_step: Float32, top: np.float32) -> Float32:
    """The largest share (n,) in 0..1 of each chroma that keeps R, G and B within 0..top.

    With R, G and B there before rounding, rounding R and B moves G by at most 0.36 code, so G
    rounds to a code in range.
    """
    green_step = red_step * -GREEN_PER_RED - blue_step * GREEN_PER_BLUE
    highest = np.maximum(np.maximum(red_step, green_step), blue_step)
    lowest = np.minimum(np.minimum(red_step, green_step), blue_step)
    # A zero step has a share of 1 whatever the room: the smallest number keeps 0 / 0 away.
    above = (top - grey + TINY) / (highest + TINY)
    below = (grey + TINY) / (TINY - lowest)
    share: Float32 = np.minimum(np.minimum(above, below), np.float32(1))
    return share
