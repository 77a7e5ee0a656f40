"""The workers of a cluster make of a film what one machine makes of it, whole shots at a time."""

import json
import os
import random
import shutil
import signal
import subprocess
import time

import psutil
import pytest
from distributed import Client, LocalCluster
from film_of_shots import write_film_of_shots

import archivecolor
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest
from archivecolor.cli.main import main
from archivecolor.jobs import cluster_worker, film_cluster_tasks

SHOTS = (
    "mandelbrot=s=96x64:r=25,trim=duration=0.96",
    "testsrc2=s=96x64:r=25:d=2",
    "life=s=96x64:r=25:seed=3:mold=10:life_color=#d0d0d0:death_color=#404040,trim=duration=0.96",
    "testsrc=s=96x64:r=25:d=1",
    "cellauto=s=96x64:r=25:seed=5,trim=duration=0.96",
    "testsrc2=s=96x64:r=25:d=1",
)
# What says when something was made, and no more.
PASSING = ("at", "seconds")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film of six shots; the second one is two pieces long, and the last one shows its set-up again."""
    shots = [f"{shot},format=gray,setsar=1" for shot in SHOTS]
    return write_film_of_shots(tmp_path_factory.mktemp("films") / "film.mkv", shots)


@pytest.fixture(scope="module")
def options(checkpoint):
    """How the film is coloured everywhere."""
    return {
        "working_size": 64,
        "device": "cpu",
        "segment_seconds": 1.0,
        "threads": 1,
        "checkpoint": checkpoint,
    }


@pytest.fixture(scope="module")
def undisturbed(film, options, tmp_path_factory):
    """The folder of the film that one machine made."""
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    archivecolor.colour_film(film, output, **options)
    return output


@pytest.fixture(scope="module")
def workers():
    """Four workers of this very process, and a client of theirs."""
    with (
        LocalCluster(n_workers=4, threads_per_worker=1, processes=False, dashboard_address=None) as local,
        Client(local, set_as_default=False) as client,
    ):
        yield client


def record(output):
    """What the manifest says of the film, but for when it was made and how long that took."""
    said = vars(Manifest(Layout(output).manifest).record("film.mkv")) | dict.fromkeys(PASSING)
    return said | {"output": {**vars(said["output"]), "mtime_ns": None}}


def assert_same(output, expected):
    assert (output / "film.mkv").read_bytes() == (expected / "film.mkv").read_bytes()
    assert record(output) == record(expected)
    assert not [path for path in output.rglob("*") if "archivecolor-part" in path.name]


def test_four_workers_make_what_one_machine_makes(film, options, undisturbed, workers, tmp_path):
    done = archivecolor.colour_film(film, tmp_path / "out", executor=workers, **options)
    assert done.record.extra["film"]["set_ups"]
    assert done.path == tmp_path / "out" / "film.mkv"
    assert_same(tmp_path / "out", undisturbed)
    shares = json.loads(Layout(tmp_path / "out").run_json.read_text())["workers"]
    frames = sum(last - first + 1 for first, last, *_ in done.record.extra["film"]["segments"])
    assert sum(share["megapixels"] for share in shares.values()) == pytest.approx(frames * 96 * 64 / 1e6)


def test_what_is_decided_about_a_shot_reaches_the_worker_that_makes_it(
    film, options, undisturbed, workers, tmp_path
):
    shutil.copytree(undisturbed, tmp_path / "here")
    words = ["--at", "0:01.5", "--hint", "50%,50%=#c82828", "--later", "-q"]
    assert main(["correct", str(tmp_path / "here"), "film.mkv", *words]) == 0
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    archivecolor.colour_film(film, tmp_path / "here", **options)
    archivecolor.colour_film(film, tmp_path / "there", executor=workers, **options)
    assert (tmp_path / "here/film.mkv").read_bytes() != (undisturbed / "film.mkv").read_bytes()
    assert_same(tmp_path / "there", tmp_path / "here")


def test_films_of_a_tree_go_to_the_workers_too(film, options, undisturbed, workers, tmp_path):
    result = archivecolor.colour_folder(
        film.parent,
        tmp_path / "out",
        executor=workers,
        films=True,
        **{name: options[name] for name in ("working_size", "device", "checkpoint")},
    )
    assert result.exit_code == 0
    assert json.loads(Layout(tmp_path / "out").run_json.read_text())["workers"]
    assert record(tmp_path / "out")["status"] == "done"


def test_a_film_that_is_damaged_meanwhile_is_a_failed_record(film, options, workers, tmp_path, monkeypatch):
    """What a worker cannot read is the film's trouble, and the workers stay."""
    copy = tmp_path / "in" / "film.mkv"
    copy.parent.mkdir()
    shutil.copyfile(film, copy)
    from archivecolor.jobs import films

    real = films.make_segments_on_cluster

    def damaged(*words):
        copy.write_bytes(film.read_bytes()[: film.stat().st_size // 3])
        return real(*words)

    monkeypatch.setattr(films, "make_segments_on_cluster", damaged)
    with pytest.raises(archivecolor.ItemError, match="changed while it was read"):
        archivecolor.colour_film(copy, tmp_path / "out", executor=workers, **options)


def test_segments_that_are_not_seen_here_end_the_run_in_words(film, options, workers, tmp_path, monkeypatch):
    """As where the workers' share is another one under the same path."""
    monkeypatch.setattr(cluster_worker, "LATE_SECONDS", 0.0)
    monkeypatch.setattr(film_cluster_tasks._OpenFilm, "make", lambda *_: None)
    with pytest.raises(archivecolor.OutputError, match="is not seen here; have they the same share"):
        archivecolor.colour_film(film, tmp_path / "out", executor=workers, **options)


@pytest.mark.long
def test_workers_that_are_killed_cost_nothing(film, options, undisturbed, command_words, tmp_path):
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = command_words("video", film, "-o", tmp_path / "out", *words, "--cluster", "local:2")
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    killed = 0
    while running.poll() is None and killed < 2:
        made = list((tmp_path / "out").glob("_archivecolor/work/*/segment-*.mkv"))
        if len(made) > killed and (found := workers_of(running.pid)):
            os.kill(random.choice(found), signal.SIGKILL)
            killed += 1
        time.sleep(0.02)
    _, said = running.communicate(timeout=200)
    assert running.returncode == 0, said
    assert killed
    assert_same(tmp_path / "out", undisturbed)


def workers_of(pid):
    """The Dask workers that the program of this number started."""
    children = psutil.Process(pid).children()
    return [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]
