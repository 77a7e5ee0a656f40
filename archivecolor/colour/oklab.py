"""A colour at another lightness: the same hue to the eye, which the hue of CIE L*a*b* is not.

Navy taken to the lightness of a grey coat by its a*, b* is lavender. OKLab was made so that colours of one
hue look alike in it (Björn Ottosson, "A perceptual color space for image processing", 2020); its matrices
are taken from there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from archivecolor.colour.kernel import Float64
from archivecolor.colour.lab import (
    XYZ_FROM_RGB,
    codes_from_linear,
    lab_from_rgb,
    linear_from_rgb,
    rgb_from_lab,
)

# Linear sRGB to the answers of cones, and their cube roots to lightness and two axes of colour.
_CONES_FROM_RGB = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_OKLAB_FROM_ROOTS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_RGB_FROM_CONES = np.linalg.inv(_CONES_FROM_RGB)
_ROOTS_FROM_OKLAB = np.linalg.inv(_OKLAB_FROM_ROOTS)
# Luminance of the cones' answers.
_LUMINANCE = XYZ_FROM_RGB[1] @ _RGB_FROM_CONES
# Steps of Newton's method and of halving: more change no code of eight bits.
_NEWTON_STEPS, _HALVINGS = 8, 14
_ROUNDING_ERROR = 1e-4


def ab_at_lightness(colours: npt.NDArray[np.uint8], lightness: Float64) -> tuple[Float64, Float64]:
    """Colours taken to other lightnesses, with as much of their chroma as sRGB has there.

    Args:
        colours: (n, 3), sRGB codes.
        lightness: (n,), L* that each is taken to, 0..100.

    Returns:
        CIE a*, b* (n, 2), and the share of its chroma that each keeps (n,), 0..1.
    """
    chroma = (np.cbrt(linear_from_rgb(colours) @ _CONES_FROM_RGB.T) @ _OKLAB_FROM_ROOTS.T)[:, 1:]
    luminance = _luminance_of(np.clip(lightness, 0.0, 100.0))
    share = np.ones(len(chroma))
    if not (is_shown := _is_shown(_at_luminance(chroma, luminance))).all():
        least, most = np.where(is_shown, 1.0, 0.0), np.ones(len(chroma))
        for _halving in range(_HALVINGS):
            share = (least + most) / 2
            fits = _is_shown(_at_luminance(chroma * share[:, None], luminance))
            least, most = np.where(fits, share, least), np.where(fits, most, share)
        share = least
    rgb = _at_luminance(chroma * share[:, None], luminance)
    lab = lab_from_rgb(codes_from_linear(np.asarray(rgb, np.float32)))
    return np.asarray(lab[:, 1:], np.float64), share


def _luminance_of(lightness: Float64) -> Float64:
    """Y, 0..1, of L* (n,)."""
    grey = np.stack([lightness, np.zeros_like(lightness), np.zeros_like(lightness)], axis=1)
    return np.asarray(linear_from_rgb(rgb_from_lab(grey))[:, 1], np.float64)


def _at_luminance(chroma: Float64, luminance: Float64) -> Float64:
    """Linear sRGB (n, 3), not clipped, of OKLab's a, b (n, 2) at a luminance (n,)."""
    offsets = chroma @ _ROOTS_FROM_OKLAB[:, 1:].T
    # No lower than where a cone would answer less than nothing: there luminance rises with lightness.
    lightness = np.maximum(np.cbrt(luminance), -offsets.min(axis=1))
    for _step in range(_NEWTON_STEPS):
        roots = lightness[:, None] + offsets
        slope = np.maximum(3 * roots**2 @ _LUMINANCE, 1e-9)
        lightness = lightness - (roots**3 @ _LUMINANCE - luminance) / slope
    return np.asarray((lightness[:, None] + offsets) ** 3 @ _RGB_FROM_CONES.T, np.float64)


def _is_shown(rgb: Float64) -> npt.NDArray[np.bool_]:
    """Whether linear sRGB (n, 3) is in gamut, (n,)."""
    return np.asarray(
        (rgb.min(axis=1) >= -_ROUNDING_ERROR) & (rgb.max(axis=1) <= 1 + _ROUNDING_ERROR), np.bool_
    )
