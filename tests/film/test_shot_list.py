"""The list of shots, for people."""

import os

import pytest

from archivecolor.errors import UsageError
from archivecolor.film.shot_list import read_shots, write_shots
from archivecolor.film.shots import Shot


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


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "huge", "digits"])
def test_what_is_no_list_is_refused_and_not_waited_for(tmp_path, kind):
    path = tmp_path / "shots.csv"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_text("first_frame\n" + "9" * 10_000 + "\n")
        if kind == "huge":
            os.truncate(path, 200 << 30)
    with pytest.raises(UsageError):
        read_shots(path, 30)
