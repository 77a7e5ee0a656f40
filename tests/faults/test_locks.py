"""Two runs and one output: by the real command, whatever became of the run before."""

import json
import os
import socket
import time

import pytest
from disturbance import assert_undisturbed, wait_until, written

from archivecolor.archive.lock import STALE_SECONDS, boot_id


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def left_behind(output):
    """Writes the lock of a run that is gone: `left_behind(host=..., age=...)`."""

    def leave(*, age=0.0, **about):
        holder = {"host": socket.gethostname(), "pid": 1, "started": "2026-01-01T00:00:00+00:00"}
        path = output / "_archivecolor" / "lock"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(holder | {"boot": boot_id(), "ticks": 1} | about))
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    return leave


def test_of_two_runs_of_one_second_one_is_refused(start, archive, output, undisturbed):
    runs = [start(archive, output) for _ in range(2)]
    errors = [run.communicate(timeout=300)[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [3, 11], errors
    (refused,) = (error for run, error in zip(runs, errors, strict=True) if run.returncode == 11)
    winner = next(run for run in runs if run.returncode == 3)
    assert f"process {winner.pid}" in refused
    assert refused.count("\n") == 1
    assert_undisturbed(output, undisturbed)
    assert not (output / "_archivecolor" / "lock").exists()


def test_a_killed_runs_lock_is_taken_over_with_a_warning(start, here, archive, output, undisturbed):
    run = start(archive, output)
    wait_until(lambda: written(output) >= 1)
    run.kill()
    run.wait()
    assert (output / "_archivecolor" / "lock").exists()
    done = here("dir", archive, output)
    assert done.returncode == 3
    assert f"process {run.pid}" in done.stderr
    assert "taken over" in done.stderr
    assert_undisturbed(output, undisturbed)


GONE = {
    "a reboot, and the pid is another's": {"pid": os.getppid(), "boot": "0" * 36, "age": 2 * STALE_SECONDS},
    "the pid is another's now": {"pid": os.getppid(), "ticks": 1},
    "another host, silent for long": {"host": "elsewhere", "age": 2 * STALE_SECONDS},
    "another host, with a clock that is ahead": {"host": "elsewhere", "age": -2 * STALE_SECONDS},
}


@pytest.mark.parametrize(
    "about",
    [
        pytest.param(about, id=name, marks=() if "reboot" in name else pytest.mark.fault)
        for name, about in GONE.items()
    ],
)
def test_a_dead_runs_lock_is_taken_over_with_a_warning(here, archive, output, left_behind, about):
    lock = left_behind(**about)
    done = here("dir", archive, output, "--include", "sepia.png")
    assert done.returncode == 0
    assert "warning" in done.stderr
    assert "taken over" in done.stderr
    assert not lock.exists()


def test_a_living_run_on_another_host_is_respected(here, archive, output, left_behind):
    lock = left_behind(host="elsewhere", age=STALE_SECONDS / 2)
    began = time.monotonic()
    done = here("dir", archive, output, "-q", "--wait-lock", "1")
    assert done.returncode == 11
    assert time.monotonic() - began >= 1
    assert "on elsewhere" in done.stderr
    assert done.stderr.count("\n") == 1
    assert lock.exists()
    assert [path.name for path in (output / "_archivecolor").iterdir()] == ["lock"]
