"""A plain surface has no colour that a network could know."""

import numpy as np
import pytest
from skimage import data

from archivecolor.colour.structure import structure_gain


@pytest.mark.parametrize("name", ["camera", "coins", "moon", "page", "brick"])
def test_every_picture_has_something_in_it(name):
    luma = np.asarray(getattr(data, name)(), np.float32) / 255
    assert structure_gain(luma) == 1.0


def test_a_leader_with_a_mark_on_it_has_nothing():
    leader = np.full((180, 240), 0.5, np.float32)
    assert structure_gain(leader) == 0.0
    leader[70:110, 100:140] = 1.0
    assert structure_gain(leader) == 0.0


def test_from_nothing_to_enough_it_goes_without_a_jump():
    gains = []
    for rows in range(0, 96, 2):
        luma = np.zeros((96, 96), np.float32)
        luma[:rows] = np.indices((rows, 96)).sum(axis=0) % 8 / 8
        gains.append(structure_gain(luma))
    assert gains[0] == 0.0
    assert gains[-1] == 1.0
    assert max(np.diff(gains)) < 0.35


def test_the_smallest_pictures_have_an_answer():
    assert structure_gain(np.zeros((1, 1), np.float32)) == 0.0
    assert structure_gain(np.zeros((2, 300), np.float32)) == 0.0
