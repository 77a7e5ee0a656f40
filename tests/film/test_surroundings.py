"""Places that were seen for a shorter time take the colour of what is around."""

import numpy as np

from archivecolor.colour.chroma import Chroma
from archivecolor.film.motion import Motion, Warp, sample_grid
from archivecolor.film.surroundings import with_surroundings
from archivecolor.film.temporal_smoothing import SmootherInput, smooth_chroma

SNOW, SKY = (0.02, -0.01), (0.2, -0.15)
SHAPE = (64, 96)


def sums_of(colour, weight):
    return np.array((*(one * weight for one in colour), weight), np.float32)


def colours_of(sums):
    return sums[..., :2] / sums[..., 2:]


def test_a_patch_on_even_ground_takes_after_the_ground():
    sums = np.tile(sums_of(SNOW, 2.0), (*SHAPE, 1))
    sums[30:34, 40:46] = sums_of(SKY, 0.02)
    found = with_surroundings(sums, np.full(SHAPE, 0.8, np.float32))
    assert np.abs(found - SNOW).max() < 0.01


def test_what_has_the_weight_of_its_surroundings_is_left_alone():
    sums = np.tile(sums_of(SNOW, 2.0), (*SHAPE, 1))
    sums[30:34, 40:46] = sums_of(SKY, 2.0)
    found = with_surroundings(sums, np.full(SHAPE, 0.8, np.float32))
    np.testing.assert_allclose(found, colours_of(sums), atol=1e-4)


def test_colour_does_not_cross_an_edge_of_luma():
    """Bright ground is uncovered and was seen once; what is dark beside it, for long, lends it nothing."""
    luma = np.full(SHAPE, 0.2, np.float32)
    luma[:, 48:] = 0.8
    sums = np.tile(sums_of(SNOW, 0.02), (*SHAPE, 1))
    sums[:, :48] = sums_of(SKY, 2.0)
    found = with_surroundings(sums, luma)[:, 51:]
    assert np.abs(found - SNOW).max() < 0.05


def test_distrusted_places_of_even_ground_show_no_single_answer():
    """Motion leads nowhere in a patch of one frame, where the network says something else."""
    luma, patch = np.full(SHAPE, 0.8, np.float32), (slice(30, 38), slice(40, 52))
    holes = np.ones(SHAPE, np.float32)
    holes[patch] = 0
    frames = []
    for number in range(12):
        trust = holes if number in (6, 7) else np.ones(SHAPE, np.float32)
        warp = Warp(sample_grid(*SHAPE), trust)
        cbcr = np.tile(np.array(SKY if number == 6 else SNOW, np.float32), (16, 24, 1))
        chroma = Chroma(cbcr, np.ones((16, 24), np.float32), 1.0)
        frames.append(SmootherInput(luma, Motion(warp, warp) if number else None, trust, chroma))
    steady = [smoothed.cbcr for smoothed in smooth_chroma(frames, 0.9)]
    ground = steady[6][4:12, 4:12].mean(axis=(0, 1))
    assert np.abs(steady[6][patch] - ground).max() < 0.03
