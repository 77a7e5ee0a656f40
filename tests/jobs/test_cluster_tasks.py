"""A worker sees for itself that it is what the run needs; a plan is cut into slices of bearable size."""

import multiprocessing
import os
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import locked
from archivecolor.archive.plan import Item
from archivecolor.archive.plan_action import PlanAction
from archivecolor.engine.cluster import WorkerRefusedError
from archivecolor.errors import OutputError, Reason, UnavailableError
from archivecolor.jobs import cluster_worker
from archivecolor.jobs.cluster_tasks import close_run, colour_slice
from archivecolor.jobs.cluster_worker import run_of_client, shared_of, why_not
from archivecolor.jobs.photographs_on_cluster import SliceSize, cluster_opener, slice_size, slices
from archivecolor.settings import DirSettings


def item_of(root, path, *, nbytes=1000, pixels=0):
    return Item("photo", root, path, path, nbytes, 0, PlanAction.DO, pixels, "digest")


@pytest.fixture
def run(tmp_path, checkpoint, monkeypatch):
    """What the workers are told of a run over one picture, while its lock is held."""
    monkeypatch.setattr(cluster_worker, "LATE_SECONDS", 0.0)
    scans, output = tmp_path / "in", tmp_path / "out"
    scans.mkdir()
    Image.new("L", (80, 64), 90).save(scans / "a.png")
    settings = DirSettings(
        input=scans, output=output, checkpoint=checkpoint, working_size=64, jobs=1, device="cpu"
    )
    with locked(output, sources=scans):
        made = run_of_client(settings, scans, output, sha256_of(checkpoint))
        yield made
        close_run(shared_of(made))


def refusal(run):
    """Why a slice of the run is refused."""
    with pytest.raises(WorkerRefusedError) as caught:
        colour_slice(shared_of(run), (item_of(run.settings.input, "a.png"),))
    return caught.value.why


def test_a_slice_is_coloured_and_answers_records(run):
    assert why_not(shared_of(run)) == ""
    answer = colour_slice(shared_of(run), (item_of(run.settings.input, "a.png"),))
    (result,) = answer.results
    assert (result.record.status, result.record.reason) == ("done", Reason.COLOURED)
    assert (run.settings.output / "a.png").is_file()
    assert answer.seconds > 0


@pytest.mark.parametrize("name", ["archivecolor", "numpy", "exiftool"])
def test_another_version_is_refused(run, name):
    facts, pickled = pickle.loads(shared_of(run))
    ours = facts[name]
    shared = pickle.dumps((facts | {name: "0.0.1"}, pickled))
    assert why_not(shared).startswith(f"it has {name} {ours}, and this run {name} 0.0.1; install the same")


def test_what_only_another_version_can_read_is_not_read(run):
    facts, _ = pickle.loads(shared_of(run))
    assert "it has archivecolor" in why_not(pickle.dumps((facts | {"archivecolor": "9"}, b"of the future")))


def test_other_weights_are_refused(run, tmp_path):
    assert "are others than this run's" in why_not(shared_of(replace(run, weights="0" * 64)))
    gone = replace(run.settings, checkpoint=tmp_path / "gone.safetensors")
    assert "gone.safetensors does not exist" in why_not(shared_of(replace(run, settings=gone)))


def test_an_input_that_is_not_mounted_is_refused(run, tmp_path):
    (tmp_path / "empty").mkdir()
    for name, why in (("gone", "cannot be read there"), ("empty", "is empty there")):
        elsewhere = replace(run, input=tmp_path / name)
        assert why in why_not(shared_of(elsewhere))
        assert "is its share mounted?" in refusal(elsewhere)


def test_an_output_that_is_not_mounted_is_refused_and_not_written_into(run, tmp_path):
    (tmp_path / "mount").mkdir()
    elsewhere = replace(run, output=tmp_path / "mount")
    assert "is not that of this run there (No such file or directory" in refusal(elsewhere)
    assert not list((tmp_path / "mount").iterdir())


def test_another_runs_lock_is_no_lock_of_ours(run):
    Layout(run.settings.output).lock.write_text("{}")
    assert "is locked by another run there" in refusal(run)


def test_an_input_that_goes_away_costs_the_worker_and_not_the_pictures(run, tmp_path):
    items = (item_of(run.settings.input, "a.png"),)
    colour_slice(shared_of(run), items)
    run.settings.input.rename(tmp_path / "unmounted")
    assert "is its share mounted?" in refusal(run)


def test_a_daemon_is_told_how_to_be_started(run):
    answers = multiprocessing.get_context("spawn").SimpleQueue()
    process = multiprocessing.get_context("spawn").Process(
        target=answer_as_daemon, args=(answers, shared_of(run)), daemon=True
    )
    process.start()
    assert "DASK_DISTRIBUTED__WORKER__DAEMON=False" in answers.get()
    process.join()


def answer_as_daemon(answers, shared):
    answers.put(why_not(shared))


def test_an_output_that_cannot_be_written_names_the_machine(run, monkeypatch):
    (run.settings.output / "a.png.d").mkdir()
    name = "b" * 200 + "/a.png"  # its folder cannot be made: a file is in the way
    (run.settings.output / ("b" * 200)).write_text("in the way")
    (run.settings.input / ("b" * 200)).mkdir()
    Image.new("L", (80, 64), 90).save(run.settings.input / name)
    with pytest.raises(OutputError, match=f"^on {os.uname().nodename}: "):
        colour_slice(shared_of(run), (item_of(run.settings.input, name),))


@pytest.mark.usefixtures("processes")
def test_files_have_the_permissions_that_the_client_would_give(run):
    before = os.umask(0o077)
    try:
        shared = shared_of(replace(run, umask=0o027))
        colour_slice(shared, (item_of(run.settings.input, "a.png"),))
        assert (run.settings.output / "a.png").stat().st_mode & 0o777 == 0o640
        close_run(shared)
    finally:
        os.umask(before)


def test_without_dask_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "archivecolor.engine.cluster_address", raising=False)
    with pytest.raises(UnavailableError, match=r"missing: pip install 'archivecolor\[cluster\]'"):
        cluster_opener("local:2", "")


def test_slices_hold_so_many_items_or_megapixels():
    root = Path("/scans")
    small = [item_of(root, f"{number}.png", pixels=10**6) for number in range(7)]
    assert [len(items) for items in slices(small, SliceSize(3, 100.0))] == [3, 3, 1]
    large = [item_of(root, f"{number}.png", pixels=60 * 10**6) for number in range(3)]
    assert [len(items) for items in slices([*small, *large], SliceSize(64, 100.0))] == [8, 1, 1]
    unseen = [item_of(root, "a.tif", nbytes=40 * 10**6)] * 3
    assert [len(items) for items in slices(unseen, SliceSize(64, 100.0))] == [1, 1, 1]
    assert list(slices([], SliceSize(64, 100.0))) == []


@pytest.mark.parametrize(("total", "workers", "items"), [(10, 2, 2), (10**6, 4, 64), (3, 0, 1), (0, 4, 1)])
def test_every_worker_gets_several_slices(total, workers, items):
    assert slice_size(total, workers).items == items


def test_slices_name_folders_as_a_worker_elsewhere_finds_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ((item,),) = slices([item_of(Path("scans"), "a.png")], SliceSize(64, 100.0))
    assert item.source == tmp_path / "scans" / "a.png"
