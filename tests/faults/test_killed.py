"""Runs that are killed or stopped: nothing is lost, and the rerun ends as if undisturbed."""

import os
import random
import signal
import subprocess
import time

import pytest
from disturbance import assert_undisturbed, parts_in, wait_until, workers_of, written


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


@pytest.fixture(scope="module")
def whole_seconds(archive, command_words, tmp_path_factory):
    """How long a run takes that is left alone."""
    words = command_words("dir", archive, tmp_path_factory.mktemp("measured") / "out")
    began = time.monotonic()
    subprocess.run(words, check=False, capture_output=True, timeout=300)
    return time.monotonic() - began


def test_killed_while_it_writes(start, here, archive, output, undisturbed):
    run = start(archive, output)
    wait_until(lambda: parts_in(output) or run.poll() is not None)
    run.kill()
    run.wait()
    assert here("dir", archive, output).returncode == 3
    assert_undisturbed(output, undisturbed)


def test_killed_after_the_first_records(start, here, archive, output, undisturbed):
    run = start(archive, output)
    wait_until(lambda: written(output) >= 4)
    run.kill()
    run.wait()
    assert here("dir", archive, output).returncode == 3
    assert_undisturbed(output, undisturbed)


@pytest.mark.fault
@pytest.mark.parametrize("seed", range(50))
def test_killed_at_any_moment(start, here, archive, output, undisturbed, whole_seconds, seed):
    run = start(archive, output)
    time.sleep(random.Random(seed).uniform(0, whole_seconds))
    run.kill()
    run.wait()
    done = here("dir", archive, output)
    assert done.returncode == 3, done.stderr
    assert_undisturbed(output, undisturbed)


def test_killed_workers_cost_nothing_but_time(start, archive, output, undisturbed):
    run = start(archive, output)
    for worker in wait_until(lambda: workers_of(run.pid)):
        os.kill(worker, signal.SIGKILL)
    wait_until(lambda: written(output) >= 2)
    for worker in workers_of(run.pid):
        os.kill(worker, signal.SIGKILL)
    _words, errors = run.communicate(timeout=300)
    assert run.returncode == 3, errors
    assert_undisturbed(output, undisturbed)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_the_whole_group_stops_cleanly(start, here, archive, output, undisturbed, number, code):
    run = start(archive, output)
    wait_until(lambda: written(output) >= 1)
    os.killpg(run.pid, number)
    _, errors = run.communicate(timeout=120)
    assert run.returncode == code, errors
    assert "goes on where it left off" in errors
    assert "Traceback" not in errors
    assert not parts_in(output)
    assert here("dir", archive, output).returncode == 3
    assert_undisturbed(output, undisturbed)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.fault)]
)
def test_a_second_signal_stops_at_once(start, here, archive, output, undisturbed, number, code):
    run = start(archive, output, "--working-size", "512", "--quality", "high")
    wait_until(lambda: workers_of(run.pid))
    os.killpg(run.pid, number)
    time.sleep(0.2)
    if run.poll() is None:
        os.killpg(run.pid, number)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == code, errors
    assert "Traceback" not in errors
    assert not parts_in(output)
    wait_until(lambda: not workers_of(run.pid))
    assert here("dir", archive, output).returncode == 3
    assert_undisturbed(output, undisturbed)


def test_a_second_run_is_refused_and_the_first_goes_on(start, here, archive, output, undisturbed):
    first = start(archive, output)
    wait_until((output / "_archivecolor" / "run.json").exists)
    # Held still, or it may be done before the second has started.
    first.send_signal(signal.SIGSTOP)
    second = here("dir", archive, output)
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 11
    assert f"process {first.pid}" in second.stderr
    first.communicate(timeout=300)
    assert first.returncode == 3
    assert_undisturbed(output, undisturbed)


def test_a_second_run_waits_if_asked(start, archive, output, undisturbed):
    runs = [start(archive, output, "--wait-lock", "200") for _ in range(2)]
    for run in runs:
        _, errors = run.communicate(timeout=300)
        assert run.returncode == 3, errors
    assert_undisturbed(output, undisturbed)
