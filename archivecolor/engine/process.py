"""One worker process and the pipe to it, seen from both ends.

The pipe's far end is held by the process alone: one that is killed in the middle of an answer closes it,
and nobody waits for the rest.
"""

from __future__ import annotations

import contextlib
import multiprocessing.resource_tracker
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from loky.backend import resource_tracker
from loky.backend.process import LokyProcess

from archivecolor.engine.safe_path import SAFE_PATH, safe_path
from archivecolor.engine.waiting import waits

# One item is one core's work: libraries that start threads of their own would only get in each
# other's way.
_SINGLE_THREADED = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_ORPHAN_CHECK_SECONDS = 0.5
_JOIN_SECONDS = 10.0
# What a terminal or a service manager sends to all processes of a run; only the parent heeds it.
_GROUP_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGXCPU") if hasattr(signal, name)
)


# What a worker is asked: Any, as each task has a context and an item of its own kind.
TaskFunction: TypeAlias = Callable[[Any, Any], object]


class WorkerDiedError(Exception):
    """The process died, or had to be killed, before it gave its answer."""


class _RemoteError(Exception):
    """Where in the worker an error came from, as text; shown as its cause."""

    def __str__(self) -> str:
        return f"in a worker process\n{self.args[0]}"


@dataclass(frozen=True)
class _TaskResult:
    """What a task returned or raised, as a worker sends it."""

    value: object = None
    error: Exception | None = None
    trace: str = ""

    def unwrap(self) -> object:
        """The value; raises what the task raised."""
        if self.error is not None:
            raise self.error from _RemoteError(self.trace)
        return self.value


@dataclass(frozen=True)
class WorkerSetup:
    """What a new process is given before its first item.

    Attributes:
        initializer: called once before anything else, or None.
        context: the first argument of every task.
        variables: of its environment, besides those of this process.
    """

    initializer: Callable[[], None] | None = None
    context: object = None
    variables: Mapping[str, str] = field(default_factory=dict)


class Process:
    """A worker process, as its parent has it.

    Args:
        timeout: seconds one item may take.
        setup: what it is given first.

    Attributes:
        items: that it was given so far.
        timed_out: it was killed because an item took too long.

    Raises:
        WorkerDiedError: it died while it started.
    """

    def __init__(self, timeout: float, setup: WorkerSetup) -> None:
        self._timeout = timeout
        self.items = 0
        self.timed_out = False
        self._pipe, worker_end = Pipe()
        arguments = (worker_end, os.getpid(), setup)
        environment = _SINGLE_THREADED | SAFE_PATH | dict(setup.variables)
        # Not by the name of its context, which joblib, once imported, gives to a copy of its own.
        self._process = LokyProcess(target=_serve, args=arguments, env=environment)
        try:
            with signals_blocked(), worker_end:
                self._process.start()
            self._receive()
        except (OSError, WorkerDiedError) as error:
            self.close()
            raise WorkerDiedError from error

    def call(self, task: TaskFunction, item: object) -> object:
        """What `task(context, item)` gives or raises there; `WorkerDiedError` when it died or was killed."""
        self.items += 1
        request = pickle.dumps((task, item))
        try:
            self._pipe.send_bytes(request)
        except OSError as error:
            raise WorkerDiedError from error
        if not any(self._pipe.poll(wait) for wait in waits(self._timeout)):
            self.timed_out = True
            self.kill()
            raise WorkerDiedError
        return self._receive().unwrap()

    def _receive(self) -> _TaskResult:
        try:
            content = self._pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise WorkerDiedError from error
        result: _TaskResult = pickle.loads(content)
        return result

    def kill(self) -> None:
        """End the process at once, whatever it is doing."""
        pid = self._process.pid
        if pid is not None and self._process.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def close(self) -> None:
        """End the process: by closing its pipe, or by force where it does not see that."""
        self._pipe.close()
        if self._process.pid is not None:
            self._process.join(_JOIN_SECONDS)
            self.kill()
            self._process.join()


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Processes started in the block inherit the mask: a signal must not end them while they start."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _GROUP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_trackers() -> None:
    """Start the helpers of process starting, before any process is started."""
    # Every process is told of these helpers. Starting one unblocks signals, so it must not happen later.
    with safe_path():
        if os.name == "posix":
            multiprocessing.resource_tracker.ensure_running()
            resource_tracker.ensure_running()


def _serve(pipe: Connection, parent: int, setup: WorkerSetup) -> None:
    """The life of a worker process: answer orders until the pipe is closed."""
    _set_up_worker(parent, setup.initializer)
    pipe.send_bytes(pickle.dumps(_TaskResult()))
    while True:
        try:
            request = pipe.recv_bytes()
        except EOFError:
            return
        pipe.send_bytes(_run_request(request, setup.context))


def _run_request(request: bytes, context: object) -> bytes:
    # The worker edge: whatever a task raises goes back to whoever asked for it.
    try:
        task, item = pickle.loads(request)
        return pickle.dumps(_TaskResult(value=task(context, item)))
    except Exception as error:  # noqa: BLE001
        return _error_result(error)


def _error_result(error: Exception) -> bytes:
    trace = traceback.format_exc()
    try:
        return pickle.dumps(_TaskResult(error=error, trace=trace))
    except Exception:  # noqa: BLE001 - pickling runs code of the error's own class
        return pickle.dumps(_TaskResult(error=RuntimeError(repr(error)), trace=trace))


def _set_up_worker(parent: int, initializer: Callable[[], None] | None) -> None:
    """Make a new process a good worker: deaf to the terminal's signals, gone when its parent is."""
    for number in _GROUP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()
    if initializer is not None:
        initializer()


def _exit_with_parent(parent: int) -> None:
    # A killed parent cannot say goodbye, and its rerun must not meet a worker that still writes.
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK_SECONDS)
    os._exit(1)
