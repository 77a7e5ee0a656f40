"""Films of a run, one after the other."""

import json
import logging
import shutil
import signal
import subprocess
import sys

import pytest

from archivecolor.archive.layout import Layout
from archivecolor.archive.plan import Item
from archivecolor.archive.plan_action import PlanAction
from archivecolor.engine.progress import NullListener
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ExitCode, ItemError, Reason
from archivecolor.film import ffmpeg_cli
from archivecolor.film.keyframes import KEYFRAME_INTERVAL
from archivecolor.jobs import film_reading
from archivecolor.jobs import films as film_job
from archivecolor.jobs.colour import colour
from archivecolor.jobs.film_in_hand import film_in_hand
from archivecolor.jobs.film_setup import keyframe_interval_of
from archivecolor.settings import VideoSettings


def test_a_fault_costs_its_film_and_not_the_next(tmp_path, monkeypatch, caplog):
    films, output = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    for name in ("a.mkv", "b.mkv"):
        (films / name).write_bytes(b"no film")

    def colour_or_fail(item, run_context):
        if item.path == "a.mkv":
            raise KeyError("a fault of ours")
        return colour_film(item, run_context)

    colour_film = film_job.colour_film
    monkeypatch.setattr(film_job, "colour_film", colour_or_fail)
    with caplog.at_level(logging.ERROR):
        ending = colour(VideoSettings(input=(films,), output=output, device="cpu"), NullListener(), Stop())
    assert ending.exit_code is ExitCode.SOME_FAILED
    lines = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    assert {record["path"]: record["reason"] for record in map(json.loads, lines)} == {
        "a.mkv": "fault",
        "b.mkv": "unreadable",
    }
    (logged,) = caplog.records
    assert "a.mkv" in logged.message
    assert logged.exc_info


def test_frames_that_decode_otherwise_each_time_are_damage(tmp_path, monkeypatch):
    """The file is the same before and after, so it did not change, and another run would find the same."""
    film = tmp_path / "film.mkv"
    film.write_bytes(b"a film")

    changes = iter((b"a film", b"a longer film"))

    def read_otherwise(item, run_context):
        contents = next(changes)
        if contents != item.source.read_bytes():
            item.source.write_bytes(contents)
        raise film_job.changed_error()

    monkeypatch.setattr(film_job, "_colour_unchanging", read_otherwise)
    item = Item("film", tmp_path, "film.mkv", "film", 6, 0, PlanAction.DO, 0, "")
    for reason in (Reason.UNREADABLE, Reason.CHANGED):
        with pytest.raises(ItemError) as error:
            film_job.colour_film(item, None)
        assert error.value.reason is reason


@pytest.fixture(scope="module")
def reel(tmp_path_factory):
    path = tmp_path_factory.mktemp("reels") / "reel.mkv"
    picture = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.4,format=gray,format=yuv420p"]
    tone = ["-f", "lavfi", "-i", "sine=d=0.4", "-c:a", "flac", "-c:v", "ffv1"]
    subprocess.run(["ffmpeg", "-v", "error", *picture, *tone, str(path)], check=True, timeout=60)
    return path


# Each moment is held by the name of a function that is about to run.
@pytest.mark.parametrize(
    ("room", "moment"),
    [
        (film_job, "sha256_of"),
        (film_job, "survey_streams"),
        (film_reading, "run_first_pass"),
        (film_job, "make_segments"),
        (film_job, "mux"),
        (film_job, "verify_output"),
        (ffmpeg_cli, "stream_digests"),
    ],
)
def test_a_film_that_goes_at_any_moment_has_vanished(reel, checkpoint, tmp_path, monkeypatch, room, moment):
    source, output = tmp_path / "in" / "reel.mkv", tmp_path / "out"
    source.parent.mkdir()
    shutil.copy(reel, source)
    given = getattr(room, moment)

    def after_it_went(*words):
        source.unlink(missing_ok=True)
        return given(*words)

    monkeypatch.setattr(room, moment, after_it_went)
    settings = VideoSettings(
        input=(source.parent,), output=output, device="cpu", working_size=64, checkpoint=checkpoint
    )
    ending = colour(settings, NullListener(), Stop())
    assert ending.exit_code is ExitCode.SOME_FAILED
    (line,) = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    assert json.loads(line)["reason"] == "vanished"
    assert not list(output.glob("*.mkv"))


