"""Colour on tensors, on whatever device they live on.

sRGB transfer (IEC 61966-2-1), D65, CIE 1976 Lab, as `colour.lab` has it for arrays.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from archivecolor.networks.device import device_constant

_RGB_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_XYZ_TO_RGB = tuple(tuple(row) for row in np.linalg.inv(_RGB_TO_XYZ).tolist())
WHITE = (0.95047, 1.0, 1.08883)
EPSILON = (6.0 / 29.0) ** 3


def linear_from_rgb(rgb: Tensor) -> Tensor:
    """Linear light 0..1 of sRGB codes 0..1, any shape."""
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055).clamp_min(1e-6) ** 2.4)


def _rgb_from_linear(linear: Tensor) -> Tensor:
    """Linear light to sRGB codes, any shape; values outside 0..1 are clipped."""
    linear = linear.clamp(0.0, 1.0)
    return torch.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(1e-6) ** (1 / 2.4) - 0.055
    )


def _mixed(matrix: Tensor, maps: Tensor) -> Tensor:
    """Each pixel of (N, 3, H, W) through a 3 x 3 matrix, in full precision whatever surrounds the call."""
    with torch.autocast(maps.device.type, enabled=False):
        return torch.einsum("rc,nchw->nrhw", matrix, maps.float())


def _response(ratio: Tensor) -> Tensor:
    return torch.where(
        ratio > EPSILON, ratio.clamp_min(1e-6) ** (1 / 3), ratio * (841.0 / 108.0) + 4.0 / 29.0
    )


def lab_from_linear(linear: Tensor) -> Tensor:
    """Linear light (N, 3, H, W), 0..1, to Lab (N, 3, H, W): L* 0..100, a* and b* in Lab units."""
    matrix = device_constant(_RGB_TO_XYZ, linear.device) / device_constant(WHITE, linear.device)[:, None]
    x, y, z = _response(_mixed(matrix, linear)).unbind(1)
    return torch.stack((116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)), dim=1)


def rgb_from_lab(lab: Tensor) -> Tensor:
    """Lab (N, 3, H, W) to sRGB codes (N, 3, H, W) clipped to 0..1."""
    lightness, a, b = lab.unbind(1)
    y = (lightness + 16.0) / 116.0
    ratios = torch.stack((y + a / 500.0, y, y - b / 200.0), dim=1)
    ratios = torch.where(ratios > 6.0 / 29.0, ratios**3, (ratios - 4.0 / 29.0) * (108.0 / 841.0))
    xyz = ratios * device_constant(WHITE, lab.device)[None, :, None, None]
    return _rgb_from_linear(_mixed(device_constant(_XYZ_TO_RGB, lab.device), xyz))


def lightness_from_linear(luminance: Tensor) -> Tensor:
    """Linear luminance 0..1, any shape, to L* scaled to -1..1."""
    return (116.0 * _response(luminance.clamp(0.0, 1.0)) - 16.0) / 50.0 - 1.0


def grey_code_from_lightness(lightness: Tensor) -> Tensor:
    """L* scaled to -1..1, any shape, to the sRGB code 0..1 of the grey of that lightness."""
    root = ((lightness + 1.0) * 50.0 + 16.0) / 116.0
    linear = torch.where(root > 6.0 / 29.0, root**3, (root - 4.0 / 29.0) * (108.0 / 841.0))
    return _rgb_from_linear(linear)
