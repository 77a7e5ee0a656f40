"""What a worker of a cluster sees to before it works on a run, and what it then keeps open.

A worker does what a run on one machine does, by the same functions, with processes and a network of its own
that stay open from task to task. It takes no lock and writes no record: that is the client's. Before it
begins it sees that it is what the client is, and that the folders are the client's.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from archivecolor.archive.bucket import Bucket
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.layout import Layout
from archivecolor.archive.output_folder import OutputFolder, held_folders
from archivecolor.engine.cluster import WorkerRefusedError
from archivecolor.errors import ArchivecolorError, CheckpointError, OutputError, UnavailableError
from archivecolor.jobs.run_files import library_versions
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.photo.exiftool import program as exiftool_program
from archivecolor.recipe import with_absolute_paths
from archivecolor.settings import BucketPath, DirSettings, VideoSettings, dataclass_from

# A network file system may show what another machine made only after a while.
LATE_SECONDS = 20.0
# Other programs of these names may be of other versions: no byte depends on them.
_INDIFFERENT = ("python",)


@dataclass(frozen=True)
class ClusterRun:
    """What all workers of a run are to know.

    Attributes:
        settings: of the run, all paths absolute.
        input: the folder of its sources.
        output: the folder that derivatives are written into.
        weights: SHA-256 of the checkpoint file.
        held: the folders that the client holds.
        lock: what the lock of the output says, which is there to be read wherever that folder is.
        umask: the client's, so that files have the same permissions whoever writes them.
    """

    settings: DirSettings | VideoSettings
    input: Path
    output: Path
    weights: str
    held: tuple[OutputFolder, ...]
    lock: str
    umask: int

    def held_here(self) -> tuple[OutputFolder, ...]:
        """The held folders with the numbers that they have on this machine.

        Raises:
            WorkerRefusedError: one is not there.
        """
        return tuple(map(_as_here, self.held))


class OpenWorker(Protocol):
    """What a worker keeps open for the tasks of one run."""

    def close(self) -> None:
        """Let go of it."""


W = TypeVar("W", bound=OpenWorker)


def _facts_of_program() -> dict[str, str]:
    """What the bytes of outputs depend on, wherever they are made."""
    versions = {name: text for name, text in library_versions().items() if name not in _INDIFFERENT}
    return versions | {"exiftool": "absent" if exiftool_program() is None else "installed"}


def shared_of(run: ClusterRun) -> bytes:
    """A run as tasks carry it: the facts stand before what only the same version can read."""
    return pickle.dumps((_facts_of_program(), pickle.dumps(run)))


def why_not(shared: bytes) -> str:
    """Why this worker cannot take part in a run, so far as it can be seen at once; empty where it can."""
    facts, pickled = pickle.loads(shared)
    why = _difference(facts)
    if why:
        return why
    run: ClusterRun = pickle.loads(pickled)
    return _no_children() or _other_weights(run) or _no_input(run.input)


@contextmanager
def as_of_this_worker() -> Iterator[None]:
    """Work of a worker: what it cannot is its own, and an output that it cannot write names it.

    Raises:
        WorkerRefusedError: its program, device or processes cannot be used.
        OutputError: the output cannot be written here.
    """
    try:
        yield
    except UnavailableError as error:
        raise WorkerRefusedError(str(error)) from error
    except OutputError as error:
        raise OutputError(f"on {socket.gethostname()}: {error}") from error


def check_folders(run: ClusterRun) -> None:
    """See that input and output are there.

    Raises:
        WorkerRefusedError: they are not.
    """
    why = _no_input(run.input) or _no_output(run.output, run.lock, LATE_SECONDS)
    if why:
        raise WorkerRefusedError(why)


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
    if isinstance(folder, BucketPath):
        return _no_bucket(folder)
    try:
        if any(folder.iterdir()):
            return ""
    except OSError as error:
        return f"the input {folder} cannot be read there ({error.strerror}); is its share mounted?"
    return f"the input {folder} is empty there; is its share mounted?"


def _no_bucket(address: BucketPath) -> str:
    try:
        return f"there is nothing at {address}, asked there" if Bucket(address).is_empty() else ""
    except ArchivecolorError as error:
        return str(error)


def _no_output(output: Path, wanted: str, patience: float) -> str:
    """Where the output is not the client's: the lock in it says so."""
    until = time.monotonic() + patience
    lock = Layout(output).lock
    while True:
        try:
            if lock.read_text(encoding="utf-8") == wanted:
                return ""
            why = "is locked by another run there"
        except OSError as error:
            why = f"is not that of this run there ({error.strerror}: {lock})"
        if time.monotonic() >= until:
            return f"the output {output} {why}; is its share mounted?"
        time.sleep(1.0)


def _as_here(folder: OutputFolder) -> OutputFolder:
    """A held folder with the numbers that it has on this machine."""
    try:
        about = folder.path.stat()
    except OSError as error:
        raise WorkerRefusedError(f"the folder {folder.path} is not there ({error.strerror})") from error
    return replace(folder, device=about.st_dev, inode=about.st_ino)


class OpenWorkers(Generic[W]):
    """What this process keeps open: one run at a time, by what its tasks share.

    Args:
        open_worker: opens what a run needs; raises `WorkerRefusedError` where this worker cannot.
    """

    def __init__(self, open_worker: Callable[[ClusterRun], W]) -> None:
        self._open_worker = open_worker
        self._lock = threading.Lock()
        self._digest = ""
        self._worker: W | None = None

    def worker_for(self, shared: bytes) -> W:
        """What is open for a run, opened when its first task comes.

        Raises:
            WorkerRefusedError: this worker cannot.
        """
        digest = hashlib.sha256(shared).hexdigest()
        with self._lock:
            if self._worker is not None and self._digest == digest:
                return self._worker
            self._close()
            why = why_not(shared)
            if why:
                raise WorkerRefusedError(why)
            worker = self._open_worker(pickle.loads(pickle.loads(shared)[1]))
            self._worker, self._digest = worker, digest
            return worker

    def close(self, shared: bytes) -> None:
        """Close what is open for a run, if it is that of `shared`."""
        with self._lock:
            if self._digest == hashlib.sha256(shared).hexdigest():
                self._close()

    def _close(self) -> None:
        if self._worker is not None:
            self._worker.close()
        self._worker, self._digest = None, ""


def run_of_client(
    settings: DirSettings | VideoSettings, source: Path, output: Path, weights: str
) -> ClusterRun:
    """The run that this process holds the lock of, as its workers are to know it.

    Args:
        settings: of the run.
        source: the folder of its sources.
        output: the folder that it writes into.
        weights: SHA-256 of the checkpoint file.
    """
    umask = os.umask(0)
    os.umask(umask)
    lock = Layout(output).lock.read_text(encoding="utf-8")
    absolute = _with_absolute_paths(settings)
    return ClusterRun(absolute, source.absolute(), output.absolute(), weights, held_folders(), lock, umask)


def _with_absolute_paths(settings: DirSettings | VideoSettings) -> DirSettings | VideoSettings:
    """The same for a process whose own folder may be another."""
    values = {name: with_absolute_paths(value) for name, value in vars(settings).items()}
    return dataclass_from(type(settings), values)
