"""Colours of one frame for others of its set-up, cell by cell."""

import numpy as np
import pytest

from archivecolor.colour.exemplar import exemplar_of, shows_set_up, with_colours_of
from archivecolor.colour.kernel import Answer

ROWS, COLUMNS, CHANNELS = 12, 16, 144


def scene(seed, columns=COLUMNS + 8):
    """Features of a wide scene in which no two places are alike, (rows, columns, channels)."""
    return np.random.default_rng(seed).normal(0, 1, (ROWS, columns, CHANNELS)).astype(np.float32)


def frame(features, hue, left=0):
    """What a network says of a part of a scene: one colour for all of it, (a, b)."""
    shown = features[:, left : left + COLUMNS]
    ab = np.broadcast_to(np.array(hue, np.float32), (2 * ROWS, 2 * COLUMNS, 2)).copy()
    lightness = np.full(ab.shape[:2], 50, np.float32)
    return Answer(ab, np.full(ab.shape[:2], 0.6, np.float32), lightness, shown)


def striped(features, left=0):
    """A part of a scene whose columns have colours of their own, by their places in the scene."""
    answer = frame(features, (0, 0), left)
    answer.ab[..., 0] = np.repeat(np.arange(left, left + COLUMNS), 2) * 4 - 40
    return answer


def test_a_frame_takes_the_colours_that_its_things_have_in_the_exemplar_wherever_they_moved():
    features = scene(1)
    source, moved = striped(features), frame(features, (30, 30), left=3)
    exemplar = exemplar_of(source, source.ab)
    assert shows_set_up(moved, exemplar)
    taken = with_colours_of(moved, [exemplar])[:, : 2 * (COLUMNS - 4)]
    np.testing.assert_allclose(taken[..., 1], 0, atol=0.5)
    expected = striped(features, left=3).ab[:, : 2 * (COLUMNS - 4), 0]
    np.testing.assert_allclose(taken[..., 0], expected, atol=3)


def test_what_the_exemplar_does_not_show_keeps_its_own_colours():
    source = frame(scene(1), (-40, 40))
    other = frame(scene(2), (40, -40))
    exemplar = exemplar_of(source, source.ab)
    assert not shows_set_up(other, exemplar)
    np.testing.assert_allclose(with_colours_of(other, [exemplar]), other.ab, atol=2)


def test_the_same_things_in_other_places_are_no_set_up():
    features = scene(3, COLUMNS)
    cells = np.random.default_rng(4).permutation(ROWS * COLUMNS)
    shuffled = features.reshape(-1, CHANNELS)[cells].reshape(features.shape)
    source = frame(features, (0, 40))
    exemplar = exemplar_of(source, source.ab)
    assert shows_set_up(frame(features, (0, 0)), exemplar)
    assert not shows_set_up(frame(shuffled, (0, 0)), exemplar)


def test_of_two_exemplars_each_cell_takes_the_one_that_has_its_like():
    left, right = scene(5, COLUMNS), scene(6, COLUMNS)
    both = np.concatenate((left[:, : COLUMNS // 2], right[:, COLUMNS // 2 :]), axis=1)
    sources = frame(left, (40, 0)), frame(right, (-40, 0))
    exemplars = [exemplar_of(source, source.ab) for source in sources]
    taken = with_colours_of(frame(both, (0, 0)), exemplars)
    assert taken[:, : COLUMNS - 2, 0].min() > 30
    assert taken[:, COLUMNS + 2 :, 0].max() < -30


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
def test_the_answer_is_the_same_in_whatever_order_sums_are_made(scale):
    """Cells in another order: another order of all sums, and not one bit of another colour."""
    source, shown = striped(scene(7) * scale), frame(scene(7) * scale, (10, 10), left=2)
    exemplar = exemplar_of(source, source.ab)
    parts = ("ab", "certainty", "lightness", "features")
    turned = Answer(*(np.ascontiguousarray(getattr(shown, part)[::-1]) for part in parts))
    direct, other = with_colours_of(shown, [exemplar]), with_colours_of(turned, [exemplar])[::-1]
    np.testing.assert_allclose(direct, other, atol=1 / 512)


def test_of_a_large_grid_no_more_cells_are_compared_than_memory_is_there_for():
    large = np.repeat(np.repeat(scene(9, COLUMNS), 16, axis=0), 16, axis=1)
    ab = np.broadcast_to(np.array((20, -20), np.float32), (*large.shape[:2], 2)).copy()
    source = Answer(ab, np.full(ab.shape[:2], 0.6, np.float32), np.full(ab.shape[:2], 50, np.float32), large)
    exemplar = exemplar_of(source, ab)
    assert len(exemplar.features) <= 4096
    shown = Answer(np.zeros_like(ab), source.certainty, source.lightness, large)
    assert shows_set_up(shown, exemplar)
    taken = with_colours_of(shown, [exemplar])
    assert taken.shape == ab.shape
    np.testing.assert_allclose(taken, ab, atol=1)


def test_a_network_without_features_keeps_its_colours():
    answer = frame(scene(8), (5, 5))
    blind = Answer(answer.ab, answer.certainty, answer.lightness, None)
    assert exemplar_of(blind, blind.ab) is None
    exemplar = exemplar_of(answer, answer.ab)
    assert not shows_set_up(blind, exemplar)
    assert with_colours_of(blind, [exemplar]) is blind.ab
