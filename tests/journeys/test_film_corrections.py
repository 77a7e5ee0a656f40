"""What people decide about a film holds for the shot of a moment, and nothing else is made anew."""

import json
import re
import shutil
import subprocess

import av
import numpy as np
import pytest
from film_of_shots import three_shots, write_film_of_shots

from archivecolor.archive.manifest import Manifest
from archivecolor.cli.main import main

RED = "#c82828"


class FilmArchive:
    """A folder of films, coloured, and the commands for it."""

    def __init__(self, folder, output, checkpoint):
        self.folder, self.output, self.checkpoint = folder, output, checkpoint

    def video(self, *words, code=0):
        options = ["--working-size", "64", "--device", "cpu", "--segment-seconds", "1", "--threads", "1"]
        command = ["video", self.folder, "-o", self.output, "--checkpoint", self.checkpoint, *options, *words]
        assert main([*map(str, command)]) == code

    def correct(self, *words, code=0):
        assert main(["correct", *map(str, (self.output, "film.mkv", *words))]) == code

    @property
    def bytes(self):
        return (self.output / "film.mkv").read_bytes()

    @property
    def record(self):
        return Manifest(self.output / "_archivecolor" / "manifest.jsonl").record("film.mkv")


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A film of three shots of 24, 50 and 24 frames; the second one is two pieces long."""
    folder = tmp_path_factory.mktemp("films") / "in"
    folder.mkdir()
    growing, running, _ = three_shots()
    growth = "life=s=96x64:r=25:seed=3:mold=10:life_color=#d0d0d0:death_color=#404040"
    shots = growing, running, f"{growth},trim=duration=0.96,format=gray"
    write_film_of_shots(folder / "film.mkv", shots)
    return folder


@pytest.fixture(scope="module")
def coloured(films, checkpoint, tmp_path_factory):
    archive = FilmArchive(films, tmp_path_factory.mktemp("coloured") / "out", checkpoint)
    archive.video()
    return archive.output


@pytest.fixture
def archive(films, coloured, checkpoint, tmp_path):
    shutil.copytree(coloured, tmp_path / "out")
    return FilmArchive(films, tmp_path / "out", checkpoint)


def chroma(path):
    """Cb and Cr of every frame, (n, h, w, 2)."""
    with av.open(str(path)) as film:
        frames = [frame.reformat(format="yuv444p").to_ndarray()[1:] for frame in film.decode(video=0)]
    return np.stack(frames).transpose(0, 2, 3, 1).astype(int)


def pieces(archive):
    return archive.record.extra["film"]["segments"]


def test_a_hint_holds_for_its_shot_and_equals_a_run_from_nothing(archive, checkpoint, tmp_path):
    before, old, bounds = archive.bytes, chroma(archive.output / "film.mkv"), pieces(archive)
    assert len(bounds) == 4
    words = ["--at", "1.2", "--hint", f"50%,50%={RED}", "--note", "the flag was red", "--by", "Ann"]
    archive.correct(*words, "--log-file", tmp_path / "log")
    new = chroma(archive.output / "film.mkv")
    np.testing.assert_array_equal(old[:24], new[:24])
    np.testing.assert_array_equal(old[76:], new[76:])
    assert (new[30, 30:34, 46:50, 1] - old[30, 30:34, 46:50, 1]).mean() > 10
    assert all((old[number] != new[number]).any() for number in range(26, 74))
    assert "2 of 4 pieces are copied out of the earlier output" in (tmp_path / "log").read_text()
    assert archive.record.correction["shots"] == [
        {"seconds": 1.2, "hints": [{"x": 0.5, "y": 0.5, "colour": RED, "reach": "all"}]}
    ]
    with av.open(str(archive.output / "film.mkv")) as film:
        told = " ".join(film.metadata.values())
    assert f"shot at 1.200 s: {RED} at 50.0%, 50.0% (all); note: the flag was red; by: Ann" in told
    assert main(["decisions", "export", str(archive.output), str(tmp_path / "decided.jsonl")]) == 0
    again = FilmArchive(archive.folder, tmp_path / "again", checkpoint)
    again.video("--decisions", tmp_path / "decided.jsonl")
    assert again.bytes == archive.bytes
    assert again.record.confidence == archive.record.confidence
    assert pieces(again) == pieces(archive)
    archive.correct("--reset")
    assert archive.bytes == before


def test_a_film_is_named_by_where_it_lies_and_not_by_its_last_name_alone(
    archive, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for other in ("reel2/film.mkv", str(tmp_path / "elsewhere" / "film.mkv")):
        assert main(["correct", str(archive.output), other, "--saturation", "0.5", "--later"]) == 2
        assert f"no film {other} was coloured into" in capsys.readouterr().err
    assert not (archive.output / "_archivecolor" / "decisions.jsonl").exists()
    for same in (archive.folder / "film.mkv", archive.output / "film.mkv", "film.mkv"):
        assert main(["correct", str(archive.output), str(same), "--saturation", "0.5", "--later"]) == 0


def test_two_shots_are_decided_about_one_after_the_other(archive, checkpoint, tmp_path):
    archive.correct("--at", "0.1", "--saturation", "0", "--later")
    archive.correct("--at", "3.5", "--hint", f"20%,20%={RED},here", "--later")
    archive.correct("--at", "2.0", "--hint", "80%,80%=navy,thing")
    new = chroma(archive.output / "film.mkv")
    assert np.abs(new[2:22] - 128).max() <= 2
    decided = (archive.output / "_archivecolor" / "decisions.jsonl").read_text().splitlines()
    assert [shot["seconds"] for shot in json.loads(decided[-1])["correction"]["shots"]] == [0.1, 2.0, 3.5]
    count = len((archive.output / "_archivecolor" / "manifest.jsonl").read_text().splitlines())
    archive.video()
    assert len((archive.output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()) == count
    again = FilmArchive(archive.folder, tmp_path / "again", checkpoint)
    again.video("--decisions", archive.output / "_archivecolor" / "decisions.jsonl", "--batch-size", "3")
    assert again.bytes == archive.bytes


def test_a_film_as_a_whole_is_accepted_rejected_or_given_its_own_saturation(archive):
    before = archive.bytes
    archive.correct("--saturation", "0", "--note", "too much")
    assert np.abs(chroma(archive.output / "film.mkv") - 128).max() <= 2
    archive.correct("--reject")
    assert not (archive.output / "film.mkv").exists()
    assert archive.record.reason.value == "rejected"
    archive.correct("--reset")
    assert archive.bytes == before
    archive.correct("--accept")
    archive.video("--crf", "30", "--overwrite")
    assert archive.bytes == before


def test_a_changed_film_keeps_its_decision_without_its_shots(archive, tmp_path):
    archive.folder = shutil.copytree(archive.folder, tmp_path / "in")
    archive.correct("--input", archive.folder, "--at", "1.2", "--hint", f"50%,50%={RED}", "--later")
    words = [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        "-i",
        archive.folder / "film.mkv",
        "-frames:v",
        "30",
        "-c",
        "copy",
    ]
    subprocess.run([*map(str, words), str(tmp_path / "shorter.mkv")], check=True, timeout=60)
    shutil.move(tmp_path / "shorter.mkv", archive.folder / "film.mkv")
    archive.video()
    assert "which is not applied" in archive.record.detail
    assert archive.record.correction is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--hint", "1,1=red"], "give --at TIME"),
        (["--at", "0:09", "--hint", "1,1=red"], "no picture at 9.000 s; it ends before"),
        (["--at", "1", "--hint", "500,1=red"], "96 x 64 pixels"),
        (["--at", "1", "--quality", "high"], "--saturation alone"),
    ],
)
def test_what_cannot_be_is_said_and_decides_nothing(archive, words, message, capsys):
    archive.correct(*words, code=2)
    assert re.search(message, capsys.readouterr().err)
    assert not (archive.output / "_archivecolor" / "decisions.jsonl").exists()


def hints(count):
    """Words for hints at as many places."""
    places = [(x, y) for y in range(2, 100, 4) for x in range(2, 100, 4)][:count]
    return [word for x, y in places for word in ("--hint", f"{x}%,{y}%={RED},here")]


def test_more_hints_in_a_shot_than_are_spread_are_refused_whatever_moments_they_are_of(archive, capsys):
    decisions = archive.output / "_archivecolor" / "decisions.jsonl"
    archive.correct("--at", "1.2", *hints(150), "--later")
    archive.correct("--at", "0.2", *hints(60), "--later")
    decided = decisions.read_bytes()
    archive.correct("--at", "1.6", *hints(60), "--later", code=2)
    assert "210 hints in the shot at 0.960 s; 200 are the most" in capsys.readouterr().err
    assert decisions.read_bytes() == decided


def test_more_hints_in_a_shot_that_came_another_way_fail_the_film_with_words(archive):
    decisions = archive.output / "_archivecolor" / "decisions.jsonl"
    archive.correct("--at", "1.2", *hints(150), "--later")
    line = json.loads(decisions.read_text().splitlines()[-1])
    shots = line["correction"]["shots"]
    shots.append({**shots[0], "seconds": 1.6})
    line["at"] = line["correction"]["at"] = "2100-01-01T00:00:00Z"
    decisions.write_text(json.dumps(line) + "\n")
    archive.video(code=3)
    assert archive.record.reason.value == "unsupported"
    assert archive.record.detail.startswith("300 hints are decided about the shot at 1.200 s")


def test_a_film_beside_its_output_is_corrected(films, coloured, checkpoint, tmp_path):
    folder = shutil.copytree(films, tmp_path / "films")
    shutil.copytree(coloured, folder / "out")
    archive = FilmArchive(folder / "film.mkv", folder / "out", checkpoint)
    archive.video()
    before = archive.bytes
    archive.correct("--saturation", "0")
    assert archive.bytes != before and archive.record.correction


def test_what_cannot_be_carried_out_is_not_decided(archive, capsys):
    run_json = archive.output / "_archivecolor" / "run.json"
    run_json.write_text(run_json.read_text().replace(str(archive.checkpoint), "/nowhere/nope.safetensors"))
    archive.correct("--saturation", "0", code=4)
    assert "nope.safetensors" in capsys.readouterr().err
    assert not (archive.output / "_archivecolor" / "decisions.jsonl").exists()
