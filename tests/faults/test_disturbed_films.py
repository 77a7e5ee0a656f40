"""Films under runs that are killed, stopped, starved or given damaged sources."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time

import pytest
from disturbance import parts_in, small_disk, wait_until
from in_process import run_here
from mutants import mutated
from small_archive import tree

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
SEGMENTS = "3"  # seconds of work in each, by the program's cautious guess


def make_film(path, seconds, *codec, sound="flac"):
    picture = f"testsrc2=s=96x64:r=25:d={seconds},format=gray,format=yuv420p"
    tone = ["-f", "lavfi", "-i", f"sine=d={seconds}", "-c:a", sound]
    words = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, *tone, *codec, str(path)]
    subprocess.run(words, check=True, timeout=60)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return make_film(tmp_path_factory.mktemp("films") / "reel.mkv", 4, "-c:v", "libx264")


@pytest.fixture(scope="module")
def settings():
    """Words behind `video FILM`, up to the output."""
    quick = ["--working-size", "64", "--device", "cpu", "--threads", "1", "--segment-seconds", SEGMENTS]
    return [*quick, "-o"]


@pytest.fixture(scope="module")
def undisturbed_film(film, settings, tmp_path_factory):
    """The output of a run that nothing disturbed."""
    output = tmp_path_factory.mktemp("undisturbed-film") / "out"
    done = run_here("video", film, *settings, output)
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="module")
def whole_seconds(film, settings, command_words, tmp_path_factory):
    """How long a run takes that is left alone."""
    words = command_words("video", film, *settings, tmp_path_factory.mktemp("measured") / "out")
    began = time.monotonic()
    subprocess.run(words, check=True, timeout=300)
    return time.monotonic() - began


@pytest.fixture
def finish(here, settings, undisturbed_film):
    """Runs to the end over an output that was disturbed, and sees that all is as it should be."""

    def run(film, output):
        before = film.read_bytes(), film.stat().st_mtime_ns
        done = here("video", film, *settings, output)
        assert done.returncode == 0, done.stderr
        assert tree(output) == tree(undisturbed_film)
        assert not parts_in(output)
        assert not list((output / "_archivecolor").glob("work/*/*"))
        assert (film.read_bytes(), film.stat().st_mtime_ns) == before

    return run


def records(output):
    path = output / "_archivecolor" / "manifest.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return {record["path"]: record for record in map(json.loads, lines)}


def segments_in(output):
    return list(output.glob("_archivecolor/work/*/segment-*.mkv"))


def test_killed_with_a_segment_made(start, film, settings, finish, tmp_path):
    output = tmp_path / "out"
    run = start(film, *settings, output, job="video")
    wait_until(lambda: segments_in(output) or run.poll() is not None)
    run.kill()
    run.wait()
    finish(film, output)


@pytest.mark.fault
@pytest.mark.parametrize("seed", range(50))
def test_killed_at_any_moment(start, film, settings, finish, whole_seconds, tmp_path, seed):
    output = tmp_path / "out"
    run = start(film, *settings, output, job="video")
    time.sleep(random.Random(seed).uniform(0, whole_seconds))
    run.kill()
    run.wait()
    finish(film, output)


@pytest.mark.fault
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_two_signals_stop_at_once(start, film, settings, finish, tmp_path, number, code):
    output = tmp_path / "out"
    run = start(film, *settings, output, job="video")
    wait_until(lambda: segments_in(output) or run.poll() is not None)
    began = time.monotonic()
    for _ in range(2):
        os.killpg(run.pid, number)
        time.sleep(0.05)
    _, errors = run.communicate(timeout=60)
    assert time.monotonic() - began < 30
    assert run.returncode == code, errors
    assert "Traceback" not in errors
    finish(film, output)


@pytest.mark.fault
def test_a_second_run_is_refused(start, here, film, settings, finish, tmp_path):
    output = tmp_path / "out"
    run = start(film, *settings, output, job="video")
    wait_until((output / "_archivecolor" / "run.json").exists)
    # Held still, or it may be done before the second has started.
    run.send_signal(signal.SIGSTOP)
    second = here("video", film, *settings, output)
    run.send_signal(signal.SIGCONT)
    assert second.returncode == 11, second.stderr
    assert f"process {run.pid}" in second.stderr
    _, errors = run.communicate(timeout=300)
    assert run.returncode == 0, errors
    finish(film, output)


@pytest.mark.fault
def test_a_run_that_waited_does_nothing_again(start, film, settings, undisturbed_film, tmp_path):
    output = tmp_path / "out"
    runs = [start(film, *settings, output, "--wait-lock", "200", job="video") for _ in range(2)]
    for run in runs:
        _, errors = run.communicate(timeout=300)
        assert run.returncode == 0, errors
    assert tree(output) == tree(undisturbed_film)
    assert len((output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "change", ["deleted", *(pytest.param(word, marks=pytest.mark.fault) for word in ("replaced", "growing"))]
)
def test_a_source_that_changes_in_mid_run(start, film, settings, finish, tmp_path, change):
    source, output = tmp_path / "reel.mkv", tmp_path / "out"
    shutil.copy(film, source)
    make_film(tmp_path / "new.mkv", 1, "-c:v", "ffv1")
    run = start(source, *settings, output, job="video")
    wait_until(lambda: segments_in(output) or run.poll() is not None)
    if change == "deleted":
        source.unlink()
    elif change == "replaced":
        (tmp_path / "new.mkv").replace(source)
    else:
        with source.open("ab") as file:
            file.write(bytes(1000))
    _, errors = run.communicate(timeout=300)
    assert run.returncode == 3, errors
    assert "Traceback" not in errors
    assert records(output)["reel.mkv"]["reason"] in ("vanished", "changed-while-reading")
    assert tree(output) == {}
    shutil.copy(film, source)
    finish(source, output)


def test_a_film_that_goes_before_its_turn(start, film, settings, undisturbed_film, tmp_path):
    films, output = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    for name in ("reel.mkv", "second.mkv"):
        shutil.copy(film, films / name)
    run = start(films, *settings, output, job="video")
    wait_until((output / "_archivecolor" / "run.json").exists)
    (films / "second.mkv").unlink()
    _, errors = run.communicate(timeout=300)
    assert run.returncode == 3, errors
    assert records(output)["second.mkv"]["reason"] == "vanished"
    assert tree(output) == tree(undisturbed_film)


def test_too_many_failures_end_the_run(here, settings, tmp_path):
    films, output = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    for name in ("a.mkv", "b.mkv", "c.mkv"):
        (films / name).write_bytes(b"no film")
    done = here("video", films, *settings, output, "--max-failures", "0", "-q")
    assert done.returncode == 7
    assert "--max-failures" in done.stderr
    assert records(output).keys() == {"a.mkv"}


@needs_root
def test_a_full_disk(here, film, settings, finish, tmp_path):
    with small_disk(tmp_path / "disk", 150_000) as disk:
        done = here("video", film, *settings, disk / "out")
        assert done.returncode == 5, done.stderr
        assert "No space left" in done.stderr or "no space left" in done.stderr
        assert not parts_in(disk / "out")
        assert tree(disk / "out") == {}
        subprocess.run(["mount", "-o", "remount,size=50M", str(disk)], check=True)
        finish(film, disk / "out")


@pytest.mark.fault
@needs_root
def test_a_read_only_output(here, film, settings, tmp_path):
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = here("video", film, *settings, disk / "out")
    assert done.returncode == 5
    assert "Read-only" in done.stderr
    assert done.stderr.count("\n") == 1


CONTAINERS = {
    ".mkv": ("-c:v", "libx264"),
    ".mp4": ("-c:v", "libx264"),
    ".mov": ("-c:v", "mjpeg"),
    ".avi": ("-c:v", "mpeg4"),
    ".ts": ("-c:v", "mpeg2video"),
}
MUTANTS = {"quick": range(2)} | {f"round {n}": range(10 * n, 10 * n + 10) for n in range(1, 11)}


@pytest.fixture(scope="module")
def whole_films(tmp_path_factory):
    """A short good film in each container, by suffix."""
    folder = tmp_path_factory.mktemp("whole")
    return {
        suffix: make_film(folder / f"film{suffix}", 0.4, *codec, sound="mp2").read_bytes()
        for suffix, codec in CONTAINERS.items()
    }


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(seeds, marks=() if name == "quick" else pytest.mark.fault)
        for name, seeds in MUTANTS.items()
    ],
    ids=MUTANTS,
)
def test_mutated_films(archivecolor, settings, whole_films, tmp_path, seeds):
    """Ten at once in the quick selection, fifty a round in the long one: 500 in all."""
    films, output = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    for number, (suffix, content) in enumerate(whole_films.items()):
        for seed in seeds:
            noise = random.Random(1000 * number + seed)
            (films / f"{seed}{suffix}".replace(".", f"-{suffix[1:]}.", 1)).write_bytes(
                mutated(content, noise)
            )
    before = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in films.iterdir()}
    done = archivecolor("video", films, *settings, output, timeout=30 * len(before))
    assert done.returncode in (0, 3), done.stderr
    assert "Traceback" not in done.stderr
    found = records(output)
    assert len(found) == len(before)
    assert {record["reason"] for record in found.values()}.isdisjoint({"fault", "not-exact"}), found
    outputs = {record["output"]["path"] for record in found.values() if record["status"] == "done"}
    assert set(tree(output)) == outputs
    assert {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in films.iterdir()} == before
