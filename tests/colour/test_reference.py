"""Colours of another picture come to what is alike in both, and to nothing else."""

import tracemalloc

import numpy as np
import pytest

from archivecolor.colour.guidance import STROKE_HINTS, guide
from archivecolor.colour.kernel import Answer
from archivecolor.colour.lab import lab_from_rgb
from archivecolor.colour.reference import Reference, hints_like

SHAPE, CHANNELS = (12, 16), 144


def answer_of(features):
    """A network that says grey of everything, on a grid of twice the features'."""
    shape = tuple(2 * side for side in features.shape[:2])
    return Answer(
        np.zeros((*shape, 2), np.float32),
        np.full(shape, 0.5, np.float32),
        np.full(shape, 50, np.float32),
        features,
    )


@pytest.fixture
def scene():
    return np.random.default_rng(5).normal(size=(*SHAPE, CHANNELS)).astype(np.float32)


def in_colour(features):
    """A picture whose left half is red and whose right half is blue."""
    height, width = (8 * side for side in features.shape[:2])
    rgb = np.empty((height, width, 3), np.float32)
    rgb[:, : width // 2], rgb[:, width // 2 :] = (0.8, 0.2, 0.2), (0.2, 0.2, 0.8)
    return Reference(answer_of(features), lab_from_rgb(rgb))


def test_a_mirrored_picture_gets_mirrored_colours(scene):
    hints = hints_like(answer_of(scene[:, ::-1].copy()), in_colour(scene), page=3)
    assert 13 <= len(hints) <= STROKE_HINTS
    assert all(hint.soft and hint.page == 3 for hint in hints)
    for hint in hints:
        red, _, blue = hint.colour
        assert (red > blue) == (hint.x > 0.5)
    ab = guide(answer_of(scene[:, ::-1].copy()), hints)
    assert ab[:, :16, 1].mean() < -10
    assert ab[:, 16:, 0].mean() > 10


def test_nothing_in_common_gives_nothing(scene):
    other = np.random.default_rng(6).normal(size=(*SHAPE, CHANNELS)).astype(np.float32)
    assert hints_like(answer_of(other), in_colour(scene)) == ()


def test_things_that_lie_about_elsewhere_are_no_likeness(scene):
    """Each place has its like, and no two of them agree on how one picture lies in the other."""
    cells = scene.reshape(-1, CHANNELS)
    shuffled = np.random.default_rng(7).permutation(cells).reshape(scene.shape)
    assert hints_like(answer_of(shuffled), in_colour(scene)) == ()


def test_one_small_thing_in_common_is_no_likeness(scene):
    """Cells beside each other tell the same: many pairs of one spot are no more than a few."""
    other = np.random.default_rng(6).normal(size=scene.shape).astype(np.float32)
    other[2:7, 3:8] = scene[5:10, 9:14]
    assert hints_like(answer_of(other), in_colour(scene)) == ()


def test_what_moved_keeps_its_colours_where_the_rest_agrees(scene):
    moved = scene.copy()
    moved[4:9, 1:6], moved[4:9, 10:15] = scene[4:9, 10:15], scene[4:9, 1:6]
    hints = hints_like(answer_of(moved), in_colour(scene))
    inside = [hint for hint in hints if 5 / 12 < hint.y < 8 / 12 and 2 / 16 < hint.x < 5 / 16]
    assert inside
    assert all(hint.colour[2] > hint.colour[0] for hint in inside)


def test_what_repeats_is_no_likeness(scene):
    """A wall of bricks is like any other: where a second place is as near, neither counts."""
    bricks = np.tile(scene[:1, :1], (*SHAPE, 1))
    assert hints_like(answer_of(bricks), in_colour(bricks)) == ()


def test_a_network_without_features_finds_nothing(scene):
    without = Answer(*(getattr(answer_of(scene), name) for name in ("ab", "certainty", "lightness")), None)
    assert hints_like(without, in_colour(scene)) == ()


def test_large_grids_need_no_table_of_all_cells_by_all_cells():
    features = np.random.default_rng(5).normal(size=(48, 64, 16)).astype(np.float32)
    reference = in_colour(features)
    tracemalloc.start()
    hints = hints_like(answer_of(features[:, ::-1].copy()), reference)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(hints) == STROKE_HINTS
    assert peak < 48 * 64 * 48 * 64 * 8 / 2
