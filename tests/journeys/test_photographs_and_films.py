"""Photographs and films of one tree: one run, one selection, one record of it, one exit code."""

import errno
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from archivecolor.cli.main import main
from archivecolor.errors import ExitCode
from archivecolor.jobs import colour as colour_job
from archivecolor.jobs import films as film_job


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    picture = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.4,format=gray,format=yuv420p", "-c:v", "ffv1"]
    subprocess.run(["ffmpeg", "-v", "error", *picture, str(path)], check=True, timeout=60)
    return path


@pytest.fixture
def tree(tmp_path, film):
    """A photograph and a film in each of two folders."""
    for box in ("box1", "box2"):
        folder = tmp_path / "in" / box
        folder.mkdir(parents=True)
        Image.fromarray(data.camera()[:64, :96]).save(folder / "photo.png")
        shutil.copy(film, folder / "film.mkv")
    return tmp_path / "in"


@pytest.fixture
def run(checkpoint, capsys):
    """Runs the program in this process; gives its exit code and what it said."""

    def call(*words):
        quick = ["--checkpoint", str(checkpoint), "--device", "cpu", "--working-size", "64"]
        code = main([str(word) for word in (*words, *(quick if words[0] in ("dir", "video") else ()))])
        return code, capsys.readouterr()

    return call


def records(output):
    lines = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    return {record["path"]: record for record in map(json.loads, lines)}


def made(output):
    return {
        path.relative_to(output).as_posix()
        for path in output.rglob("*")
        if path.is_file() and "_archivecolor" not in path.parts
    }


def test_one_run_makes_both_and_one_account_of_it(tree, tmp_path, run):
    output = tmp_path / "out"
    code, said = run("dir", tree, output, "--films", "--jobs", "1")
    assert code == ExitCode.OK
    assert "4 done" in said.err
    assert {path: record["kind"] for path, record in records(output).items()} == {
        "box1/photo.png": "photo",
        "box2/photo.png": "photo",
        "box1/film.mkv": "film",
        "box2/film.mkv": "film",
    }
    account = json.loads((output / "_archivecolor" / "run.json").read_text())
    assert account["counts"]["done"] == 4
    assert account["work"]["frames"]["amount"] == 20
    assert account["megapixels"] == pytest.approx(2 * 64 * 96 / 1e6, abs=1e-3)
    # What the photographs took is known to the next estimate, though films came after them.
    Image.fromarray(data.camera()[:64, :96]).save(tree / "box1" / "new.png")
    code, said = run("dir", tree, output, "--films", "--dry-run")
    assert code == ExitCode.OK
    assert "to do: 1 picture" in said.out
    assert "as fast as the last run" in said.out
    assert "4 up to date" in said.out


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--include", "box1"], {"box1/photo.png", "box1/film.mkv"}),
        (["--exclude", "*.mkv"], {"box1/photo.png", "box2/photo.png"}),
        (["--limit", "3"], {"box1/photo.png", "box2/photo.png", "box1/film.mkv"}),
        (["--min-age", "1000000"], set()),
        (["--files-from", "LIST"], {"box2/film.mkv"}),
    ],
)
def test_selection_means_the_same_for_both(tree, tmp_path, run, options, wanted):
    listed = tmp_path / "list.txt"
    listed.write_text("box2/film.mkv\n")
    words = [str(listed) if word == "LIST" else word for word in options]
    code, _ = run("dir", tree, tmp_path / "out", "--films", "--jobs", "1", *words)
    assert code == ExitCode.OK
    assert made(tmp_path / "out") == wanted


def test_shards_of_both_are_the_whole(tree, tmp_path, run):
    output = tmp_path / "out"
    for shard in ("1/2", "2/2"):
        assert run("dir", tree, output, "--films", "--jobs", "1", "--shard", shard)[0] == ExitCode.OK
    assert len(made(output)) == 4


def test_films_alone_obey_the_selection_too(tree, tmp_path, run):
    code, _ = run("video", tree, "-o", tmp_path / "out", "--include", "box2")
    assert code == ExitCode.OK
    assert made(tmp_path / "out") == {"box2/film.mkv"}


