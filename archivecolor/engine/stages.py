"""A run as chained generators: each stage pulls from the one before, through a bounded window.

An item that needs no further stage travels on as `Settled`; every stage lets it through at once.
Nothing piles up, so memory stays flat over any number of items. The last stage's consumer drives
the chain; a stop request empties it from the end, without beginning anything new.
"""

from __future__ import annotations

import logging
import queue
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from archivecolor.engine.executor import Executor
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ArchivecolorError, ItemError, item_error_of

C = TypeVar("C")
T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settled(Generic[S]):
    """An item whose end is known: later stages let it through."""

    value: S


@dataclass(frozen=True)
class Done(Generic[T, R]):
    """A task's answer for one item."""

    item: T
    value: R


@dataclass(frozen=True)
class Failed(Generic[T]):
    """Why there is no answer for one item."""

    item: T
    error: ItemError


@dataclass(frozen=True)
class StageContext(Generic[C]):
    """What a stage over workers runs on.

    Attributes:
        executor: runs the tasks.
        stop: asked before anything new is begun.
        window: items in flight at most, which bounds memory.
    """

    executor: Executor[C]
    stop: Stop
    window: int


def map_in_workers(
    stage: StageContext[C],
    task: Callable[[C, T], R],
    items: Iterable[T | Settled[S]],
    *,
    urgent: bool = False,
) -> Generator[Done[T, R] | Failed[T] | Settled[S], None, None]:
    """Run `task` over `items` by an executor; answers come as they are ready.

    An `ItemError`, a dead or late worker and a fault of the task cost that item (`Failed`); any
    other error of this package ends the run, once what workers have in hand is answered. `urgent`
    tasks go before all others: later stages should be, so that what was begun is finished.
    """
    source = iter(items)
    in_flight = _InFlight(stage.executor, task, urgent)
    try:
        while not stage.stop.requested:
            yield from in_flight.completed()
            if len(in_flight) >= stage.window:
                yield in_flight.next_completed()
                continue
            try:
                item = next(source)
            except StopIteration:
                break
            if isinstance(item, Settled):
                yield item
            else:
                in_flight.start(item)
        if stage.stop.requested:
            in_flight.cancel_waiting()
        while in_flight:
            yield in_flight.next_completed()
    except ArchivecolorError:
        in_flight.cancel_waiting()
        yield from in_flight.answered()
        raise
    finally:
        in_flight.cancel_waiting()
        if isinstance(source, Generator):
            source.close()


class _InFlight(Generic[C, T, R]):
    """The items of one stage that are with the executor."""

    def __init__(self, executor: Executor[C], task: Callable[[C, T], R], urgent: bool) -> None:
        self._executor = executor
        self._task = task
        self._urgent = urgent
        self._items: dict[Future[R], T] = {}
        self._ready: queue.SimpleQueue[Future[R]] = queue.SimpleQueue()

    def __len__(self) -> int:
        return len(self._items)

    def start(self, item: T) -> None:
        future = self._executor.submit(self._task, item, urgent=self._urgent)
        self._items[future] = item
        future.add_done_callback(self._ready.put)

    def completed(self) -> Iterator[Done[T, R] | Failed[T]]:
        """What is ready now."""
        while not self._ready.empty():
            yield self.next_completed()

    def next_completed(self) -> Done[T, R] | Failed[T]:
        """What is ready next; waits for it."""
        while True:
            future = self._ready.get()
            if future in self._items:  # not so where it was dropped
                return _outcome_of(self._items.pop(future), future)

    def answered(self) -> Iterator[Done[T, R] | Failed[T]]:
        """What is still answered when the run has ended by an error; an error like it is told of once."""
        while self:
            with suppress(ArchivecolorError):
                yield self.next_completed()

    def cancel_waiting(self) -> None:
        """Forget what no worker has begun."""
        for future in list(self._items):
            if future.cancel():
                del self._items[future]


def _outcome_of(item: T, future: Future[R]) -> Done[T, R] | Failed[T]:
    try:
        return Done(item, future.result())
    except ItemError as error:
        return Failed(item, error)
    except ArchivecolorError:
        raise
    except Exception as error:  # the worker edge: a fault in a task costs its item
        if not isinstance(error, MemoryError):
            logger.error("a task failed unexpectedly; the record of its item says so", exc_info=error)
        return Failed(item, item_error_of(error))


@dataclass(frozen=True)
class BatchPolicy(Generic[T]):
    """How items are gathered into batches.

    Attributes:
        key: items of one key may share a batch; one whose key is None waits for no other.
        size: items in a full batch.
        max_waiting: items that may wait over all keys; beyond it the longest waiting go, full or not.
    """

    key: Callable[[T], Hashable]
    size: int
    max_waiting: int


def batches(
    policy: BatchPolicy[T], items: Iterable[T | Settled[S]]
) -> Generator[list[T] | Settled[S], None, None]:
    """Gather `items` into full batches of one key; at the end, and beyond `max_waiting`, short ones."""
    groups: OrderedDict[Hashable, list[T]] = OrderedDict()
    waiting = 0
    # Any: a generator that has to be closed, or an iterator that cannot be.
    source: Any = iter(items)
    try:
        for item in source:
            if isinstance(item, Settled):
                yield item
                continue
            key = policy.key(item)
            if key is None:
                yield [item]
                continue
            groups.setdefault(key, []).append(item)
            waiting += 1
            if len(groups[key]) == policy.size:
                batch = groups.pop(key)
            elif waiting > policy.max_waiting:
                _, batch = groups.popitem(last=False)
            else:
                continue
            waiting -= len(batch)
            yield batch
        yield from groups.values()
    finally:
        if isinstance(source, Generator):
            source.close()
