"""Supervised worker processes: a process that dies or hangs costs the item it had in hand.

A pool of many processes breaks as a whole when one of them is killed, and nobody knows which item
did it; and where it is killed in the middle of an answer, the pool waits for the rest for ever. So
each worker here is a loky process with a pipe of its own and one item in flight, looked after by
one thread: whatever happens to the process happened to that item.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import multiprocessing.resource_tracker
import os
import pickle
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, TypeVar

from joblib.externals.loky.backend import get_context, resource_tracker

from archivecolor.errors import ItemError, Reason, UnavailableError

T = TypeVar("T")
R = TypeVar("R")

log = logging.getLogger(__name__)

# One item is one core's work: libraries that start threads of their own would only get in each
# other's way.
SINGLE_THREADED = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
ORPHAN_CHECK_SECONDS = 0.5
START_ATTEMPTS = 4
END_SECONDS = 10.0
# What a terminal or a service manager sends to all processes of a run; only the parent heeds it.
GROUP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
LAST = 2  # after every task, urgent or not


@dataclass(frozen=True)
class WorkerOptions:
    """How many worker processes there are, and what they may cost.

    Attributes:
        count: processes.
        timeout: seconds one item may take.
        attempts: processes an item may kill before it counts as the killer.
        items_per_process: a process is replaced after so many items, which bounds what leaks.
        start: called once in every new process, or None.
    """

    count: int
    timeout: float = 600.0
    attempts: int = 2
    items_per_process: int = 500
    start: Callable[[], None] | None = None


def core_count() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(order=True)
class _Task:
    """One call waiting for a worker. `future` is None for the order to leave."""

    rank: int
    number: int
    call: tuple[Callable[[Any], Any], Any]
    future: Future[Any] | None


class Workers:
    """Runs tasks in worker processes; use as a context manager.

    Tasks must be importable functions of one picklable argument. Leaving the block waits for the
    items in hand and drops the rest; leaving it by `KeyboardInterrupt` kills the processes.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self.options = options
        self._queue: queue.PriorityQueue[_Task] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._supervisors = [_Supervisor(self._queue, options) for _ in range(options.count)]

    def __enter__(self) -> Workers:
        _start_trackers()
        for supervisor in self._supervisors:
            supervisor.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close(now=is_abort(error))

    def submit(self, task: Callable[[T], R], item: T, *, urgent: bool = False) -> Future[R]:
        """Have `task(item)` run in a worker, before all that is not urgent if `urgent`.

        The future raises what the task raised; `ItemError` with `worker-died` or `timeout` when the
        process died of the item or had to be killed; `UnavailableError` when no process will start.
        """
        future: Future[R] = Future()
        self._queue.put(_Task(0 if urgent else 1, next(self._numbers), (task, item), future))
        return future

    def close(self, *, now: bool) -> None:
        """Drop what waits and end all processes: `now`, or after the items in hand."""
        for task in self._drained():
            if task.future is not None:
                task.future.cancel()
        for supervisor in self._supervisors:
            supervisor.leave(now=now)
            self._queue.put(_Task(LAST, next(self._numbers), (_nothing, None), None))
        for supervisor in self._supervisors:
            supervisor.join()

    def _drained(self) -> list[_Task]:
        tasks = []
        while True:
            try:
                tasks.append(self._queue.get_nowait())
            except queue.Empty:
                return tasks


def is_abort(error: BaseException | None) -> bool:
    """Whether `error` is `KeyboardInterrupt`, or a generator's end because of one in its consumer."""
    cause = error.__context__ if isinstance(error, GeneratorExit) else error
    return isinstance(cause, KeyboardInterrupt)


