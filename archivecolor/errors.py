"""Every failure reason and every exit code, once.

A job catches these where its docstring says so, writes the reason into the manifest or shows the
message once, and ends with the exit code of the worst thing that happened.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What the process answers to the shell: stable, public, asserted in tests."""

    OK = 0
    FAULT = 1
    USAGE = 2
    SOME_FAILED = 3
    UNAVAILABLE = 4
    OUTPUT = 5
    VERIFY = 6
    TOO_MANY_FAILURES = 7
    INPUT = 8
    DIVERGED = 9
    LOCKED = 11
    INTERRUPTED = 130
    TERMINATED = 143


class Reason(str, Enum):
    """Why a record has its status: the fixed list that manifests are written with."""

    # done
    COLOURED = "coloured"
    COPIED = "copied"
    LINKED = "linked"
    GREY = "grey"
    CARRIED = "carried"
    # skipped
    ALREADY_COLOUR = "already-colour"
    TONED = "toned"
    TINTED = "tinted"
    BILEVEL = "bilevel"
    BY_HAND = "by-hand"
    REJECTED = "rejected"
    NO_DERIVATIVE = "no-derivative"
    # failed
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too-large"
    VANISHED = "vanished"
    CHANGED = "changed-while-reading"
    PERMISSION = "permission"
    READ_ERROR = "read-error"
    WORKER_DIED = "worker-died"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out-of-memory"
    BROKEN_NETWORK = "broken-network"
    NOT_EXACT = "not-exact"
    INCOMPLETE = "incomplete"
    NAME_COLLISION = "name-collision"
    FAULT = "fault"


# What a disk, a network or a server that fails gives, for reading and writing alike; Windows lacks some.
DEVICE_ERRNOS = frozenset(
    getattr(errno, name)
    for name in ("EIO", "ENXIO", "ENODEV", "ESTALE", "ETIMEDOUT", "EXDEV", "EHOSTDOWN", "EREMOTEIO")
    if hasattr(errno, name)
)


class ArchivecolorError(Exception):
    """Base of every error this package raises on purpose.

    The message names the file, the trouble and the way out.
    """

    exit_code: ExitCode = ExitCode.FAULT


class ItemError(ArchivecolorError):
    """One picture or film cannot be done; the run goes on.

    Args:
        reason: the word that stands in the manifest.
        detail: one sentence for people, without the path (the record has it).

    Attributes:
        path: of the file, where a function for programmers was given it; the message names it then.
    """

    exit_code = ExitCode.SOME_FAILED

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.path: Path | None = None

    def __str__(self) -> str:
        named = f"{self.path}: " if self.path is not None else ""
        return f"{named}{self.reason.value}: {self.detail}"


@contextmanager
def errors_of(path: object) -> Iterator[None]:
    """An `ItemError` of the block gets the path of its file, where `path` is one."""
    try:
        yield
    except ItemError as error:
        if isinstance(path, (str, Path)):
            error.path = Path(path)
        raise


def item_error_of(error: Exception) -> ItemError:
    """What an error that nobody expected costs the item it came up at; the caller logs its traceback."""
    if isinstance(error, MemoryError):
        return ItemError(Reason.OUT_OF_MEMORY, "this machine has not enough memory for it")
    return ItemError(Reason.FAULT, f"{type(error).__name__}: {error}")


class UsageError(ArchivecolorError):
    """The command line, a recipe or an option value is wrong; nothing was done."""

    exit_code = ExitCode.USAGE


class OptionError(UsageError):
    """An option has a value that cannot be.

    Args:
        name: of the option, as settings have it.
        trouble: what is wrong and what is allowed, to be put behind the name.
    """

    def __init__(self, name: str, trouble: str) -> None:
        super().__init__(f"{name} {trouble}")
        self.name = name
        self.trouble = trouble


class InputNotFoundError(UsageError, FileNotFoundError):
    """What is to be worked on is not there.

    Args:
        message: one sentence that names the path and the way out.
        path: what is missing; the attribute `filename` has it too.
    """

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(errno.ENOENT, message, str(path))
        self.message = message

    def __str__(self) -> str:
        return self.message


class UnavailableError(ArchivecolorError):
    """The device, the weights or a needed program is missing or cannot be used."""

    exit_code = ExitCode.UNAVAILABLE


class CheckpointError(UnavailableError):
    """A checkpoint is missing, damaged, of another layout or of another network."""


class OutOfMemoryError(ArchivecolorError):
    """The device has no room even for a batch of one picture."""

    exit_code = ExitCode.UNAVAILABLE


class OutputError(ArchivecolorError):
    """The output cannot be written (missing, read-only, full); what is finished is safe."""

    exit_code = ExitCode.OUTPUT


class InputGoneError(ArchivecolorError):
    """The input folder has lost all that it held: a disk that is not mounted, most likely."""

    exit_code = ExitCode.INPUT


class DivergedError(ArchivecolorError):
    """A training went wrong in a way that more steps do not mend; its older states are safe."""

    exit_code = ExitCode.DIVERGED


class LockedError(ArchivecolorError):
    """Another run holds this output."""

    exit_code = ExitCode.LOCKED


class StoppedError(ArchivecolorError):
    """The run was asked to stop by a signal; the rerun goes on.

    Args:
        exit_code: `ExitCode.INTERRUPTED` for Ctrl-C, `ExitCode.TERMINATED` for SIGTERM.
        resume_hint: how the run goes on.
    """

    def __init__(
        self, exit_code: ExitCode, resume_hint: str = "the same command goes on where it left off"
    ) -> None:
        super().__init__(f"stopped; {resume_hint}")
        self.exit_code = exit_code
