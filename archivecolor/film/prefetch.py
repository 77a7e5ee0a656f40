"""A stage of the film's way in a thread of its own, a few steps ahead of whoever asks."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _End:
    """The stage has ended, by itself or by an error."""

    error: BaseException | None


class Prefetcher(Generic[T]):
    """Runs an iterable in a thread and hands over its items in order, at most `depth` waiting.

    What the stage raises is raised where its items are taken. Use as a context manager: leaving the
    block ends the thread.
    """

    def __init__(self, items: Iterable[T], depth: int) -> None:
        self._items = items
        self._queue: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Iterator[T]:
        self._thread.start()
        return self._received()

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        while self._thread.is_alive():
            self._drain()
            self._thread.join(0.05)

    def _received(self) -> Iterator[T]:
        while True:
            item = self._queue.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            for item in self._items:
                if self._closed.is_set():
                    return
                self._queue.put(item)
        except BaseException as error:  # noqa: BLE001 - the thread's edge: raised again where items are taken
            failure = error
        self._queue.put(_End(failure))

    def _drain(self) -> None:
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                return
