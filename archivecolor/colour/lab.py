"""CIE L*a*b* and BT.601 chroma of sRGB colours, in float: 8-bit Lab tints neutral greys.

sRGB transfer (IEC 61966-2-1), D65, 2 degree observer. Codes are fractions of full scale; those
outside 0..1 are carried through an odd transfer curve, so out-of-gamut colours keep their hue.
Grey is exactly neutral: the white point is the sum of the primaries.
"""

from __future__ import annotations

import numpy as np

from archivecolor.colour.arrays import Float32, Numbers
from archivecolor.colour.gamut import BLUE_PER_CB, RED_PER_CR

# Of linear sRGB; its second row is luminance.
XYZ_FROM_RGB = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
WHITE = XYZ_FROM_RGB.sum(axis=1)
# Rows divided by the white point: grey has X = Y = Z.
_RELATIVE_FROM_RGB = (XYZ_FROM_RGB / WHITE[:, None]).astype(np.float32)
_RGB_FROM_RELATIVE = np.linalg.inv(XYZ_FROM_RGB / WHITE[:, None]).astype(np.float32)
LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)

# CIE 15: the cube root gives way to a line below (6/29)^3.
_CUBE_START = np.float32((6 / 29) ** 3)
_ROOT_START = np.float32(6 / 29)
_LINE_SLOPE = np.float32((29 / 6) ** 2 / 3)
_LINE_OFFSET = np.float32(4 / 29)


def lab_from_rgb(rgb: Numbers) -> Float32:
    """L* (0..100), a*, b* of sRGB codes.

    Args:
        rgb: (..., 3), uint8 or uint16 codes, or floats as fractions of full scale.

    Returns:
        float32 (..., 3).
    """
    relative = linear_from_rgb(rgb) @ _RELATIVE_FROM_RGB.T
    root = np.where(relative > _CUBE_START, np.cbrt(relative), relative * _LINE_SLOPE + _LINE_OFFSET)
    lab: Float32 = np.empty_like(root)
    lab[..., 0] = 116 * root[..., 1] - 16
    lab[..., 1] = 500 * (root[..., 0] - root[..., 1])
    lab[..., 2] = 200 * (root[..., 1] - root[..., 2])
    return lab


def rgb_from_lab(lab: Numbers) -> Float32:
    """Codes in sRGB of L*, a*, b* (..., 3): float32 fractions of full scale, not clipped to 0..1."""
    lab = np.asarray(lab, np.float32)
    root = np.empty_like(lab)
    root[..., 1] = (lab[..., 0] + 16) / 116
    root[..., 0] = root[..., 1] + lab[..., 1] / 500
    root[..., 2] = root[..., 1] - lab[..., 2] / 200
    relative = np.where(root > _ROOT_START, root**3, (root - _LINE_OFFSET) / _LINE_SLOPE)
    return codes_from_linear(relative @ _RGB_FROM_RELATIVE.T)


def lightness_from_luma(luma: Numbers) -> Float32:
    """L* (0..100, float32) of grey codes (...): uint8, uint16 or fractions of full scale."""
    linear = linear_from_rgb(luma)
    root = np.where(linear > _CUBE_START, np.cbrt(linear), linear * _LINE_SLOPE + _LINE_OFFSET)
    return np.asarray(116 * root - 16, np.float32)


def cbcr_from_lab(lab: Numbers) -> Float32:
    """BT.601 full-range Cb and Cr of L*, a*, b*, as fractions of full scale.

    Colours outside the sRGB gamut keep their hue; what they come to is cut at -0.5..0.5, and
    `compose_exact_luma` shortens it to the luma of each pixel.

    Args:
        lab: (..., 3).

    Returns:
        float32 (..., 2), -0.5..0.5.
    """
    rgb = rgb_from_lab(lab)
    luma = rgb @ LUMA_WEIGHTS
    cbcr = np.empty((*rgb.shape[:-1], 2), np.float32)
    cbcr[..., 0] = (rgb[..., 2] - luma) / BLUE_PER_CB
    cbcr[..., 1] = (rgb[..., 0] - luma) / RED_PER_CR
    over = np.maximum(np.abs(cbcr).max(axis=-1, keepdims=True) / np.float32(0.5), 1)
    return np.asarray(cbcr / over, np.float32)


def linear_from_rgb(rgb: Numbers) -> Float32:
    """Linear light of sRGB codes of any dtype."""
    if rgb.dtype == np.uint8:
        table = _linear_from_fraction(np.linspace(0, 1, 256, dtype=np.float32))
        return np.asarray(table[rgb], np.float32)
    if rgb.dtype == np.uint16:
        return _linear_from_fraction(np.asarray(rgb, np.float32) / np.float32(65535))
    return _linear_from_fraction(np.asarray(rgb, np.float32))


def _linear_from_fraction(code: Float32) -> Float32:
    """The sRGB curve from codes to light, odd about zero."""
    size = np.abs(code)
    light = np.where(size > 0.04045, ((size + 0.055) / 1.055) ** 2.4, size / 12.92)
    return np.asarray(np.copysign(light, code), np.float32)


def codes_from_linear(light: Float32) -> Float32:
    """The sRGB curve from light to codes, odd about zero."""
    size = np.abs(light)
    code = np.where(size > 0.0031308, 1.055 * size ** (1 / 2.4) - 0.055, size * 12.92)
    return np.asarray(np.copysign(code, light), np.float32)
