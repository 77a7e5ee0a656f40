"""Pictures of a bucket on their way to this machine: fetched ahead of the work, and gone when it is done.

What is here at a time is bounded in bytes. When there is no room for the next picture the way of photographs
runs empty once, which makes room, and begins anew: nothing waits for what is itself waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from archivecolor.archive.bucket import Sources
from archivecolor.archive.plan import Item
from archivecolor.engine.executor import Executor
from archivecolor.engine.scratch import scratch_folder
from archivecolor.engine.stages import Settled
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ItemError, Reason, UnavailableError
from archivecolor.jobs.photographs import PhotoRunContext, photographs
from archivecolor.jobs.run import ItemResult
from archivecolor.settings import DirSettings

CACHE_BYTES = 2 << 30
_PARALLEL = 8
# Twice as many as are fetched at once: while one is taken the next is on its way.
_AHEAD = 2 * _PARALLEL
# Objects in a row that a server does not give, after which it is taken to be away.
_MOST_LOST_IN_A_ROW = 20
_POLL_SECONDS = 0.2


def fetched_photographs(
    items: Iterable[Item],
    sources: Sources,
    context: PhotoRunContext,
    executor: Executor[DirSettings],
    stop: Stop,
) -> Generator[ItemResult, None, None]:
    """Fetch and colour `items`; gives the result of each as its end is known, in any order.

    Raises:
        UnavailableError: as `photographs`; the server gives nothing any more, or there is no room here.
        OutputError: the output cannot be written.
    """
    with scratch_folder() as folder, closing(_FetchAhead(items, sources, folder, stop)) as ahead:
        while not stop.requested and ahead.has_more:
            arriving = _arrivals(ahead, context)
            with closing(photographs(arriving, context, executor, stop)) as results:
                for result in results:
                    ahead.release(result.record.path)
                    yield result


@dataclass
class _OnTheWay:
    """A picture that is being fetched, or is here.

    Attributes:
        item: with this machine's folder for its root.
        fetch: done when it is here.
    """

    item: Item
    fetch: Future[None]


class _FetchAhead:
    """Fetches items in their order, as many ahead of the work as there is room for.

    Args:
        items: of a bucket.
        sources: gives them.
        folder: that they are kept in while they are worked on.
        stop: asked before one is waited for.
    """

    def __init__(self, items: Iterable[Item], sources: Sources, folder: Path, stop: Stop) -> None:
        self._items = iter(items)
        self._sources = sources
        # In a folder of its own, which is made as any folder: who may read outputs goes by their sources.
        self._root = folder / "sources"
        self._root.mkdir()
        self._stop = stop
        self._next: Item | None = next(self._items, None)
        self._waiting: deque[_OnTheWay] = deque()
        self._here: dict[str, Item] = {}
        self._nbytes = 0
        self._lost = 0
        self._is_open = True
        self._threads = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="fetch")

    @property
    def has_more(self) -> bool:
        """Whether there is anything that was not handed on."""
        return bool(self._waiting) or self._next is not None

    def arrived(self) -> _OnTheWay | None:
        """The next one, once it is here or cannot be had; None at the end, at a stop, or without room."""
        self._fetch_more()
        if not self._waiting:
            return None
        on_the_way = self._waiting[0]
        while not self._stop.requested:
            try:
                on_the_way.fetch.exception(_POLL_SECONDS)
            except NotYetError:
                continue
            if on_the_way.fetch.exception() is None:
                self._lost = 0
            return self._waiting.popleft()
        return None

    def release(self, path: str) -> None:
        """Remove one, whose end is known."""
        item = self._here.pop(path)
        self._nbytes -= item.nbytes
        item.source.unlink(missing_ok=True)

    def note_loss(self, error: ItemError) -> None:
        """Count one that cannot be had.

        Raises:
            UnavailableError: with so many before it that none can.
        """
        self._lost = self._lost + 1 if error.reason is Reason.READ_ERROR else 0
        if self._lost == _MOST_LOST_IN_A_ROW:
            raise UnavailableError(
                f"none of {self._lost} objects in a row could be had: {error.detail}; what is finished is "
                "safe, and the same command goes on"
            ) from error

    def close(self) -> None:
        """Fetch no more; what is being fetched is cut short."""
        self._is_open = False
        self._threads.shutdown(cancel_futures=True)

    def _fetch_more(self) -> None:
        while self._next is not None and len(self._waiting) < _AHEAD and self._has_room(self._next):
            item = replace(self._next, root=self._root)
            self._here[item.path] = item
            self._nbytes += item.nbytes
            self._waiting.append(_OnTheWay(item, self._threads.submit(self._fetch, item)))
            self._next = next(self._items, None)

    def _has_room(self, item: Item) -> bool:
        """One that is larger than all room is here alone."""
        return not self._here or self._nbytes + item.nbytes <= CACHE_BYTES

    def _fetch(self, item: Item) -> None:
        try:
            item.source.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(
                f"{self._root} cannot be written ({error.strerror}); set TMPDIR"
            ) from error
        self._sources.fetch(item, item.source, lambda: self._is_open)


def _arrivals(ahead: _FetchAhead, context: PhotoRunContext) -> Iterator[Item | Settled[ItemResult]]:
    """The pictures as they arrive, and the end of those that cannot be had.

    Raises:
        UnavailableError: as many in a row as show that none can.
    """
    while (on_the_way := ahead.arrived()) is not None:
        try:
            on_the_way.fetch.result()
        except ItemError as error:
            ahead.note_loss(error)
            yield context.failed(on_the_way.item, error)
        else:
            yield on_the_way.item
