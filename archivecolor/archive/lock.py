"""One run at a time per output folder.

On one machine the kernel's file lock (flock) decides, so a dead run never blocks and two runs
started in the same second cannot both win. Other machines and containers may not see that lock: for them the
file names its holder and is touched while that lives; untouched for `STALE_SECONDS` it counts as dead. A
process id is believed only where it can be looked up: on this boot and in this process namespace. On file
systems without flock a new lock file takes the old one's place; whose file is there a moment later has it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from archivecolor.archive.atomic import make_folder, open_own_file, with_output_errors
from archivecolor.archive.layout import Layout
from archivecolor.archive.output_folder import hold_output, link_error
from archivecolor.archive.parts import part_path
from archivecolor.errors import LockedError
from archivecolor.process_identity import boot_id, pid_namespace, read_text, start_ticks
from archivecolor.settings import dataclass_from

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 30.0
STALE_SECONDS = 600.0
RETRY_SECONDS = 0.5
SETTLE_SECONDS = 2.0
# Windows locks bytes, and locked bytes cannot be read: one far behind the text.
_WINDOWS_LOCK_OFFSET = 1 << 30


@dataclass(frozen=True)
class LockHolder:
    """Who has a lock.

    Attributes:
        host: name of the machine.
        pid: process id there.
        started: UTC, ISO 8601.
        boot: the machine's boot id, empty where it has none: a pid means nothing after a reboot.
        ticks: start time of the process in clock ticks since boot, 0 where unknown: pids are reused.
        namespace: the namespace that the pid is of, empty where there are none.
        by_name: it was taken without the kernel's lock, which therefore says nothing of it.
    """

    host: str
    pid: int
    started: str
    boot: str = ""
    ticks: int = 0
    namespace: str = ""
    by_name: bool = False

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, started {self.started}"

    @property
    def is_of_this_boot(self) -> bool:
        """Whether the holder runs, or ran, under the very kernel that this process runs under."""
        return self.host == socket.gethostname() and bool(self.boot) and self.boot == boot_id()

    @property
    def can_be_looked_up(self) -> bool:
        """Whether the holder's process, were it alive, would be seen from here."""
        return self.is_of_this_boot and self.namespace == pid_namespace()

    def is_alive_here(self) -> bool:
        """Whether the very process lives; only where it can be looked up."""
        return bool(self.ticks) and self.ticks == start_ticks(self.pid)


