"""Shots in grey, flickering, dusty film."""

import cv2
import numpy as np
import pytest
from synthetic_films import scene

from archivecolor.errors import UsageError
from archivecolor.film.pixels import SampleFormat
from archivecolor.film.shots import Shot, ShotDetector, read_shots, write_shots

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


def begins(pictures):
    detector = ShotDetector()
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


def test_the_list_comes_back_as_it_was_written(tmp_path):
    shots = (Shot(0, 9, "start"), Shot(10, 24, "cut"), Shot(25, 29, "flash"))
    write_shots(tmp_path / "shots.csv", shots, [number / 25 for number in range(30)])
    again = read_shots(tmp_path / "shots.csv", 30)
    assert [(shot.first, shot.last) for shot in again] == [(0, 9), (10, 24), (25, 29)]


def test_a_list_with_one_column_is_enough(tmp_path):
    (tmp_path / "mine.csv").write_text("first_frame\n0\n12\n")
    assert [shot.first for shot in read_shots(tmp_path / "mine.csv", 30)] == [0, 12]


@pytest.mark.parametrize(
    "text", ["first_frame\n5\n3\n", "first_frame\n40\n", "frame\n3\n", "first_frame\nx\n"]
)
def test_a_list_that_does_not_fit_is_refused_with_its_line(tmp_path, text):
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(UsageError, match="line"):
        read_shots(tmp_path / "mine.csv", 30)
