"""Colours taken to other lightnesses keep their hue to the eye."""

import colorsys

import numpy as np
import pytest

from archivecolor.colour.lab import lab_from_rgb, rgb_from_lab
from archivecolor.colour.oklab import ab_at_lightness

NAVY, BROWN = (0, 0, 128), (139, 69, 19)


def taken(colour, lightness):
    """Codes of a colour at a lightness, and the share of its chroma that it keeps."""
    ab, share = ab_at_lightness(np.array([colour], np.uint8), np.array([lightness]))
    return rgb_from_lab(np.array([lightness, *ab[0]])), share[0]


def test_a_colour_at_its_own_lightness_is_itself():
    codes = np.random.default_rng(3).integers(0, 256, (500, 3)).astype(np.uint8)
    lab = lab_from_rgb(codes)
    ab, share = ab_at_lightness(codes, lab[:, 0].astype(np.float64))
    np.testing.assert_allclose(ab, lab[:, 1:], atol=1e-3)
    assert share.min() > 0.999


def test_navy_on_a_grey_coat_is_blue_and_not_lavender():
    red, green, blue = taken(NAVY, 45.0)[0]
    assert blue > green > red
    assert 210 < colorsys.rgb_to_hsv(red, green, blue)[0] * 360 < 240


@pytest.mark.parametrize("colour", [NAVY, BROWN, (255, 0, 0), (255, 255, 0), (0, 128, 0), (1, 1, 1)])
@pytest.mark.parametrize("lightness", [0.0, 3.0, 20.0, 50.0, 80.0, 99.0, 100.0])
def test_there_is_as_much_of_a_colour_as_a_screen_has(colour, lightness):
    codes, share = taken(colour, lightness)
    assert codes.min() > -0.02
    assert codes.max() < 1.02
    assert 0 <= share <= 1
    assert lab_from_rgb(np.clip(codes, 0, 1))[0] == pytest.approx(lightness, abs=1)


def test_what_a_screen_has_keeps_all_its_chroma():
    assert taken(BROWN, 50.0)[1] == 1
    assert taken(BROWN, 95.0)[1] < 0.5
