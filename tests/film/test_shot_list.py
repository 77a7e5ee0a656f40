"""The list of shots, for people."""

import csv
import os

import pytest
from synthetic_films import film_from, scene, write_film

from archivecolor.errors import UsageError
from archivecolor.film.shot_list import read_shots, write_shots
from archivecolor.film.shots import CUT_AGAINST_NEIGHBOURS, CUT_DISTANCE, Shot


@pytest.mark.parametrize("rate", [25, 50])
def test_the_list_comes_back_as_it_was_written_with_what_each_cut_was_judged_by(tmp_path, rate):
    pictures = [*scene(1, 25), *scene(2, 20), *scene(3, 9)]
    film = film_from(write_film(tmp_path / "film.mkv", pictures, rate=rate))
    given = (*film.shots, Shot(50, 53, "file"))
    write_shots(tmp_path / "shots.csv", given, film.facts, film.first_pass)
    again = read_shots(tmp_path / "shots.csv", 54)
    assert [shot.first for shot in again] == [0, 25, 45, 50]
    rows = list(csv.DictReader((tmp_path / "shots.csv").open()))
    assert [row["start_seconds"] for row in rows] == [f"{frame / rate:.3f}" for frame in (0, 25, 45, 50)]
    judged = [float(row["distance"]) for row in rows]
    assert judged[0] == 0
    assert all(distance >= CUT_DISTANCE for distance in judged[1:3])
    assert judged[3] < CUT_DISTANCE / 2
    for row in rows[1:3]:
        assert float(row["distance"]) >= CUT_AGAINST_NEIGHBOURS * float(row["neighbours"])


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
