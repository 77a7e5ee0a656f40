"""Runs that can be disturbed."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from built_in_weights import command_words, undisturbed  # noqa: F401
from disturbance import snapshot


@pytest.fixture(autouse=True)
def sources_unchanged(archive):
    """Whatever happens to a run, its sources stay as they are."""
    before = snapshot(archive)
    yield
    assert snapshot(archive) == before


@pytest.fixture
def start(command_words):  # noqa: F811
    """Starts a run in the background, in a process group of its own as a terminal would."""
    running = []

    def begin(source, output, *words, job="dir", bound_by_modes=False):
        command = command_words(job, source, output, *words)
        if bound_by_modes and os.geteuid() == 0:
            command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--", *command]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="session")
def failing_calls(tmp_path_factory):
    """The library that makes calls fail."""
    library = tmp_path_factory.mktemp("shim") / "failing_calls.so"
    source = Path(__file__).with_name("failing_calls.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library
