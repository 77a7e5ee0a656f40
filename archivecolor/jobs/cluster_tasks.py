"""What a worker of a cluster does: photographs from inspection to rename, a slice at a time.

A worker does its slices as a run on one machine does its pictures, by the same functions, with processes and
a network of its own that stay open from slice to slice. It takes no lock and writes no record: that is the
client's. Before it begins it sees that it is what the client is, and that the folders are the client's.
"""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import pickle
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.layout import Layout
from archivecolor.archive.output_folder import OutputFolder, held_folders
from archivecolor.archive.plan import Item
from archivecolor.engine.cluster import WorkerRefusedError
from archivecolor.engine.executor import core_count
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.engine.stopping import Stop
from archivecolor.errors import CheckpointError, OutputError, Reason, UnavailableError
from archivecolor.jobs.network import network_opener
from archivecolor.jobs.photograph_tasks import init_worker
from archivecolor.jobs.photographs import PhotoRunContext, photographs
from archivecolor.jobs.run import ItemResult
from archivecolor.jobs.run_files import library_versions
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.photo.exiftool import program as exiftool_program
from archivecolor.settings import DirSettings

logger = logging.getLogger(__name__)

# A network file system may show what another machine made only after a while.
LATE_SECONDS = 20.0
# What an input that went away looks like, item by item.
_LOST_INPUT = frozenset({Reason.VANISHED, Reason.PERMISSION, Reason.READ_ERROR, Reason.UNREADABLE})
# Other programs of these names may be of other versions: no byte depends on them.
_INDIFFERENT = ("python",)


@dataclass(frozen=True)
class ClusterRun:
    """What all slices of a run share.

    Attributes:
        settings: of the run, all paths absolute; `output` is the folder that derivatives are written into.
        weights: SHA-256 of the checkpoint file.
        held: the folders that the client holds.
        lock: what the lock of the output says, which is there to be read wherever that folder is.
        umask: the client's, so that files have the same permissions whoever writes them.
    """

    settings: DirSettings
    weights: str
    held: tuple[OutputFolder, ...]
    lock: str
    umask: int


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


def _facts_of_program() -> dict[str, str]:
    """What the bytes of outputs depend on, wherever they are made."""
    versions = {name: text for name, text in library_versions().items() if name not in _INDIFFERENT}
    return versions | {"exiftool": "absent" if exiftool_program() is None else "installed"}


def shared_of(run: ClusterRun) -> bytes:
    """A run as slices carry it: the facts stand before what only the same version can read."""
    return pickle.dumps((_facts_of_program(), pickle.dumps(run)))


def colour_slice(shared: bytes, items: tuple[Item, ...]) -> SliceAnswer:
    """Colour the photographs of one slice.

    Raises:
        WorkerRefusedError: this worker cannot: its program, folders, device or processes.
        OutputError: the output cannot be written.
    """
    began = time.monotonic()
    worker = _open_workers.worker_for(shared)
    try:
        with closing(photographs(iter(items), worker.context, worker.executor, Stop())) as found:
            results = tuple(found)
    except UnavailableError as error:
        raise WorkerRefusedError(str(error)) from error
    except OutputError as error:
        raise OutputError(f"on {socket.gethostname()}: {error}") from error
    if any(result.record.reason in _LOST_INPUT for result in results):
        worker.check_folders()
    return SliceAnswer(results, socket.gethostname(), time.monotonic() - began)


def why_not(shared: bytes) -> str:
    """Why this worker cannot take part in a run, so far as it can be seen at once; empty where it can."""
    facts, pickled = pickle.loads(shared)
    why = _difference(facts)
    if why:
        return why
    run: ClusterRun = pickle.loads(pickled)
    return _no_children() or _other_weights(run) or _no_input(run.settings.input)


def close_run(shared: bytes) -> None:
    """Let go of the processes and the network of a run."""
    _open_workers.close(shared)


def _difference(facts: Mapping[str, str]) -> str:
    """Where this installation is not the client's, in words."""
    ours = _facts_of_program()
    different = [name for name in facts if facts[name] != ours.get(name)]
    if not different:
        return ""
    there = ", ".join(f"{name} {ours.get(name, 'absent')}" for name in different)
    here = ", ".join(f"{name} {facts[name]}" for name in different)
    return f"it has {there}, and this run {here}; install the same on both (constraints.txt has the versions)"


