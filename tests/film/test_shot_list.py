"""The list of shots, for people."""

import csv
import os
from pathlib import Path

import pytest
from synthetic_films import film_from, scene, write_film

from archivecolor.errors import UsageError
from archivecolor.film.grey_shots import CUT_AGAINST_NEIGHBOURS, CUT_DISTANCE
from archivecolor.film.shot_list import read_shots, write_shots
from archivecolor.film.shots import Shot

FILM = Path("reels", "harbour.mp4")


@pytest.mark.parametrize("rate", [25, 50])
def test_the_list_comes_back_as_it_was_written_with_what_each_cut_was_judged_by(tmp_path, rate):
    pictures = [*scene(1, 25), *scene(2, 20), *scene(3, 9)]
    film = film_from(write_film(tmp_path / "film.mkv", pictures, rate=rate))
    given = (*film.shots, Shot(50, 53, "file"))
    write_shots(tmp_path / "shots.csv", given, film.facts, film.first_pass)
    again = read_shots(tmp_path / "shots.csv", FILM, 54)
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
    assert [shot.first for shot in read_shots(tmp_path / "mine.csv", FILM, 30)] == [0, 12]


@pytest.mark.parametrize(
    "text", ["first_frame\n5\n3\n", "first_frame\n40\n", "first_frame\nx\n", "shot,first_frame\n1\n"]
)
def test_a_list_that_does_not_fit_is_refused_with_its_line(tmp_path, text):
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(UsageError, match="line"):
        read_shots(tmp_path / "mine.csv", FILM, 30)


def test_a_list_of_another_film_is_refused_with_the_name_of_the_film(tmp_path):
    (tmp_path / "mine.csv").write_text("first_frame\n0\n\n40\n")
    with pytest.raises(UsageError, match=r"line 4: .*below the 30 frames of reels.harbour\.mp4"):
        read_shots(tmp_path / "mine.csv", FILM, 30)


@pytest.mark.parametrize(
    "text",
    [
        "shot;first_frame;start_seconds\n1;0;0,000\n2;12;0,480\n",
        "shot\tfirst_frame\n1\t0\n2\t12\n",
        '\ufeff"shot", first_frame \r\n"1",0\r\n,\r\n"2", 12\r\n',
    ],
)
def test_lists_saved_by_spreadsheets_are_read(tmp_path, text):
    (tmp_path / "mine.csv").write_text(text, encoding="utf-8", newline="")
    assert [shot.first for shot in read_shots(tmp_path / "mine.csv", FILM, 30)] == [0, 12]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", r"has no column first_frame \(it is empty\)"),
        (b"\n\n", r"has no column first_frame \(it is empty\)"),
        (b"0\n12\n", r"has no column first_frame \(its first line has 0\)"),
        (b"shot;begin\n1;0\n", r"has no column first_frame \(its first line has shot, begin\)"),
        (b"shot,first_frame\n", "lists no shot; --cuts none is for a film without cuts"),
        ("first_frame\n0\n".encode("utf-16"), "is not UTF-8; save it as CSV in UTF-8"),
    ],
)
def test_what_lists_no_shots_is_not_taken_for_a_film_without_cuts(tmp_path, content, told):
    (tmp_path / "mine.csv").write_bytes(content)
    with pytest.raises(UsageError, match=told):
        read_shots(tmp_path / "mine.csv", FILM, 30)


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
        read_shots(path, FILM, 30)