class _Supervisor(threading.Thread):
    """The thread that looks after one worker process."""

    def __init__(self, tasks: queue.PriorityQueue[_Task], options: WorkerOptions) -> None:
        super().__init__(name="worker-supervisor", daemon=True)
        self._tasks = tasks
        self._options = options
        self._process: _Process | None = None
        self._killed = False

    def leave(self, *, now: bool) -> None:
        self._killed = now
        process = self._process
        if now and process is not None:
            process.kill()

    def run(self) -> None:
        while True:
            task = self._tasks.get()
            if task.future is None:
                break
            if task.future.set_running_or_notify_cancel():
                self._settle(task, task.future)
        self._retire()

    def _settle(self, task: _Task, future: Future[Any]) -> None:
        # The worker edge: whatever the task raised belongs to whoever asked for it.
        try:
            future.set_result(self._attempt(*task.call))
        except BaseException as error:  # noqa: BLE001
            future.set_exception(error)

    def _attempt(self, task: Callable[[Any], Any], item: Any) -> Any:
        for _ in range(self._options.attempts):
            process = self._ready()
            if self._killed:
                break
            try:
                return process.call(task, item)
            except _DiedError:
                self._retire()
                if process.overran:
                    raise ItemError(
                        Reason.TIMEOUT, f"not finished after {self._options.timeout:g} seconds"
                    ) from None
                log.info("a worker process died; the item it had is tried in a new one")
        raise ItemError(
            Reason.WORKER_DIED,
            f"the worker process died {self._options.attempts} times on it (crash, or out of memory)",
        )

    def _ready(self) -> _Process:
        if self._process is not None and self._process.items >= self._options.items_per_process:
            self._retire()
        if self._process is None:
            self._process = started(self._options)
        return self._process

    def _retire(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None


def started(options: WorkerOptions) -> _Process:
    """A new process; one that dies while it starts may have been killed, so there are several tries."""
    for _ in range(START_ATTEMPTS):
        try:
            return _Process(options)
        except _DiedError:
            log.info("a worker process died while it started")
    raise UnavailableError("worker processes cannot be started: each died at once (out of memory?)")


class _DiedError(Exception):
    """The process died, or had to be killed, before it gave its answer."""


class _RemoteError(Exception):
    """Where in the worker an error came from, as text; shown as its cause."""

    def __str__(self) -> str:
        return f"in a worker process\n{self.args[0]}"


@dataclass(frozen=True)
class _Answer:
    """What a task returned or raised, as a worker sends it."""

    value: Any = None
    error: Exception | None = None
    trace: str = ""

    def given(self) -> Any:
        """The value; raises what the task raised."""
        if self.error is not None:
            raise self.error from _RemoteError(self.trace)
        return self.value


class _Process:
    """One worker process and the pipe to it.

    A pipe of its own, whose far end only the process holds: a process killed in the middle of an
    answer closes it, and nobody waits for the rest.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self._timeout = options.timeout
        self.items = 0
        self.overran = False
        self._pipe, theirs = Pipe()
        arguments = (theirs, os.getpid(), options.start)
        self._process = get_context("loky").Process(target=_serve, args=arguments, env=SINGLE_THREADED)
        try:
            with _signals_blocked(), theirs:
                self._process.start()
            self._receive()
        except (OSError, _DiedError) as error:
            self.close()
            raise _DiedError from error

    def call(self, task: Callable[[Any], Any], item: Any) -> Any:
        """`task(item)` in the process; `_DiedError` when it died or had to be killed."""
        self.items += 1
        order = pickle.dumps((task, item))
        try:
            self._pipe.send_bytes(order)
        except OSError as error:
            raise _DiedError from error
        if not self._pipe.poll(self._timeout):
            self.overran = True
            self.kill()
            raise _DiedError
        return self._receive().given()

    def _receive(self) -> _Answer:
        try:
            content = self._pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise _DiedError from error
        answer: _Answer = pickle.loads(content)
        return answer

    def kill(self) -> None:
        pid = self._process.pid
        if pid is not None and self._process.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def close(self) -> None:
        """End the process: by closing its pipe, or by force where it does not see that."""
        self._pipe.close()
        if self._process.pid is not None:
            self._process.join(END_SECONDS)
            self.kill()
            self._process.join()


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Processes started in the block inherit the mask: a signal must not end them while they start."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_trackers() -> None:
    # Every process is told of these helpers. Starting one unblocks signals, so it must not happen later.
    if os.name == "posix":
        multiprocessing.resource_tracker.ensure_running()
        resource_tracker.ensure_running()


def _serve(pipe: Connection, parent: int, start: Callable[[], None] | None) -> None:
    """The life of a worker process: answer orders until the pipe is closed."""
    _prepare(parent, start)
    pipe.send_bytes(pickle.dumps(_Answer()))
    while True:
        try:
            order = pipe.recv_bytes()
        except EOFError:
            return
        pipe.send_bytes(_answer_to(order))


def _answer_to(order: bytes) -> bytes:
    # The worker edge: whatever a task raises goes back to whoever asked for it.
    try:
        task, item = pickle.loads(order)
        return pickle.dumps(_Answer(value=task(item)))
    except Exception as error:  # noqa: BLE001
        return _answer_for(error)


def _answer_for(error: Exception) -> bytes:
    trace = traceback.format_exc()
    try:
        return pickle.dumps(_Answer(error=error, trace=trace))
    except Exception:  # noqa: BLE001 - pickling runs code of the error's own class
        return pickle.dumps(_Answer(error=RuntimeError(repr(error)), trace=trace))


def _nothing(_: None) -> None:
    """What the order to leave would call, if anyone called it."""


def _prepare(parent: int, start: Callable[[], None] | None) -> None:
    """Make a new process a good worker: deaf to the terminal's signals, gone when its parent is."""
    for number in GROUP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    if start is not None:
        start()


def _leave_with(parent: int) -> None:
    # A killed parent cannot say goodbye, and its rerun must not meet a worker that still writes.
    while os.getppid() == parent:
        time.sleep(ORPHAN_CHECK_SECONDS)
    os._exit(1)
