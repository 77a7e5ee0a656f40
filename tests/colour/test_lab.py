import numpy as np
import pytest
from skimage import color, data

from archivecolor.colour.gamut import BLUE_PER_CB, RED_PER_CR
from archivecolor.colour.lab import (
    LUMA_WEIGHTS,
    cbcr_from_lab,
    lab_from_rgb,
    lightness_from_luma,
    rgb_from_lab,
)

GREYS = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("picture", ["astronaut", "coffee", "chelsea"])
def test_lab_is_that_of_scikit_image(picture):
    rgb = getattr(data, picture)()
    # Its white point differs from the sum of its primaries by up to 0.005 in b.
    assert np.abs(lab_from_rgb(rgb) - color.rgb2lab(rgb)).max() < 0.006
    assert np.abs(lab_from_rgb(rgb)[..., 0] - color.rgb2lab(rgb)[..., 0]).max() < 1e-4


def test_16_bits_and_fractions_are_the_same_colour():
    rgb = data.astronaut()
    lab = lab_from_rgb(rgb)
    assert lab.dtype == np.float32
    assert np.allclose(lab_from_rgb(rgb.astype(np.uint16) * 257), lab, atol=1e-3)
    assert np.allclose(lab_from_rgb(rgb / 255), lab, atol=1e-3)


def test_grey_is_neutral():
    lab = lab_from_rgb(np.stack([GREYS] * 3, axis=-1))
    assert np.abs(lab[:, 1:]).max() < 1e-3
    neutral = np.stack([lightness_from_luma(GREYS), np.zeros(256), np.zeros(256)], axis=-1)
    assert np.abs(cbcr_from_lab(neutral)).max() < 1e-6


def test_lightness_of_grey_is_its_l():
    lab = lab_from_rgb(np.stack([GREYS] * 3, axis=-1))
    assert np.allclose(lightness_from_luma(GREYS), lab[:, 0], atol=1e-4)
    assert np.allclose(lightness_from_luma(GREYS / np.float32(255)), lab[:, 0], atol=1e-4)
    assert lightness_from_luma(GREYS)[[0, 255]].tolist() == pytest.approx([0, 100])


def test_rgb_comes_back_from_lab():
    rgb = data.astronaut()
    assert np.abs(rgb_from_lab(lab_from_rgb(rgb)) * 255 - rgb).max() < 0.01


def test_colours_outside_the_gamut_come_back_too():
    rng = np.random.default_rng(0)
    lab = rng.uniform([10, -60, -60], [95, 60, 60], (5000, 3)).astype(np.float32)
    assert np.abs(lab_from_rgb(rgb_from_lab(lab)) - lab).max() < 0.02


def test_chroma_and_luma_are_one_colour():
    rng = np.random.default_rng(0)
    lab = rng.uniform([20, -30, -30], [90, 30, 30], (5000, 3)).astype(np.float32)
    luma, (cb, cr) = rgb_from_lab(lab) @ LUMA_WEIGHTS, cbcr_from_lab(lab).T
    red, blue = luma + RED_PER_CR * cr, luma + BLUE_PER_CB * cb
    green = (luma - LUMA_WEIGHTS[0] * red - LUMA_WEIGHTS[2] * blue) / LUMA_WEIGHTS[1]
    assert np.abs(lab_from_rgb(np.stack([red, green, blue], axis=-1)) - lab).max() < 0.01


def test_chroma_is_bt601():
    red = lab_from_rgb(np.array([[255, 0, 0]], np.uint8))
    # Cr of full red is 0.5 by definition, Cb is -0.299 / 1.772.
    assert cbcr_from_lab(red)[0].tolist() == pytest.approx([-0.299 / 1.772, 0.5], abs=1e-3)


def test_far_colours_stay_within_full_scale_and_keep_their_side():
    lab = np.array([[5, 0, -180], [98, 180, 0], [0, 100, 100], [50, -180, 180]], np.float32)
    cbcr = cbcr_from_lab(lab)
    assert np.isfinite(cbcr).all()
    assert np.abs(cbcr).max() <= 0.5
    assert cbcr[0, 0] > 0
    assert cbcr[1, 1] > 0
    assert cbcr[2, 1] > 0
    assert cbcr[3, 0] < 0