def test_a_kill_while_work_files_go_costs_nothing(reel, checkpoint, tmp_path, monkeypatch):
    output = tmp_path / "out"
    settings = VideoSettings(
        input=(reel,), output=output, device="cpu", working_size=64, checkpoint=checkpoint
    )

    def killed(path, **_):
        for file in path.glob("*.np*"):
            file.unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            colour(settings, NullListener(), Stop())
    made = (output / "reel.mkv").read_bytes()
    assert colour(settings, NullListener(), Stop()).exit_code is ExitCode.OK
    assert (output / "reel.mkv").read_bytes() == made
    assert not any((output / "_archivecolor" / "work").iterdir())


def test_what_is_written_to_a_film_once_it_is_read_is_for_the_next_run(
    reel, checkpoint, tmp_path, monkeypatch
):
    source, output = tmp_path / "in" / "reel.mkv", tmp_path / "out"
    source.parent.mkdir()
    shutil.copy(reel, source)
    about = source.stat()
    given = film_job.done_record

    def before_more_came(*words):
        with source.open("ab") as file:
            file.write(bytes(1000))
        return given(*words)

    monkeypatch.setattr(film_job, "done_record", before_more_came)
    settings = VideoSettings(
        input=(source.parent,), output=output, device="cpu", working_size=64, checkpoint=checkpoint
    )
    assert colour(settings, NullListener(), Stop()).exit_code is ExitCode.OK
    (line,) = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    entry = json.loads(line)["source"]
    assert (entry["bytes"], entry["mtime_ns"]) == (about.st_size, about.st_mtime_ns)


@pytest.mark.parametrize(
    ("options", "distance"), [({}, KEYFRAME_INTERVAL), ({"quality": "high"}, 1), ({"smoothing": 0.0}, 1)]
)
def test_the_best_and_the_unsmoothed_ask_about_every_frame(tmp_path, options, distance):
    assert keyframe_interval_of(VideoSettings(input=(tmp_path,), **options)) == distance


KILLED_BY_A_FILM = """
import os, signal, sys
from archivecolor.cli.main import main
from archivecolor.jobs import film_reading

def look(facts, watch):
    if facts.path.name == "a.mkv":
        os.kill(os.getpid(), signal.SIGKILL)
    return run_first_pass(facts, watch)

run_first_pass = film_reading.run_first_pass
film_reading.run_first_pass = look
sys.exit(main(sys.argv[1:]))
"""


def test_a_film_that_ends_its_process_is_passed_by_a_later_run(reel, checkpoint, tmp_path):
    films, output = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    for name in ("a.mkv", "b.mkv"):
        shutil.copy(reel, films / name)
    words = [
        "video",
        films,
        "-o",
        output,
        "--device",
        "cpu",
        "--working-size",
        64,
        "--checkpoint",
        checkpoint,
    ]
    command = [sys.executable, "-c", KILLED_BY_A_FILM, *map(str, words)]
    ends = [subprocess.run(command, check=False, timeout=120).returncode for _ in range(3)]
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, ExitCode.SOME_FAILED]
    lines = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    first, second = map(json.loads, lines)
    assert (first["path"], first["reason"]) == ("a.mkv", "worker-died")
    assert "2 runs in a row" in first["detail"]
    assert (second["path"], second["reason"]) == ("b.mkv", "coloured")
    assert not list((output / "_archivecolor").glob("*in-hand*"))


def test_deaths_count_in_a_row_and_of_the_same_film(tmp_path):
    source = tmp_path / "film.mkv"
    source.write_bytes(b"film")
    item = Item("film", tmp_path, "film.mkv", "film", 4, 0, PlanAction.DO, 0, "")
    note = Layout(tmp_path).films_in_hand

    def killed():
        with film_in_hand(tmp_path, item):
            left = note.read_bytes()
        note.write_bytes(left)

    def passed():
        with pytest.raises(ItemError, match="2 runs in a row"):
            killed()
        assert not note.exists()

    killed()
    killed()
    passed()
    killed()
    work = Layout(tmp_path).work / "film"
    work.mkdir(parents=True)
    (work / "segment-00000.mkv").write_bytes(b"made")  # it gets on, however often it is killed
    killed()
    killed()
    source.write_bytes(b"another film")
    killed()
    killed()
    passed()
    note.write_bytes(b"[torn")
    killed()
    with film_in_hand(tmp_path, item):
        pass
    assert not note.exists()
