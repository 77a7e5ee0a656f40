"""Outputs that lead elsewhere, that go away, and that lie on disks that die."""

import errno
import hashlib
import os
import shutil
import signal
import subprocess

import pytest
from disturbance import assert_undisturbed, needs_compiler, wait_until, written


@pytest.fixture
def elsewhere(tmp_path):
    """A folder that no run may touch."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "victim").write_text("first\nlast without end")
    return folder


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
    }


# What stands in OUT instead of what should, and how a run over it ends.
PLANTED = {
    "_archivecolor -> .": 5,
    "_archivecolor/lock -> victim": 5,
    "_archivecolor/manifest.jsonl -> victim": 5,
    "_archivecolor/run.json -> victim": 3,
    "_archivecolor/manifest-sha256.txt -> victim": 3,
    "_archivecolor/premis -> .": 5,
    "people -> .": 3,
    "_archivecolor/lock = victim": 5,
    "_archivecolor/manifest.jsonl = victim": 5,
}


def some_often(cases, often):
    """The cases: the first so many in every test run, the others in the long suite."""
    return [
        case
        if number < often
        else pytest.param(*(case if isinstance(case, tuple) else [case]), marks=pytest.mark.fault)
        for number, case in enumerate(cases)
    ]


@pytest.mark.parametrize("planted", some_often(PLANTED, 3))
def test_no_link_leads_a_run_out_of_its_output(here, archive, tmp_path, elsewhere, planted):
    place, how, target = planted.split()
    path, target = tmp_path / "out" / place, elsewhere / target
    path.parent.mkdir(parents=True)
    if how == "->":
        path.symlink_to(target)
    else:
        path.hardlink_to(target)
    before = contents(elsewhere)
    few = ["--include", "people", "--include", "empty.png"]
    done = here("dir", archive, tmp_path / "out", "--premis", *few)
    assert done.returncode == PLANTED[planted], done.stderr
    assert contents(elsewhere) == before


@pytest.mark.parametrize("taken", some_often(["out", "out/_archivecolor"], 1))
def test_an_output_taken_away_in_mid_run_ends_it_and_is_not_made_anew(
    start, archive, here, undisturbed, tmp_path, taken
):
    output = tmp_path / "out"
    run = start(archive, output)
    wait_until(lambda: written(output) >= 1)
    (tmp_path / taken).rename(tmp_path / "gone")
    error = run.communicate(timeout=300)[1]
    assert run.returncode == 5, error
    assert "no longer what it was" in error
    assert not (tmp_path / taken).exists()
    (tmp_path / "gone").rename(tmp_path / taken)
    assert here("dir", archive, output).returncode == 3
    assert_undisturbed(output, undisturbed)


FAILING = [
    ("fsync", errno.EIO, ".jpg.", 0),
    ("fsync", errno.ESTALE, "manifest.jsonl", 1),
    ("fsync", errno.EIO, "run.json", 1),
    ("write", errno.EDQUOT, "manifest.jsonl", 1),
    ("write", errno.ETIMEDOUT, ".png.", 0),
    ("write", errno.ENODEV, "/lock", 0),
    ("rename", errno.EXDEV, "sepia.png", 0),
    ("rename", errno.ESTALE, "manifest-sha256.txt", 0),
]


@needs_compiler
@pytest.mark.parametrize(("call", "number", "name", "after"), some_often(FAILING, 2))
def test_a_dying_disk_ends_the_run_and_blames_no_picture(
    command_words, here, archive, undisturbed, failing_calls, tmp_path, call, number, name, after
):
    output = tmp_path / "out"
    environment = {
        **os.environ, "LD_PRELOAD": str(failing_calls), "FAIL_CALL": call, "FAIL_ERRNO": str(number),
        "FAIL_NAME": name, "FAIL_AFTER": str(after),
    }  # fmt: skip
    words = command_words("dir", archive, output)
    done = subprocess.run(words, check=False, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 5, done.stderr
    assert os.strerror(number) in done.stderr
    manifest = output / "_archivecolor" / "manifest.jsonl"
    faults = (
        [line for line in manifest.read_text().splitlines() if '"fault"' in line] if manifest.exists() else []
    )
    assert faults == []
    assert here("dir", archive, output).returncode == 3
    assert_undisturbed(output, undisturbed)


@needs_compiler
def test_without_file_locks_a_second_run_is_refused(command_words, archive, failing_calls, tmp_path):
    environment = {
        **os.environ,
        "LD_PRELOAD": str(failing_calls),
        "FAIL_CALL": "flock",
        "FAIL_ERRNO": str(errno.ENOLCK),
    }
    words = command_words("dir", archive, tmp_path / "out")
    first = subprocess.Popen(words, stderr=subprocess.PIPE, env=environment)
    wait_until(lambda: written(tmp_path / "out") >= 1)
    first.send_signal(signal.SIGSTOP)  # a quick machine would be done before the second one has begun
    second = subprocess.run(words, check=False, capture_output=True, env=environment, timeout=300)
    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=300)
    assert (first.returncode, second.returncode) == (3, 11)


def test_an_input_that_was_unmounted_is_not_a_finished_night(here, archive, tmp_path):
    source = shutil.copytree(archive / "people", tmp_path / "in")
    assert here("dir", source, tmp_path / "out").returncode == 0
    manifest = (tmp_path / "out" / "_archivecolor" / "manifest.jsonl").read_bytes()
    shutil.rmtree(source)
    source.mkdir()
    (source / "NOT-MOUNTED.txt").write_text("mount the disk here")
    done = here("dir", source, tmp_path / "out")
    assert done.returncode == 8
    assert (tmp_path / "out" / "_archivecolor" / "manifest.jsonl").read_bytes() == manifest
    assert "mounted" in done.stderr


def test_a_private_archive_stays_private(here, archive, tmp_path):
    source = shutil.copytree(archive / "people", tmp_path / "in")
    source.chmod(0o700)
    assert here("dir", source, tmp_path / "out", "--premis").returncode == 0
    open_to_others = [path for path in (tmp_path / "out").rglob("*") if path.stat().st_mode & 0o077]
    assert open_to_others == []
