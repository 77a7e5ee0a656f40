"""The first signal asks, the second one means it."""

import os
import queue
import signal
import threading
import time

import pytest

from archivecolor.engine.stopping import Stop, stop_on_signals
from archivecolor.errors import ExitCode, StoppedError


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_a_signal_asks_and_a_second_aborts(number, code):
    with stop_on_signals(Stop()) as stop:
        os.kill(os.getpid(), number)
        assert stop.requested
        assert stop.exit_code is code
        with pytest.raises(StoppedError) as caught:
            stop.raise_if_signalled()
        assert caught.value.exit_code is code
        with pytest.raises(KeyboardInterrupt) as aborted:
            os.kill(os.getpid(), number)
        assert aborted.value.args == (code,)


def test_the_time_limit_asks_without_being_a_failure():
    stop = Stop(max_runtime=0.0)
    assert stop.requested
    assert stop.out_of_time
    assert stop.exit_code is None
    stop.raise_if_signalled()


def test_without_limit_and_signal_nothing_is_asked():
    assert not Stop().requested
    assert not Stop(max_runtime=3600).requested


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals(Stop()):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_thread_runs_without_signals():
    seen = []

    def work():
        with stop_on_signals(Stop()) as stop:
            seen.append(stop.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGXCPU])
def test_a_hang_up_and_a_processor_limit_ask_however_often_they_come(number):
    # Whoever started the tests may have them ignore a hang-up.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with stop_on_signals(Stop()) as stop:
            for _ in range(3):
                os.kill(os.getpid(), number)
            assert stop.exit_code is ExitCode.TERMINATED
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_a_hang_up_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals(Stop()) as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_what_takes_longer_than_the_grace_is_ended_as_by_a_second_signal(number, code, monkeypatch, caplog):
    monkeypatch.setattr("archivecolor.engine.stopping._WORD_SECONDS", 0.1)
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt) as aborted, stop_on_signals(Stop(), grace=0.5) as stop:
        os.kill(os.getpid(), number)
        assert stop.requested
        queue.SimpleQueue().get(timeout=30)  # as a run waits for its workers
    assert aborted.value.args == (code,)
    told = [record.message for record in caplog.records]
    assert len(told) == 2
    assert "another signal (Ctrl-C) stops now" in told[0]
    assert told[1].startswith("stopping now")
    assert signal.getsignal(number) is before


def test_what_ends_within_the_grace_ends_by_itself(monkeypatch, caplog):
    monkeypatch.setattr("archivecolor.engine.stopping._WORD_SECONDS", 0.1)
    with stop_on_signals(Stop(), grace=30) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.6)
    assert stop.exit_code is ExitCode.TERMINATED
    assert len(caplog.records) == 1
    caplog.clear()
    with stop_on_signals(Stop(), grace=30):
        pass
    assert not caplog.records
