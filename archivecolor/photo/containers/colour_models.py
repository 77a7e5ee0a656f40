"""Codes of other colour models as RGB codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archivecolor.colour.lab import rgb_from_lab
from archivecolor.photo.facts import Codes


@dataclass(frozen=True)
class YcbcrModel:
    """What 8-bit codes of Y, Cb and Cr mean.

    Attributes:
        weights: of R, G and B in Y.
        zeros: codes of Y, Cb and Cr that stand for none of it.
        tops: codes of Y, Cb and Cr that stand for the most of it.
    """

    weights: tuple[float, float, float] = (0.299, 0.587, 0.114)
    zeros: tuple[float, float, float] = (0, 128, 128)
    tops: tuple[float, float, float] = (255, 255, 255)


def rgb_from_ycbcr(codes: Codes, model: YcbcrModel) -> Codes:
    """RGB codes uint8 (..., 3), clipped, from those of Y, Cb and Cr (TIFF 6.0, section 21)."""
    zeros, tops = (np.array(ends, np.float32) for ends in (model.zeros, model.tops))
    # Chroma has half the range of luma on either side of its zero, less one code.
    scale = np.array((255, 127, 127), np.float32) / (tops - zeros)
    luma, cb, cr = np.moveaxis((codes - zeros) * scale, -1, 0)
    red_weight, green_weight, blue_weight = model.weights
    red, blue = luma + (2 - 2 * red_weight) * cr, luma + (2 - 2 * blue_weight) * cb
    green = (luma - red_weight * red - blue_weight * blue) / green_weight
    rgb: Codes = np.rint(np.clip(np.stack([red, green, blue], axis=-1), 0, 255)).astype(np.uint8)
    return rgb


def rgb_from_inks(inks: Codes) -> Codes:
    """RGB from CMYK in which 0 is no ink: (1 - ink)(1 - black)."""
    top = int(np.iinfo(inks.dtype).max)
    reflectance = top - inks.astype(np.uint32)
    return ((reflectance[..., :3] * reflectance[..., 3:] + top // 2) // top).astype(inks.dtype)


def rgb_from_lab_codes(lab: Codes, *, signed: bool) -> Codes:
    """RGB (sRGB codes) from codes of CIE Lab (..., 3).

    Args:
        lab: uint8 or uint16; 0 to the largest for L* from 0 to 100.
        signed: whether those of a* and b* are signed, or offset by half.
    """
    top = np.iinfo(lab.dtype).max
    unit = np.float32(256 if top > 255 else 1)
    if signed:
        chroma = lab[..., 1:].view(np.int16 if top > 255 else np.int8).astype(np.float32)
    else:
        chroma = lab[..., 1:].astype(np.float32) - (top + 1) // 2
    lightness = lab[..., :1].astype(np.float32) * np.float32(100 / top)
    rgb = rgb_from_lab(np.concatenate([lightness, chroma / unit], axis=-1))
    return np.rint(np.clip(rgb, 0, 1) * top).astype(lab.dtype)
