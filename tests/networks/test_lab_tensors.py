"""Colour on tensors is the colour of scikit-image, whatever precision surrounds it."""

import numpy as np
import torch
from skimage import color
from skimage.data import coffee

from archivecolor.networks.lab_tensors import (
    grey_code_from_lightness,
    lab_from_linear,
    lightness_from_linear,
    linear_from_rgb,
    rgb_from_lab,
)

PICTURE = coffee()[::8, ::8]
CODES = torch.from_numpy(PICTURE.transpose(2, 0, 1)[None].copy()).float() / 255.0


def test_lab_is_scikit_images():
    lab = lab_from_linear(linear_from_rgb(CODES))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(lab, color.rgb2lab(PICTURE), atol=0.02)


def test_lab_comes_back_to_codes():
    torch.testing.assert_close(
        rgb_from_lab(lab_from_linear(linear_from_rgb(CODES))), CODES, atol=1e-3, rtol=0
    )


def test_lab_is_the_same_in_mixed_precision():
    plain = lab_from_linear(linear_from_rgb(CODES))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = lab_from_linear(linear_from_rgb(CODES))
        back = rgb_from_lab(mixed)
    torch.testing.assert_close(mixed, plain)
    torch.testing.assert_close(back, rgb_from_lab(plain))


def test_grey_codes_come_back_from_their_lightness():
    codes = torch.linspace(0, 1, 256)
    lightness = lightness_from_linear(linear_from_rgb(codes))
    torch.testing.assert_close(grey_code_from_lightness(lightness), codes, atol=1e-3, rtol=0)