def test_too_many_failures_of_films_end_the_run(tree, tmp_path, run):
    for box in ("box1", "box2"):
        (tree / box / "film.mkv").write_bytes(b"no film")
    code, _ = run("dir", tree, tmp_path / "out", "--films", "--jobs", "1", "--max-failures", "0")
    assert code == ExitCode.TOO_MANY_FAILURES
    assert len(records(tmp_path / "out")) == 3


def test_a_film_that_cannot_be_read_costs_itself(tree, tmp_path, run, monkeypatch):
    sha256_of = film_job.sha256_of

    def with_a_bad_disk(path):
        if path == tree / "box1" / "film.mkv":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return sha256_of(path)

    monkeypatch.setattr(film_job, "sha256_of", with_a_bad_disk)
    code, _ = run("video", tree, "-o", tmp_path / "out")
    assert code == ExitCode.SOME_FAILED
    found = records(tmp_path / "out")
    assert (found["box1/film.mkv"]["status"], found["box1/film.mkv"]["reason"]) == ("failed", "read-error")
    assert "Input/output error" in found["box1/film.mkv"]["detail"]
    assert found["box2/film.mkv"]["status"] == "done"


def test_weights_that_are_replaced_in_mid_run_are_not_named_for_the_others(tree, tmp_path, run, monkeypatch):
    output = tmp_path / "out"
    monkeypatch.setattr(colour_job, "sha256_of", lambda path: "0" * 64)
    code, said = run("dir", tree, output, "--jobs", "1")
    assert code == ExitCode.UNAVAILABLE
    assert "was replaced after the run began" in said.err
    assert not made(output)


def test_ctrl_c_twice_in_a_film_leaves_no_half_made_file(tree, tmp_path, run, monkeypatch):
    def interrupted(*words):
        part = tmp_path / "out" / "box1" / f".film.mkv.{os.getpid()}.archivecolor-part"
        part.parent.mkdir(exist_ok=True)
        part.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(film_job, "mux", interrupted)
    code, _ = run("video", tree, "-o", tmp_path / "out")
    assert code == ExitCode.INTERRUPTED
    assert not list(Path(tmp_path).rglob("*archivecolor-part*"))


def test_a_film_in_colour_is_copied_where_that_is_asked_for(tmp_path, run):
    source = tmp_path / "in" / "colour.mkv"
    source.parent.mkdir()
    picture = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.4,format=yuv420p", "-c:v", "ffv1"]
    subprocess.run(["ffmpeg", "-v", "error", *picture, str(source)], check=True, timeout=60)
    code, _ = run("video", source.parent, "-o", tmp_path / "out", "--colour", "copy")
    assert code == ExitCode.OK
    assert records(tmp_path / "out")["colour.mkv"]["reason"] == "copied"
    assert (tmp_path / "out" / "colour.mkv").read_bytes() == source.read_bytes()


def test_grey_remembers_what_it_has_done(tree, tmp_path, run):
    assert run("dir", tree, tmp_path / "out", "--jobs", "1")[0] == ExitCode.OK
    code, said = run("grey", tmp_path / "out", tmp_path / "back", "--jobs", "1")
    assert code == ExitCode.OK
    assert "2 done" in said.err
    assert records(tmp_path / "back")["box1/photo.png"]["reason"] == "grey"
    code, said = run("grey", tmp_path / "out", tmp_path / "back", "--jobs", "1")
    assert code == ExitCode.OK
    assert "2 up to date" in said.err
    assert run("verify", tmp_path / "back")[0] == ExitCode.OK


def test_a_film_of_a_tree_is_corrected_and_photographs_after_it(tree, run, tmp_path):
    output = tmp_path / "out"
    assert run("dir", tree, output, "--films")[0] == ExitCode.OK
    assert run("correct", output, "box1/film.mkv", "--at", "0.2", "--saturation", "0.5")[0] == ExitCode.OK
    before = {path: record["output"]["sha256"] for path, record in records(output).items()}
    code, said = run("correct", output, "box1/photo.png", "--saturation", "0.5")
    assert code == ExitCode.OK, said.err
    changed = {path for path, record in records(output).items() if record["output"]["sha256"] != before[path]}
    assert changed == {"box1/photo.png"}
    settings = json.loads((output / "_archivecolor" / "run.json").read_text())["settings"]
    assert settings["input"] == str(tree)
