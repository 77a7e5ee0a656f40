"""Shots in grey, flickering, dusty film."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from synthetic_films import scene, write_film

from archivecolor.film.find_shots import find_shots
from archivecolor.film.grey_shots import GreyShotDetector
from archivecolor.film.pixels import SampleFormat
from archivecolor.film.shots import shots_from_starts

LIMITED = SampleFormat(8, False)


def aged(pictures, seed=0, flicker=0.18, dust=3):
    """The same pictures as an old print shows them: each with its own brightness, and with dust."""
    rng = np.random.default_rng(seed)
    old = []
    for picture in pictures:
        worn = picture * (1 + rng.uniform(-flicker, flicker)) + rng.normal(0, 6, picture.shape)
        for _ in range(dust):
            y, x = (int(rng.integers(0, side)) for side in picture.shape)
            cv2.circle(worn, (x, y), 1, float(rng.choice([0, 255])), -1)
        old.append(np.clip(worn, 16, 235).astype(np.uint8))
    return old


def begins(pictures, rate=Fraction(24)):
    detector = GreyShotDetector(rate)
    for picture in pictures:
        detector.add(picture, LIMITED)
    return {shot.first: shot.begins for shot in detector.shots() if shot.first}


def test_a_cut_in_flickering_film_is_found_where_it_is():
    assert begins(aged(scene(1, 40) + scene(2, 40))) == {40: "cut"}


def test_flicker_dust_and_movement_are_no_cuts():
    assert begins(aged(scene(3, 80, drift=2))) == {}


@pytest.mark.parametrize("jerk", [(0, 10), (10, 0), (-8, -8)])
def test_a_jerk_of_the_camera_is_no_cut(jerk):
    wide = scene(8, 1, height=72, width=96)[0]
    down, across = jerk
    still = wide[12:60, 16:80]
    moved = wide[12 + down : 60 + down, 16 + across : 80 + across]
    assert begins(aged([still] * 20 + [moved] * 20, flicker=0.1)) == {}


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_told_from_a_cut(length):
    pictures = aged(scene(4, 40, 96, 128) + scene(5, 40, 96, 128))
    white = np.random.default_rng(9).integers(228, 235, pictures[0].shape).astype(np.uint8)
    pictures[20 : 20 + length] = [white] * length
    assert begins(pictures) == {20: "flash", 20 + length: "after-flash", 40: "cut"}


def test_a_dissolve_begins_a_shot_at_its_end():
    before, after = scene(6, 50, drift=0), scene(7, 50, drift=0)
    shares = np.linspace(0, 1, 18)[1:-1]
    mixed = [np.rint(before[0] * (1 - share) + after[0] * share).astype(np.uint8) for share in shares]
    found = begins(aged(before + mixed + after, flicker=0.1))
    assert list(found.values()) == ["dissolve"]
    assert 60 <= next(iter(found)) <= 69


def test_a_shot_begins_where_the_picture_comes_out_of_black():
    pictures = scene(8, 30)
    for number, share in enumerate(np.linspace(1, 0, 10)):
        pictures[20 + number] = (16 + (pictures[20 + number] - 16.0) * share).astype(np.uint8)
    black = [np.full_like(pictures[0], 16)] * 5
    assert begins(pictures + black + scene(9, 30))[35] == "fade"


def test_a_cut_in_the_last_frames_does_not_crash():
    assert begins(scene(1, 20) + scene(2, 1)) in ({}, {20: "cut"})
    assert begins(scene(1, 1)) == {}


def shown_at(pictures, rate, shot_at=24):
    """The same pictures in the same seconds, repeated as a faster film repeats them."""
    count = round(len(pictures) * rate / shot_at)
    return [pictures[int(number * shot_at / rate)] for number in range(count)]


def a_film_with_everything():
    """Pictures at 24 per second: a cut, a flash, a dissolve, and a way out of black."""
    size = {"height": 96, "width": 128}
    pictures = scene(21, 48, **size) + scene(22, 48, **size) + scene(24, 40, **size, drift=0)
    white = np.random.default_rng(9).integers(228, 235, pictures[0].shape).astype(np.uint8)
    pictures[72:75] = [white] * 3
    before, after = pictures[-1], scene(6, 1, **size, drift=0)[0]
    pictures += [
        np.rint(before * (1 - share) + after * share).astype(np.uint8)
        for share in np.linspace(0, 1, 18)[1:-1]
    ]
    shown = aged(pictures + [after] * 40, flicker=0.1)
    return shown + [np.full_like(after, 16)] * 8 + aged(scene(25, 40, **size), flicker=0.1)


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(50), Fraction(120)])
def test_a_film_is_cut_alike_whatever_its_rate(rate):
    pictures = a_film_with_everything()
    usual = begins(pictures)
    assert sorted(usual.values()) == ["after-flash", "cut", "cut", "cut", "dissolve", "fade", "flash"]
    faster = begins(shown_at(pictures, rate), rate)
    assert list(faster.values()) == list(usual.values())
    for first, other in zip(usual, faster, strict=True):
        assert abs(first / 24 - float(other / rate)) <= (0.25 if usual[first] == "dissolve" else 1 / 24)


def test_a_film_of_sixty_true_frames_a_second_is_cut_like_one_of_twenty_four():
    slow = scene(31, 48, drift=5) + scene(32, 48, drift=5)
    fast = scene(31, 120, drift=2) + scene(32, 120, drift=2)
    assert begins(aged(slow)) == {48: "cut"}
    assert begins(aged(fast), Fraction(60)) == {120: "cut"}


@pytest.mark.parametrize(("rate", "length"), [(Fraction(60), 7), (Fraction(16), 2), (Fraction(12), 1)])
def test_a_flash_is_as_long_as_its_time_not_as_its_frames(rate, length):
    pictures = aged(scene(4, 120, 96, 128, drift=0))
    white = np.random.default_rng(9).integers(228, 235, pictures[0].shape).astype(np.uint8)
    pictures[61 : 61 + length] = [white] * length
    assert begins(pictures, rate) == {61: "flash", 61 + length: "after-flash"}


class EveryTenFrames:
    """A detector of somebody else's."""

    def __init__(self, rate):
        self.rate, self.brightness = rate, []

    def add(self, luma, sample_format):
        self.brightness.append(float(sample_format.luma_fraction(luma).mean()))

    def shots(self):
        starts = range(0, len(self.brightness), 10)
        return shots_from_starts(dict.fromkeys(starts, "time"), len(self.brightness))


def test_another_detector_sees_every_frame_and_has_its_say(tmp_path):
    film = write_film(tmp_path / "film.mkv", scene(1, 25))
    made = []
    shots = find_shots(film, lambda rate: made.append(EveryTenFrames(rate)) or made[0])
    assert [(shot.first, shot.last) for shot in shots] == [(0, 9), (10, 19), (20, 24)]
    (detector,) = made
    assert detector.rate == 25
    assert min(detector.brightness) > 0 and max(detector.brightness) < 1
    assert len(find_shots(film)) == 1


def test_shots_with_gaps_are_refused(tmp_path):
    class Gaps(EveryTenFrames):
        def shots(self):
            return super().shots()[1:]

    with pytest.raises(ValueError, match="the shots that were found are not the 25 frames"):
        find_shots(write_film(tmp_path / "film.mkv", scene(1, 25)), Gaps)