def this_process() -> LockHolder:
    """This process as a holder."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    pid = os.getpid()
    return LockHolder(socket.gethostname(), pid, started, boot_id(), start_ticks(pid), pid_namespace())


@dataclass(frozen=True)
class _Lock:
    """A lock that this process holds.

    Attributes:
        path: of the file.
        handle: its descriptor, open while the lock is held.
    """

    path: Path
    handle: int

    def check(self) -> None:
        """See that the lock is still ours.

        Raises:
            LockedError: with whose it is.
        """
        if is_same_file(self.handle, self.path):
            return
        holder = read_lock_holder(self.path)
        what = f"was taken over by {holder}" if holder else "was removed by somebody"
        raise LockedError(
            f"the lock of {self.path.parent.parent} is no longer this run's: it {what}; "
            "what is finished is safe"
        )


_locks: list[_Lock] = []


def check_locks() -> None:
    """See that the locks that this process took are still its own.

    Raises:
        LockedError: one is not.
    """
    for lock in _locks:
        lock.check()


@contextlib.contextmanager
def locked(output: Path, wait_seconds: float = 0.0, sources: Path | None = None) -> Iterator[None]:
    """Hold the folder `output` and its lock, waiting for another run up to `wait_seconds`.

    Args:
        output: the folder.
        wait_seconds: how long another run is waited for.
        sources: the input folder; see `hold_output`.

    Raises:
        LockedError: another run holds it.
        OutputError: the lock cannot be written.
    """
    make_folder(output)
    with contextlib.ExitStack() as held:
        held.enter_context(hold_output(output, sources))
        path = Layout(output).lock
        make_folder(path.parent)
        held.enter_context(hold_output(path.parent, sources))
        lock = _Lock(path, acquire(path, wait_seconds))
        _locks.append(lock)
        ended = threading.Event()
        heartbeat = threading.Thread(target=_refresh_until, args=(lock, ended), name="lock", daemon=True)
        heartbeat.start()
        try:
            yield
        finally:
            _locks.remove(lock)
            ended.set()
            heartbeat.join()
            release(path, lock.handle)


def acquire(path: Path, wait_seconds: float) -> int:
    """Take the lock file `path`; returns its descriptor, which must stay open."""
    deadline = time.monotonic() + wait_seconds
    while True:
        with with_output_errors(path):
            handle = _try_lock(path)
        if handle is not None:
            return handle
        if time.monotonic() >= deadline:
            holder = read_lock_holder(path) or "a run that has just begun"
            raise LockedError(
                f"{path.parent.parent} is in use by {holder}; wait for it (commands with --wait-lock do)"
            )
        time.sleep(min(RETRY_SECONDS, max(0.0, deadline - time.monotonic())))


def _try_lock(path: Path) -> int | None:
    """Take the lock now, or return None where another run has it."""
    if path.is_symlink():
        raise link_error(path)
    with contextlib.ExitStack() as unless_taken:
        handle = open_own_file(path, os.O_RDWR)
        unless_taken.callback(os.close, handle)
        has_flock = try_flock(handle)
        if has_flock is False or not is_same_file(handle, path) or is_held(path, certain=has_flock is True):
            return None
        if has_flock:
            _write_holder(handle)
            unless_taken.pop_all()
            return handle
    return _take_by_name(path)


def _write_holder(handle: int, *, by_name: bool = False) -> None:
    """Write this process as the holder into a lock file."""
    # What says no more than the default is left out, for versions that do not know it.
    holder = {name: value for name, value in asdict(this_process()).items() if value is not False}
    holder |= {"by_name": True} if by_name else {}
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, json.dumps(holder).encode())
    os.fsync(handle)


def _take_by_name(path: Path) -> int | None:
    """Put a lock file of our own in the place of `path`; None where another run did so a moment later."""
    ours = part_path(path)
    ours.unlink(missing_ok=True)
    with contextlib.ExitStack() as unless_taken:
        handle = os.open(ours, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        unless_taken.callback(ours.unlink, missing_ok=True)
        unless_taken.callback(os.close, handle)
        _write_holder(handle, by_name=True)
        # A run that has it sweeps parts.
        with contextlib.suppress(FileNotFoundError):
            ours.replace(path)
            # Whoever looked before we replaced it has replaced ours by then.
            time.sleep(SETTLE_SECONDS)
            if is_same_file(handle, path):
                unless_taken.pop_all()
                return handle
    return None


def try_flock(handle: int) -> bool | None:
    """Whether the kernel's lock on the open file is ours now; None on a file system without such locks."""
    try:
        if sys.platform == "win32":
            os.lseek(handle, _WINDOWS_LOCK_OFFSET, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise
        return None
    return True


def is_same_file(handle: int, path: Path) -> bool:
    """Whether `path` is still the file that was opened: its last holder removes it when done."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def is_held(path: Path, *, certain: bool) -> bool:
    """Whether the holder named in the file counts as alive.

    Args:
        path: of the lock file.
        certain: the kernel's lock is ours, so nobody under this kernel has it.
    """
    holder = read_lock_holder(path)
    if holder is None:
        return False
    if certain and holder.is_of_this_boot and not holder.by_name:
        held = False
    elif holder.can_be_looked_up:
        held = holder.is_alive_here()
    else:
        held = _seconds_untouched(path) < STALE_SECONDS
    if not held:
        logger.warning("the last run did not end by itself (%s); its lock is taken over", holder)
    return held


def running_holder(output: Path) -> LockHolder | None:
    """The run that goes on in an output, as far as its lock tells; nothing is locked or written.

    Args:
        output: the folder that the tree of derivatives begins in.
    """
    path = Layout(output).lock
    holder = read_lock_holder(path)
    if holder is None:
        return None
    if holder.can_be_looked_up:
        return holder if holder.is_alive_here() else None
    try:
        untouched = abs(time.time() - path.stat().st_mtime)
    except FileNotFoundError:  # it has just ended
        return None
    return holder if untouched < STALE_SECONDS else None


def read_lock_holder(path: Path) -> LockHolder | None:
    """The holder named in the lock file; None where it is empty, torn or gone."""
    try:
        holder: LockHolder = dataclass_from(LockHolder, json.loads(read_text(path)))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    kinds: dict[str, type] = {"pid": int, "ticks": int, "by_name": bool}
    is_sound = all(isinstance(value, kinds.get(name, str)) for name, value in asdict(holder).items())
    return holder if is_sound else None


def _seconds_untouched(path: Path) -> float:
    """Age of the file's last touch by the clock of its own disk, which may not be this machine's."""
    probe = part_path(path.with_name(f"{path.name}-clock"))
    probe.unlink(missing_ok=True)
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        return abs(probe.stat().st_mtime - path.stat().st_mtime)
    finally:
        probe.unlink(missing_ok=True)


def _refresh_until(lock: _Lock, ended: threading.Event) -> None:
    """Touch the lock file until `ended`, so that other machines see the run lives."""
    # Windows touches by name alone.
    touched = lock.handle if os.utime in os.supports_fd else lock.path
    while not ended.wait(HEARTBEAT_SECONDS):
        # A share that is away for a moment must not end the run; the work itself will tell.
        with contextlib.suppress(OSError):
            os.utime(touched)


def release(path: Path, handle: int) -> None:
    """Remove the lock file while still holding it, then let go."""
    ours = is_same_file(handle, path)
    if sys.platform == "win32":
        os.close(handle)
    with contextlib.suppress(OSError):
        if ours:
            path.unlink()
    if sys.platform != "win32":
        os.close(handle)
