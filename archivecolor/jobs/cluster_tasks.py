"""What a worker of a cluster does with photographs: from inspection to rename, a slice at a time."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial

from archivecolor.archive.bucket import Bucket
from archivecolor.archive.output_folder import OutputFolder
from archivecolor.archive.plan import Item
from archivecolor.engine.executor import core_count
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.engine.stopping import Stop
from archivecolor.errors import Reason
from archivecolor.jobs.cluster_worker import ClusterRun, OpenWorkers, as_of_this_worker, check_folders
from archivecolor.jobs.fetching import fetched_photographs
from archivecolor.jobs.network import network_opener
from archivecolor.jobs.photograph_tasks import init_worker
from archivecolor.jobs.photographs import PhotoRunContext, photographs
from archivecolor.jobs.run import ItemResult
from archivecolor.settings import BucketPath, DirSettings

# What an input that went away looks like, item by item.
_LOST_INPUT = frozenset({Reason.VANISHED, Reason.PERMISSION, Reason.READ_ERROR, Reason.UNREADABLE})


@dataclass(frozen=True)
class SliceAnswer:
    """What became of a slice.

    Attributes:
        results: of its items, in any order.
        host: name of the machine.
        seconds: that it took.
    """

    results: tuple[ItemResult, ...]
    host: str
    seconds: float


def colour_slice(shared: bytes, items: tuple[Item, ...]) -> SliceAnswer:
    """Colour the photographs of one slice.

    Raises:
        WorkerRefusedError: this worker cannot: its program, folders, device or processes.
        OutputError: the output cannot be written.
    """
    began = time.monotonic()
    worker = _open_workers.worker_for(shared)
    made = worker.photographs(items)
    with as_of_this_worker(), closing(made) as found:
        results = tuple(found)
    if any(result.record.reason in _LOST_INPUT for result in results):
        check_folders(worker.run)
    return SliceAnswer(results, socket.gethostname(), time.monotonic() - began)


def close_run(shared: bytes) -> None:
    """Let go of the processes and the network of a run."""
    _open_workers.close(shared)


def _init_process(outputs: tuple[OutputFolder, ...], umask: int) -> None:
    os.umask(umask)
    init_worker(outputs)


class _OpenPhotographs:
    """What this process keeps for a run: its own processes, and the network.

    Args:
        run: what is to be done.

    Raises:
        WorkerRefusedError: this worker cannot.
    """

    def __init__(self, run: ClusterRun) -> None:
        self.run = run
        check_folders(run)
        settings = run.settings
        assert isinstance(settings, DirSettings)
        self.context = PhotoRunContext(settings, run.weights, network_opener(settings, run.weights))
        initializer = partial(_init_process, run.held_here(), run.umask)
        options = WorkerOptions(settings.jobs or core_count(), settings.timeout, initializer=initializer)
        self._bucket = Bucket(run.input) if isinstance(run.input, BucketPath) else None
        self._opened = ExitStack()
        with as_of_this_worker():
            self.executor = self._opened.enter_context(LocalExecutor(options, settings))

    def photographs(self, items: tuple[Item, ...]) -> Generator[ItemResult, None, None]:
        """Colour `items`, fetched where they lie in a bucket; raises as `photographs`."""
        if self._bucket is not None:
            return fetched_photographs(items, self._bucket, self.context, self.executor, Stop())
        return photographs(iter(items), self.context, self.executor, Stop())

    def close(self) -> None:
        """Let go of its processes."""
        self._opened.close()


_open_workers = OpenWorkers(_OpenPhotographs)
