"""Slices of items done by the workers of a cluster: a rolling window, and what is lost on the way.

A task is a slice: one function, what all slices share, and some items. Its key is its own for ever, its
answer is fetched and let go at once, and at most a few slices for each worker are with the scheduler: memory
is the same for a thousand items and for ten million. Tasks may run twice.

A worker that dies loses its slices to others, which the scheduler sees to. It blames all that a dead worker
had, so a slice that it gives up is only suspected: when all others are done, each item of it is sent again,
to a worker that has nothing else.
"""

from __future__ import annotations

import itertools
import logging
import pickle
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from distributed import Future, KilledWorker

from archivecolor.engine.cluster import Cluster, WorkerRefusedError, lost
from archivecolor.engine.stages import Failed
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ArchivecolorError, ItemError, Reason

T = TypeVar("T")
R = TypeVar("R")

logger = logging.getLogger(__name__)

# One is worked on, and the next ones are there when it ends.
SLICES_PER_WORKER = 4
POLL_SECONDS = 1.0
_FETCH_SECONDS = 10.0
# What is running when the run is to end has so long to finish.
GRACE_SECONDS = 60.0
# Workers that an item which is alone with them may cost: one may die for a reason of its own.
MAX_DEATHS = 2


@dataclass(frozen=True)
class SliceWork(Generic[T, R]):
    """What is done with every slice.

    Attributes:
        function: importable, of `shared` and the items of a slice; raises `WorkerRefusedError`.
        shared: what all slices share, pickled: small, for it travels with each of them.
    """

    function: Callable[[bytes, tuple[T, ...]], R]
    shared: bytes


@dataclass(frozen=True)
class SliceDone(Generic[T, R]):
    """A slice's answer."""

    items: tuple[T, ...]
    value: R


@dataclass(frozen=True, eq=False)
class _Order(Generic[T]):
    """One slice that is with the scheduler.

    Attributes:
        items: of it.
        is_suspect: it is one item of a slice that was lost.
        deaths: workers that died while they had it alone.
        named: addresses of the workers it is kept to, empty for any.
    """

    items: tuple[T, ...]
    is_suspect: bool = False
    deaths: int = 0
    named: frozenset[str] = frozenset()


def map_slices(
    cluster: Cluster, work: SliceWork[T, R], slices: Iterable[tuple[T, ...]], stop: Stop
) -> Generator[SliceDone[T, R] | Failed[T], None, None]:
    """Have the workers do `work` with `slices`; answers come as they are ready.

    An item whose workers always die, or on which `work` raises what is not of this package, is `Failed`.
    What is of this package ends the run. After a stop nothing new is begun, and what runs has
    `GRACE_SECONDS`.

    Raises:
        UnavailableError: the scheduler is lost, or no worker can do the work.
    """
    in_flight = _InFlight(cluster, work)
    source = iter(slices)
    deadline = None
    try:
        while True:
            if stop.requested and deadline is None:
                deadline = time.monotonic() + GRACE_SECONDS
                in_flight.drop_waiting()
            if deadline is None:
                in_flight.fill(source)
            if not in_flight or (deadline is not None and time.monotonic() > deadline):
                return
            yield from in_flight.next_settled()
    finally:
        in_flight.drop_all()
        if isinstance(source, Generator):
            source.close()


