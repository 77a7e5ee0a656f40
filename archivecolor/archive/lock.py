"""One run at a time per output folder.

On one machine the kernel's file lock (flock) decides, so a dead run never blocks and two runs
started in the same instant cannot both win. Between machines, where that lock may not reach, the
lock file names its host and is touched as long as its run lives; untouched for `STALE_SECONDS` it
counts as dead. The file also holds what people need to find the run that has the output.
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
from datetime import datetime, timezone
from pathlib import Path

from archivecolor.archive.atomic import make_folder, with_output_errors
from archivecolor.archive.layout import Layout
from archivecolor.errors import LockedError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 30.0
STALE_SECONDS = 600.0
RETRY_SECONDS = 0.5
# Windows locks bytes, and locked bytes cannot be read: one far behind the text.
WINDOWS_LOCK_OFFSET = 1 << 30


@dataclass(frozen=True)
class LockHolder:
    """Who has a lock.

    Attributes:
        host: name of the machine.
        pid: process id there.
        started: UTC, ISO 8601.
        boot: the machine's boot id, empty where it has none: a pid means nothing after a reboot.
        ticks: start time of the process in clock ticks since boot, 0 where unknown: pids are reused.
    """

    host: str
    pid: int
    started: str
    boot: str = ""
    ticks: int = 0

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, started {self.started}"

    def is_here(self) -> bool:
        """Whether the holder ran on this machine."""
        return self.host == socket.gethostname()

    def is_alive_here(self) -> bool:
        """Whether the very process lives on this machine, as far as it can tell."""
        return bool(self.ticks) and self.boot == boot_id() and self.ticks == start_ticks(self.pid)


def this_process() -> LockHolder:
    """This process as a holder."""
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    pid = os.getpid()
    return LockHolder(socket.gethostname(), pid, started, boot_id(), start_ticks(pid))


def boot_id() -> str:
    """Linux's id of the present boot; empty elsewhere."""
    return read_text(Path("/proc/sys/kernel/random/boot_id")).strip()


def start_ticks(pid: int) -> int:
    """Start time of a living process in ticks since boot; 0 where it is gone or cannot be known."""
    # Field 22 of proc(5); the command in field 2 may hold spaces and brackets.
    fields = read_text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 else 0


def read_text(path: Path) -> str:
    """Contents of `path`; empty where there is none."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


@contextlib.contextmanager
def locked(output: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock of the folder `output`, waiting for another run up to `wait_seconds`.

    Raises:
        LockedError: another run holds it.
        OutputError: the lock cannot be written.
    """
    path = Layout(output).lock
    make_folder(path.parent)
    handle = acquire(path, wait_seconds)
    ended = threading.Event()
    heartbeat = threading.Thread(target=refresh_until, args=(path, ended), name="lock", daemon=True)
    heartbeat.start()
    try:
        yield
    finally:
        ended.set()
        heartbeat.join()
        release(path, handle)


def acquire(path: Path, wait_seconds: float) -> int:
    """Take the lock file `path`; returns its descriptor, which must stay open."""
    deadline = time.monotonic() + wait_seconds
    while True:
        with with_output_errors(path):
            handle = try_lock(path)
        if handle is not None:
            return handle
        if time.monotonic() >= deadline:
            holder = read_lock_holder(path) or "a run that has just begun"
            raise LockedError(
                f"{path.parent.parent} is in use by {holder}; wait for it (--wait-lock of dir and video does)"
            )
        time.sleep(min(RETRY_SECONDS, max(0.0, deadline - time.monotonic())))


def try_lock(path: Path) -> int | None:
    """Take the lock now, or return None where another run has it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    if not try_flock(handle) or not same_file(handle, path) or is_held_elsewhere(path):
        os.close(handle)
        return None
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, json.dumps(asdict(this_process())).encode())
    os.fsync(handle)
    return handle


def try_flock(handle: int) -> bool:
    """Whether the kernel's lock on the open file is ours now."""
    try:
        if sys.platform == "win32":
            os.lseek(handle, WINDOWS_LOCK_OFFSET, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        # A file system without locks: the holder written in the file has to do.
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise
    return True


def same_file(handle: int, path: Path) -> bool:
    """Whether `path` is still the file that was opened: its last holder removes it when done."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def is_held_elsewhere(path: Path) -> bool:
    """Whether the holder named in the file counts as alive though its kernel lock is not seen."""
    holder = read_lock_holder(path)
    if holder is None:
        return False
    if holder.is_alive_here() if holder.is_here() else seconds_untouched(path) < STALE_SECONDS:
        return True
    logger.warning("the last run did not end by itself (%s); its lock is taken over", holder)
    return False


def read_lock_holder(path: Path) -> LockHolder | None:
    """The holder named in the lock file; None where it is empty, torn or gone."""
    try:
        return LockHolder(**json.loads(read_text(path)))
    except (ValueError, TypeError):
        return None


def seconds_untouched(path: Path) -> float:
    """Age of the file's last touch by the clock of its own disk, which may not be this machine's."""
    probe = path.with_name(f"{path.name}-clock-{os.getpid()}")
    try:
        probe.touch()
        return abs(probe.stat().st_mtime - path.stat().st_mtime)
    finally:
        probe.unlink(missing_ok=True)


def refresh_until(path: Path, ended: threading.Event) -> None:
    """Touch the lock file until `ended`, so that other machines see the run lives."""
    while not ended.wait(HEARTBEAT_SECONDS):
        # A share that is away for a moment must not end the run; the work itself will tell.
        with contextlib.suppress(OSError):
            os.utime(path)


def release(path: Path, handle: int) -> None:
    """Remove the lock file while still holding it, then let go."""
    ours = same_file(handle, path)
    if sys.platform == "win32":
        os.close(handle)
    with contextlib.suppress(OSError):
        if ours:
            path.unlink()
    if sys.platform != "win32":
        os.close(handle)
