"""The source's bytes and whose trouble it is when they cannot be had.

Three kinds of trouble are told apart by where they arise, never by guessing from an exception's class:
the file system's (`SourceFile`), a decoder library's or a header's (`DamagedError`), and faults of our
own code, which nobody catches here: the worker edge records them with their traceback.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.fixity import open_regular, sha256_of_rest
from archivecolor.errors import DEVICE_ERRNOS, ItemError, Reason
from archivecolor.photo.facts import FileState

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Metadata that unpacks to more bytes than this is a bomb; bodies of more stay unread.
MAX_UNPACKED = 1 << 26
# Segments or chunks beside the picture: pictures have hundreds; of more each takes every reader its time.
MAX_PARTS = 20_000
# What decoder libraries raise on bytes they cannot read: imagecodecs RuntimeErrors, Pillow SyntaxErrors,
# tifffile whatever its arithmetic on damaged tags runs into. Caught around calls of theirs alone.
_LIBRARY_ERRORS = (
    ValueError,
    RuntimeError,
    OSError,
    EOFError,
    SyntaxError,
    LookupError,
    TypeError,
    AssertionError,
    ArithmeticError,
    AttributeError,
    struct.error,
    zlib.error,
)


def check_parts(count: int) -> None:
    """Refuse a file of very many parts. Raises `ItemError`, TOO_LARGE."""
    if count > MAX_PARTS:
        raise ItemError(Reason.TOO_LARGE, f"more than {MAX_PARTS} segments or chunks beside the picture")


class DamagedError(Exception):
    """A decoder, or a header's own structure, says that the bytes are not what they should be."""


@contextmanager
def decoder_call() -> Iterator[None]:
    """Put around a call of a decoder library, and nothing else: what it raises is damage of the file.

    Raises:
        DamagedError: in place of what the library raised.
    """
    try:
        yield
    except _LIBRARY_ERRORS as error:
        raise DamagedError(str(error) or type(error).__name__) from error


def unpack(form: str, data: bytes, at: int = 0) -> tuple[int, ...]:
    """`struct.unpack_from` of whole numbers for bytes of a file, which may end too early.

    Raises:
        DamagedError: `data` ends before the fields do.
    """
    try:
        return struct.unpack_from(form, data, at)
    except struct.error as error:
        raise DamagedError("a header ends too early") from error


# The only way in which a source's bytes come here.
read_into = io.FileIO.readinto


class _RawSource(io.FileIO):
    """A file whose read errors are the source's own, whoever reads: a decoder library or we."""

    def readinto(self, buffer: WriteableBuffer) -> int:
        with naming_read_errors():
            return read_into(self, buffer) or 0

    def read(self, size: int | None = -1, /) -> bytes:
        # By way of readinto, as everything.
        return io.RawIOBase.read(self, -1 if size is None else size) or b""

    def readall(self) -> bytes:
        return io.RawIOBase.readall(self) or b""


class SourceFile(io.BufferedReader):
    """A picture's file, opened once for all that a visit reads of it.

    Args:
        path: any name.
        strict: whatever a decoder warns of is damage; without it, what costs no pixel is a note.

    Raises:
        ItemError: VANISHED, PERMISSION, READ_ERROR or UNREADABLE; so do all reads.
    """

    def __init__(self, path: Path, *, strict: bool = False) -> None:
        with naming_read_errors():
            super().__init__(_RawSource(path, opener=open_regular))
        self.path = path
        self.strict = strict

    @property
    def nbytes(self) -> int:
        """Size of the file now."""
        return os.fstat(self.fileno()).st_size

    def whole(self) -> bytes:
        """All bytes."""
        self.seek(0)
        return self.read(self.nbytes)

    def sha256(self) -> str:
        """SHA-256 of all bytes, 64 lower-case hex digits."""
        self.seek(0)
        return sha256_of_rest(self)


@contextmanager
def naming_read_errors() -> Iterator[None]:
    """Name the file system's trouble with a source; put around calls on the source alone.

    Raises:
        ItemError: VANISHED, PERMISSION, READ_ERROR or UNREADABLE in place of an OSError.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise ItemError(Reason.VANISHED, "the file is gone") from error
    except PermissionError as error:
        raise ItemError(Reason.PERMISSION, "the file may not be read by this user") from error
    except OSError as error:
        reason = Reason.READ_ERROR if error.errno in DEVICE_ERRNOS else Reason.UNREADABLE
        raise ItemError(reason, f"the disk does not give the file ({error.strerror})") from error


@contextmanager
def unchanged_during(path: Path, file_state: FileState | None = None) -> Iterator[FileState]:
    """Hold the file to one state, `file_state` where it is given, while the body reads it.

    Raises:
        ItemError: VANISHED, PERMISSION, or CHANGED where the file was another before or after: then
            neither what the body read counts, nor what it found wrong.
    """
    seen = _state_of(path)
    if file_state not in (None, seen):
        raise ItemError(Reason.CHANGED, "the file is not as it was when it was looked at")
    try:
        yield seen
    except ItemError as error:
        if _state_of(path) == seen:
            raise
        raise _changed() from error
    if _state_of(path) != seen:
        raise _changed()


def _state_of(path: Path) -> FileState:
    with naming_read_errors():
        return FileState.of(path)


def _changed() -> ItemError:
    return ItemError(Reason.CHANGED, "the file changed while it was read")