def _no_children() -> str:
    if not multiprocessing.current_process().daemon:
        return ""
    return (
        "it may not start processes; start it with the variable DASK_DISTRIBUTED__WORKER__DAEMON=False, "
        "or with --no-nanny"
    )


def _other_weights(run: ClusterRun) -> str:
    try:
        path = checkpoint_path(run.settings.checkpoint)
        if sha256_of(path) == run.weights:
            return ""
    except (CheckpointError, OSError) as error:
        return str(error)
    return f"its weights {path} are others than this run's"


def _no_input(folder: Path) -> str:
    try:
        if any(folder.iterdir()):
            return ""
    except OSError as error:
        return f"the input {folder} cannot be read there ({error.strerror}); is its share mounted?"
    return f"the input {folder} is empty there; is its share mounted?"


def _no_output(run: ClusterRun, patience: float) -> str:
    """Where the output is not the client's: the lock in it says so."""
    until = time.monotonic() + patience
    lock = Layout(run.settings.output).lock
    while True:
        try:
            if lock.read_text(encoding="utf-8") == run.lock:
                return ""
            why = "is locked by another run there"
        except OSError as error:
            why = f"is not that of this run there ({error.strerror}: {lock})"
        if time.monotonic() >= until:
            return f"the output {run.settings.output} {why}; is its share mounted?"
        time.sleep(1.0)


def _as_here(folder: OutputFolder) -> OutputFolder:
    """A held folder with the numbers that it has on this machine."""
    try:
        about = folder.path.stat()
    except OSError as error:
        raise WorkerRefusedError(f"the folder {folder.path} is not there ({error.strerror})") from error
    return replace(folder, device=about.st_dev, inode=about.st_ino)


def _init_process(outputs: tuple[OutputFolder, ...], umask: int) -> None:
    os.umask(umask)
    init_worker(outputs)


class _OpenWorker:
    """What this process keeps for a run: its own processes, and the network.

    Args:
        run: what is to be done.

    Raises:
        WorkerRefusedError: this worker cannot.
    """

    def __init__(self, run: ClusterRun) -> None:
        self._run = run
        self.check_folders()
        settings = run.settings
        self.context = PhotoRunContext(settings, run.weights, network_opener(settings, run.weights))
        initializer = partial(_init_process, tuple(map(_as_here, run.held)), run.umask)
        options = WorkerOptions(settings.jobs or core_count(), settings.timeout, initializer=initializer)
        self._opened = ExitStack()
        try:
            self.executor = self._opened.enter_context(LocalExecutor(options, settings))
        except UnavailableError as error:
            raise WorkerRefusedError(str(error)) from error

    def check_folders(self) -> None:
        """See that input and output are there.

        Raises:
            WorkerRefusedError: they are not.
        """
        why = _no_input(self._run.settings.input) or _no_output(self._run, LATE_SECONDS)
        if why:
            raise WorkerRefusedError(why)

    def close(self) -> None:
        self._opened.close()


class _OpenWorkers:
    """The run that this process has open: one at a time, by what its slices share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digest = ""
        self._worker: _OpenWorker | None = None

    def worker_for(self, shared: bytes) -> _OpenWorker:
        """What is open for a run, opened when its first slice comes."""
        digest = hashlib.sha256(shared).hexdigest()
        with self._lock:
            if self._worker is not None and self._digest == digest:
                return self._worker
            self._close()
            why = why_not(shared)
            if why:
                raise WorkerRefusedError(why)
            self._worker = _OpenWorker(pickle.loads(pickle.loads(shared)[1]))
            self._digest = digest
            return self._worker

    def close(self, shared: bytes) -> None:
        """Close what is open for a run, if it is that of `shared`."""
        with self._lock:
            if self._digest == hashlib.sha256(shared).hexdigest():
                self._close()

    def _close(self) -> None:
        if self._worker is not None:
            self._worker.close()
        self._worker, self._digest = None, ""


_open_workers = _OpenWorkers()


def run_of_client(settings: DirSettings, weights: str) -> ClusterRun:
    """The run that this process holds the lock of, as its workers are to know it."""
    umask = os.umask(0)
    os.umask(umask)
    lock = Layout(settings.output).lock.read_text(encoding="utf-8")
    return ClusterRun(settings, weights, held_folders(), lock, umask)
