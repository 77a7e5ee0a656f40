"""An executor over worker processes of this machine; one that dies or hangs costs the item it had in hand.

A pool of many processes breaks as a whole when one of them is killed, and nobody knows which item
did it; and where it is killed in the middle of an answer, the pool waits for the rest for ever. So
each worker here is a loky process with a pipe of its own and one item in flight, looked after by
one thread: whatever happens to the process happened to that item.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

from archivecolor.engine.process import Process, TaskFunction, WorkerDiedError, WorkerSetup, start_trackers
from archivecolor.engine.scratch import scratch_folder, scratch_variables
from archivecolor.errors import ItemError, Reason, UnavailableError

C = TypeVar("C")
T = TypeVar("T")
R = TypeVar("R")

logger = logging.getLogger(__name__)

_START_ATTEMPTS = 4
LAST = 2  # after every task, urgent or not


@dataclass(frozen=True)
class WorkerOptions:
    """How many worker processes there are, and what they may cost.

    Attributes:
        count: processes.
        timeout: seconds one item may take.
        attempts: processes an item may kill before it counts as the killer.
        items_per_process: a process is replaced after so many items, which bounds what leaks.
        initializer: called once in every new process, or None.
    """

    count: int
    timeout: float = 600.0
    attempts: int = 2
    items_per_process: int = 500
    initializer: Callable[[], None] | None = None


# A task, its item, and what its answer goes to. Any: each task has an answer of its own kind.
_Call = tuple[TaskFunction, object, Future[Any]]


@dataclass(order=True)
class _Task:
    """One call waiting for a worker; None for the order to leave."""

    rank: int
    number: int
    call: _Call | None


class LocalExecutor(Generic[C]):
    """Runs tasks in worker processes; use as a context manager.

    Tasks must be importable functions of the context and one picklable item. Leaving the block waits
    for the items in hand and drops the rest; leaving it by `KeyboardInterrupt` kills the processes.

    Args:
        options: how many processes, and what they may cost.
        context: what all items share, picklable; sent to each process once.
    """

    def __init__(self, options: WorkerOptions, context: C) -> None:
        self._queue: queue.PriorityQueue[_Task] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._options = options
        self._context = context
        self._scratch = ExitStack()
        self._supervisors: list[_Supervisor] = []

    @property
    def count(self) -> int:
        """Processes."""
        return self._options.count

    def __enter__(self) -> LocalExecutor[C]:
        start_trackers()
        variables = scratch_variables(self._scratch.enter_context(scratch_folder()))
        setup = WorkerSetup(self._options.initializer, self._context, variables)
        self._supervisors = [
            _Supervisor(self._queue, self._options, setup) for _ in range(self._options.count)
        ]
        for supervisor in self._supervisors:
            supervisor.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close(now=_is_abort(error))

    def submit(self, task: Callable[[C, T], R], item: T, *, urgent: bool = False) -> Future[R]:
        """See `Executor.submit`."""
        future: Future[R] = Future()
        self._queue.put(_Task(0 if urgent else 1, next(self._numbers), (task, item, future)))
        return future

    def close(self, *, now: bool) -> None:
        """Drop what waits and end all processes: `now`, or after the items in hand."""
        for task in self._take_waiting():
            if task.call is not None:
                task.call[-1].cancel()
        for supervisor in self._supervisors:
            supervisor.leave(now=now)
            self._queue.put(_Task(LAST, next(self._numbers), None))
        for supervisor in self._supervisors:
            supervisor.join()
        self._scratch.close()

    def _take_waiting(self) -> list[_Task]:
        tasks = []
        while True:
            try:
                tasks.append(self._queue.get_nowait())
            except queue.Empty:
                return tasks


def _is_abort(error: BaseException | None) -> bool:
    """Whether `error` is `KeyboardInterrupt`, or a generator's end because of one in its consumer."""
    cause = error.__context__ if isinstance(error, GeneratorExit) else error
    return isinstance(cause, KeyboardInterrupt)


class _Supervisor(threading.Thread):
    """The thread that looks after one worker process."""

    def __init__(self, tasks: queue.PriorityQueue[_Task], options: WorkerOptions, setup: WorkerSetup) -> None:
        super().__init__(name="worker-supervisor", daemon=True)
        self._tasks = tasks
        self._options = options
        self._setup = setup
        self._process: Process | None = None
        self._killed = False

    def leave(self, *, now: bool) -> None:
        self._killed = now
        process = self._process
        if now and process is not None:
            process.kill()

    def run(self) -> None:
        while True:
            call = self._tasks.get().call
            if call is None:
                break
            if call[-1].set_running_or_notify_cancel():
                self._settle(call)
        self._retire()

    def _settle(self, call: _Call) -> None:
        task, item, future = call
        # The worker edge: whatever the task raised belongs to whoever asked for it.
        try:
            future.set_result(self._attempt(task, item))
        except BaseException as error:  # noqa: BLE001
            future.set_exception(error)

    def _attempt(self, task: TaskFunction, item: object) -> object:
        for _ in range(self._options.attempts):
            if self._killed:
                break
            process = self._ready()
            if self._killed:  # while it started, when there was nothing to kill
                break
            try:
                return process.call(task, item)
            except WorkerDiedError:
                self._retire()
                if process.timed_out:
                    raise ItemError(
                        Reason.TIMEOUT, f"not finished after {self._options.timeout:g} seconds"
                    ) from None
                logger.info("a worker process died; the item it had is tried in a new one")
        raise ItemError(
            Reason.WORKER_DIED,
            f"the worker process died {self._options.attempts} times on it (crash, or out of memory)",
        )

    def _ready(self) -> Process:
        if self._process is not None and self._process.items >= self._options.items_per_process:
            self._retire()
        if self._process is None:
            self._process = _start_process(self._options.timeout, self._setup)
        return self._process

    def _retire(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None


def _start_process(timeout: float, setup: WorkerSetup) -> Process:
    """A new process; one that dies while it starts may have been killed, so there are several tries."""
    for _ in range(_START_ATTEMPTS):
        try:
            return Process(timeout, setup)
        except WorkerDiedError:
            logger.info("a worker process died while it started")
    raise UnavailableError("worker processes cannot be started: each died at once (out of memory?)")
