"""Which frames the network is asked about, and what becomes of the others."""

import numpy as np
import pytest
from reels import HueByLuma, scene

from archivecolor.film.colours import predicted
from archivecolor.film.sights import KEY_EVERY, key_every_for, sights
from archivecolor.film.steady import steadied


def lumas_of(pictures):
    return [(picture / 255).astype(np.float32) for picture in pictures]


def keys_of(pictures, key_every=KEY_EVERY, **start):
    return [sight.is_key for sight in sights(lumas_of(pictures), key_every, **start)]


def test_a_calm_scene_is_asked_about_now_and_then_and_at_its_end():
    keys = keys_of(scene(1, 11, drift=0))
    assert [number for number, is_key in enumerate(keys) if is_key] == [0, 4, 8, 10]


def test_every_frame_that_shows_something_new_is_asked_about():
    calm, other = scene(1, 10, drift=0), scene(2, 1, drift=0)[0]
    calm[6] = other
    keys = keys_of(calm)
    # The neighbours show what it does not.
    assert [number for number, is_key in enumerate(keys) if is_key] == [0, 4, 5, 6, 7, 8, 9]


def test_without_smoothing_every_frame_is_asked_about():
    assert key_every_for(0.0) == 1
    assert all(keys_of(scene(1, 9, drift=0), key_every_for(0.0)))


def test_a_shot_taken_up_again_has_the_same_key_frames():
    pictures = scene(1, 30, drift=0)
    pictures[13] = scene(2, 1, drift=0)[0]
    whole = list(sights(lumas_of(pictures), KEY_EVERY))
    for start in (1, 6, 13, 14):
        again = keys_of(pictures[start:], position=start, last=whole[start - 1].small)
        assert again == [sight.is_key for sight in whole[start:]]


def test_no_frame_at_all():
    assert keys_of([]) == []


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_the_network_sees_key_frames_alone_whatever_the_batch(batch):
    network = HueByLuma()
    looks = list(predicted(network, sights(lumas_of(scene(1, 30, drift=0)), KEY_EVERY), batch))
    assert len(looks) == 30
    assert network.seen == sum(look.chroma is not None for look in looks) == 9


def test_frames_between_have_the_colour_of_the_key_frames():
    pictures = scene(1, 40)
    every, some = (
        list(steadied(predicted(HueByLuma(noise=0.0), sights(lumas_of(pictures), distance), 8), 0.7))
        for distance in (1, KEY_EVERY)
    )
    for one, other in zip(every, some, strict=True):
        assert np.abs(one.cbcr - other.cbcr).mean() < 0.005


def test_what_no_neighbour_shows_is_not_left_grey():
    """Between key frames a place whose motion nobody trusts has a colour all the same."""
    pictures = scene(3, 12, 96, 128, drift=0)
    rows, columns = slice(40, 56), slice(60, 76)
    for number, picture in enumerate(pictures):
        picture[rows, columns] = 255 * (number % 2)
    seen = list(sights(lumas_of(pictures), KEY_EVERY))
    assert not seen[5].is_key
    assert seen[5].motion.from_before.trust[22:26, 32:36].max() == 0
    steady = list(steadied(predicted(HueByLuma(noise=0.0), iter(seen), 8), 0.7))
    for number in (5, 6, 7):
        assert np.linalg.norm(steady[number].cbcr[20:28, 30:38], axis=-1).min() > 0.02