@dataclass(eq=False)
class _InFlight(Generic[T, R]):
    """The slices that are with the scheduler, and those that wait to be sent again."""

    cluster: Cluster
    work: SliceWork[T, R]
    # Keys are the scheduler's, which other runs may share.
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    orders: dict[Future, _Order[T]] = field(default_factory=dict)
    waiting: deque[_Order[T]] = field(default_factory=deque)
    suspects: deque[_Order[T]] = field(default_factory=deque)
    ready: queue.SimpleQueue[Future] = field(default_factory=queue.SimpleQueue)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __len__(self) -> int:
        return len(self.orders) + len(self.waiting) + len(self.suspects)

    def fill(self, source: Iterator[tuple[T, ...]]) -> None:
        """Send slices until there are enough for all workers: those that were lost first, suspects last."""
        self.cluster.look()
        if not self.cluster.takes_slices:
            return
        while self.waiting:
            self._send(replace(self.waiting.popleft(), named=self.cluster.some_usable()))
        window = SLICES_PER_WORKER * max(1, len(self.cluster.usable))
        for items in itertools.islice(source, max(0, window - len(self.orders))):
            self._send(_Order(items, named=self.cluster.some_usable()))
        if self.suspects and all(order.is_suspect for order in self.orders.values()):
            busy = frozenset[str]().union(*(order.named for order in self.orders.values()))
            for address in sorted(self.cluster.usable - busy)[: len(self.suspects)]:
                self._send(replace(self.suspects.popleft(), named=frozenset({address})))

    def _send(self, order: _Order[T]) -> None:
        payload = pickle.dumps((self.work.function, self.work.shared, order.items))
        key = f"archivecolor-{self.run}-slice-{next(self.numbers):06d}"
        self._await(self.cluster.submit(key, payload, order.named), order)

    def _await(self, future: Future, order: _Order[T]) -> None:
        self.orders[future] = order
        future.add_done_callback(self.ready.put)

    def next_settled(self) -> Iterator[SliceDone[T, R] | Failed[T]]:
        """What is ready next, or nothing after a moment; slices that were lost wait to be sent again."""
        self.cluster.look()
        yield from self._take_from_the_gone()
        try:
            future = self.ready.get(timeout=POLL_SECONDS)
        except queue.Empty:
            return
        order = self.orders.pop(future, None)
        if order is None:  # it was dropped
            return
        try:
            value = future.result(timeout=_FETCH_SECONDS)
        except TimeoutError as error:
            # Its worker died with the answer, and it is done again, unless no worker is left that may.
            if future.status != "error":
                self._await(future, order)
                return
            yield from self._lost(order, error)
        except WorkerRefusedError as error:
            self.cluster.leave_out(error.address, error.why)
            (self.suspects if order.is_suspect else self.waiting).append(order)
        except CancelledError as error:
            raise lost(future.client) from error
        except ArchivecolorError:
            raise
        # The worker edge: what kills or breaks a slice costs the item that is to blame.
        except Exception as error:  # noqa: BLE001
            yield from self._lost(order, error)
        else:
            yield SliceDone(order.items, value)
        future.release()

    def _lost(self, order: _Order[T], error: Exception) -> Iterator[Failed[T]]:
        """A slice that was given up, or that is at fault; an item that was alone is to blame for that."""
        if order.is_suspect:
            yield Failed(order.items[0], _item_error(error))
        else:
            logger.info("a slice was lost (%s); its items are tried one by one in the end", error)
            self.suspects.extend(_Order((item,), is_suspect=True) for item in order.items)

    def _take_from_the_gone(self) -> Iterator[Failed[T]]:
        """Have slices that were kept to workers which are all gone sent anew."""
        orders = self.orders.items()
        for future in [future for future, order in orders if self.cluster.is_stranded(order.named)]:
            order = self.orders.pop(future)
            future.release()
            if not order.is_suspect:
                self.waiting.append(order)
            elif order.deaths + 1 < MAX_DEATHS:
                self.suspects.append(replace(order, deaths=order.deaths + 1))
            else:
                yield Failed(order.items[0], _worker_died(MAX_DEATHS))

    def drop_waiting(self) -> None:
        """Take back what no worker has begun."""
        self.waiting.clear()
        self.suspects.clear()
        running = self.cluster.running_keys() if self.orders else set()
        self._drop([future for future in self.orders if not future.done() and future.key not in running])

    def drop_all(self) -> None:
        """Take everything back; an answer that still comes is nobody's."""
        self._drop(list(self.orders))

    def _drop(self, futures: list[Future]) -> None:
        for future in futures:
            del self.orders[future]
            future.release()


def _item_error(error: Exception) -> ItemError:
    """Why an item has no answer, which had a slice and a worker for itself."""
    if isinstance(error, KilledWorker):
        return _worker_died(error.allowed_failures + 1)
    if isinstance(error, MemoryError):
        return ItemError(Reason.OUT_OF_MEMORY, "the worker has not enough memory for it")
    logger.error("a task failed unexpectedly; the record of its item says so", exc_info=error)
    return ItemError(Reason.FAULT, f"{type(error).__name__}: {error}")


def _worker_died(deaths: int) -> ItemError:
    return ItemError(Reason.WORKER_DIED, f"{deaths} workers of the cluster died on it (see their logs)")
