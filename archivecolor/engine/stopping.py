"""One token that says whether a run should end, and why.

The first Ctrl-C or SIGTERM asks: what is in hand is finished, nothing new is begun.
The second one means it: `KeyboardInterrupt` is raised in the main thread at once, as it is by itself where
what is in hand takes longer than a grace: service managers kill what does not end. A terminal that hangs up
(SIGHUP) and a processor limit that is reached (SIGXCPU) ask like SIGTERM, however often they come.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from archivecolor.errors import ExitCode, StoppedError

EXIT_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
# Windows has none of them.
_REPEATING = frozenset(getattr(signal, name) for name in ("SIGHUP", "SIGXCPU") if hasattr(signal, name))
EXIT_CODES |= dict.fromkeys(_REPEATING, ExitCode.TERMINATED)


# What systemd gives is 90 seconds, and a minute is what slices of a cluster have.
GRACE_SECONDS = 70.0
# What ends sooner needs no word.
_WORD_SECONDS = 1.0
_NAP_SECONDS = 0.2

logger = logging.getLogger(__name__)


class Stop:
    """Whether the run was asked to end: by a signal, by its own time limit, or by what became of its items.

    Args:
        max_runtime: seconds from now after which the run should end, without a limit if None.
    """

    def __init__(self, max_runtime: float | None = None) -> None:
        self._deadline = None if max_runtime is None else time.monotonic() + max_runtime
        self._exit_code: ExitCode | None = None
        self._ended = False

    @property
    def requested(self) -> bool:
        """Nothing new should be begun."""
        return self._exit_code is not None or self._ended or self.out_of_time

    @property
    def out_of_time(self) -> bool:
        """The time limit has passed."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    @property
    def exit_code(self) -> ExitCode | None:
        """130 or 143 after a signal, None otherwise: reaching the time limit is no failure."""
        return self._exit_code

    def request(self, exit_code: ExitCode) -> None:
        """Ask the run to end after what is in hand, with `exit_code`; asking again changes nothing."""
        if self._exit_code is None:
            self._exit_code = exit_code

    def end(self) -> None:
        """Ask the run to end after what is in hand, for a reason that lies in its work."""
        self._ended = True

    def wait(self, seconds: float) -> None:
        """Sleep, until the stop is requested at most."""
        until = time.monotonic() + seconds
        # A signal's handler does not end a sleep, and must not touch what another thread may hold.
        while not self.requested and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _NAP_SECONDS))

    def raise_if_signalled(self) -> None:
        """Raise `StoppedError` with the signal's exit code, if there was a signal."""
        if self._exit_code is not None:
            raise StoppedError(self._exit_code)


@contextmanager
def stop_on_signals(stop: Stop, grace: float | None = None) -> Iterator[Stop]:
    """Turn the signals of `EXIT_CODES` into requests to `stop` while the block runs.

    Args:
        stop: that is asked.
        grace: seconds that what is in hand may then take, of which people are told; without it as many as it
            needs.

    A hang-up that whoever started the program has it ignore (nohup) stays ignored. Outside the main thread
    signals cannot be had, and the block runs without.
    """
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        code = EXIT_CODES[signal.Signals(number)]
        if stop.exit_code is not None and number not in _REPEATING:
            raise KeyboardInterrupt(code)
        stop.request(code)

    heeded = [number for number in EXIT_CODES if not (number in _REPEATING and _is_ignored(number))]
    before = {number: signal.signal(number, ask) for number in heeded}
    try:
        with _grace_of(stop, grace):
            yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _grace_of(stop: Stop, grace: float | None) -> Iterator[None]:
    """Tell people when a signal has come, and send another when the grace is over; nothing without one."""
    if grace is None:
        yield
        return
    over = threading.Event()
    # A thread, since a signal's handler must not touch what words go through.
    watcher = threading.Thread(target=_see_to_end, args=(stop, over, grace), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _see_to_end(stop: Stop, over: threading.Event, grace: float) -> None:
    while stop.exit_code is None:
        if over.wait(_NAP_SECONDS):
            return
    if over.wait(_WORD_SECONDS):
        return
    logger.warning(
        "stopping: what is in work is finished first, for %.0f seconds at most; another signal (Ctrl-C) stops"
        " now, and what was in work is then done next time",
        grace,
    )
    if over.wait(grace - _WORD_SECONDS):
        return
    logger.warning("stopping now: what is in work took longer than %.0f seconds", grace)
    number = signal.SIGINT if stop.exit_code is ExitCode.INTERRUPTED else signal.SIGTERM
    main = threading.main_thread().ident
    assert main is not None
    if hasattr(signal, "pthread_kill"):  # Windows has none
        signal.pthread_kill(main, number)
    else:
        signal.raise_signal(number)


def _is_ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN
