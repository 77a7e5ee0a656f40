"""A machine that was frozen has not let anybody wait."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archivecolor.engine.scratch import remove_dead_folders, scratch_folder
from archivecolor.engine.waiting import run_program, waits
from archivecolor.process_identity import pid_namespace, start_ticks

FROZEN = """
import sys
sys.path.insert(0, "{tests}")
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from test_local import sleep

with LocalExecutor(WorkerOptions(count=1, timeout=6, attempts=1), None) as executor:
    executor.submit(sleep, 0).result()
    future = executor.submit(sleep, 1.5)
    print("begun", flush=True)
    print(future.result())
"""


def test_time_in_which_nobody_ran_does_not_count():
    began = time.monotonic()
    assert sum(1 for wait in waits(0.3) if not time.sleep(wait)) == 1
    assert 0.25 < time.monotonic() - began < 5


def test_a_frozen_wait_counts_for_no_more_than_two(monkeypatch):
    clock = iter([0, 100, 100, 101, 101, 102, 102, 202])
    monkeypatch.setattr("archivecolor.engine.waiting.time.monotonic", lambda: next(clock))
    assert list(waits(6)) == [1, 1, 1, 1]


def test_a_run_that_was_stopped_past_the_limit_loses_no_item():
    code = FROZEN.format(tests=Path(__file__).parent)
    run = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert run.stdout.readline() == b"begun\n"
    os.killpg(run.pid, signal.SIGSTOP)
    time.sleep(7)  # longer than an item may take, and what is left of that is enough on a busy machine
    os.killpg(run.pid, signal.SIGCONT)
    output, errors = run.communicate(timeout=60)
    assert output == b"1.5\n", errors


def test_a_program_that_takes_too_long_is_ended():
    with pytest.raises(subprocess.TimeoutExpired):
        run_program(["sleep", "60"], 0.2)
    done = run_program(["sh", "-c", "echo out; echo err >&2; exit 3"], 60)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


def test_a_scratch_folder_goes_with_its_run_or_with_the_next(tmp_path):
    namespace = "".join(filter(str.isdigit, pid_namespace()))
    me = start_ticks(os.getpid())
    dead = tmp_path / f"archivecolor-run-{namespace}-{2**22 + 1}-77-abc"
    alive = tmp_path / f"archivecolor-run-{namespace}-{os.getpid()}-{me}-abc"
    elsewhere = tmp_path / f"archivecolor-run-1-{2**22 + 1}-77-abc"
    other = tmp_path / "archivecolor-run-of-mine"
    for folder in (dead, alive, elsewhere, other):
        folder.mkdir()
        (folder / "file").write_text("x")
    remove_dead_folders(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([alive, elsewhere, other])
    with scratch_folder() as folder:
        (folder / "left").write_text("x")
    assert not folder.exists()
