"""Colours to choose from are those that the network finds likely at the place, and different ones."""

import numpy as np

from archivecolor.colour.chroma import Chroma
from archivecolor.colour.kernel import Likelihood
from archivecolor.colour.lab import lab_from_rgb
from archivecolor.colour.luma import luma_codes
from archivecolor.colour.palette import SIZE, commonest_colours, likely_colours

# a*, b*: grey, two reds that are one to the eye, a blue, a green.
COLOURS = np.array([[1, 0], [40, 20], [41, 24], [5, -40], [-35, 30]], np.float32)


def likelihood(left, right):
    """Of a picture of two cells."""
    return Likelihood(COLOURS, np.array([[left, right]], np.float32))


def directions(colours):
    """Unit a*, b* of each."""
    ab = lab_from_rgb(np.array([colours], np.uint8))[0, :, 1:].astype(np.float64)
    return ab / np.hypot(*ab.T)[:, None]


def test_the_likeliest_at_the_place_comes_first_and_shades_of_it_do_not_follow():
    both = likelihood([0.5, 0.2, 0.15, 0.1, 0.05], [0.1, 0, 0, 0.3, 0.6])
    left, right = (likely_colours(both, place, 120) for place in ((0.2, 0.9), (0.9, 0.1)))
    assert len(left) == len(right) == 3
    np.testing.assert_allclose(directions(left), directions_of(COLOURS[[1, 3, 4]]), atol=0.12)
    np.testing.assert_allclose(directions(right)[:2], directions_of(COLOURS[[4, 3]]), atol=0.12)


def directions_of(ab):
    return ab / np.hypot(*ab.T)[:, None]


def test_colours_are_as_light_as_the_place_at_every_code():
    even = likelihood([0.2] * 5, [0.2] * 5)
    for grey in (0, 1, 60, 128, 200, 254, 255):
        colours = np.array([likely_colours(even, (1.0, 1.0), grey)], np.uint8)
        assert (luma_codes(colours) == grey).all()


def test_there_are_never_more_than_a_palette_holds():
    around = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    many = np.stack([70 * np.cos(around), 70 * np.sin(around)], axis=1).astype(np.float32)
    shares = np.full((1, 1, 60), 1 / 60, np.float32)
    assert len(likely_colours(Likelihood(many, shares), (0, 0), 128)) == SIZE


def test_without_likelihoods_the_commonest_colours_of_the_picture_are_given():
    cbcr = np.zeros((2, 5, 2), np.float32)
    cbcr[0, :3], cbcr[1, :2] = (-0.1, 0.2), (0.2, -0.1)
    colours = commonest_colours(Chroma(cbcr, np.ones((2, 5), np.float32), 1.0), 100)
    assert len(colours) == 2 and colours[0][0] > colours[0][2] and colours[1][2] > colours[1][0]
