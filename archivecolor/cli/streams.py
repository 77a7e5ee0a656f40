"""Standard output and error that never end a run: whoever read them may have gone home, or a disk is full."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, cast

from archivecolor.errors import OutputError

# What writing gives where nobody reads any more; EINVAL is what Windows says of a closed pipe.
_GONE_ERRNOS = {errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN, *([errno.EINVAL] if os.name == "nt" else [])}


class PatientStream:
    """A text stream on which no error ends a run: what can no longer be written is swallowed.

    Args:
        stream: the stream itself, None where the process was started without one.

    Attributes:
        buffer: the same for bytes.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream is not None else _nowhere()
        self._trouble: OSError | None = None
        self.buffer = PatientBytes(self)

    @property
    def inner_buffer(self) -> Any:  # Any: of whatever stands in the place of a stream
        """What takes bytes now."""
        return self._stream.buffer

    def write(self, text: str) -> int:
        """Write, or swallow; what the stream's encoding has no sign for stands as an escape."""
        with self.patience():
            try:
                return self._stream.write(text)
            except UnicodeEncodeError:
                encoding = self._stream.encoding or "ascii"
                return self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Flush, or swallow."""
        with self.patience():
            self._stream.flush()

    def finish(self) -> None:
        """Flush.

        Raises:
            OutputError: something was swallowed that somebody waits for, as on a full disk.
        """
        self.flush()
        if self._trouble is not None:
            raise OutputError(
                f"cannot write standard output: {self._trouble.strerror}; what stands there is not whole"
            ) from self._trouble

    @contextlib.contextmanager
    def patience(self) -> Iterator[None]:
        """Give the stream up where it cannot be written in the block."""
        try:
            yield
        except OSError as error:
            if self._trouble is None and not self._has_no_reader(error):
                self._trouble = error
            self._give_up()
        except ValueError:  # it was closed
            self._give_up()

    def _has_no_reader(self, error: OSError) -> bool:
        """Whether nobody misses what could not be written: a closed pipe, a terminal that hung up."""
        if error.errno != errno.EIO:
            return error.errno in _GONE_ERRNOS
        return stat.S_ISCHR(os.fstat(self._stream.fileno()).st_mode)

    def _give_up(self) -> None:
        # What the stream still holds must not fail again when the process ends.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        self._stream = _nowhere()

    def __getattr__(self, name: str) -> Any:  # Any: whatever else a stream has
        return getattr(self._stream, name)


class PatientBytes:
    """What takes the bytes of a `PatientStream`, as patient.

    Args:
        text: the stream.
    """

    def __init__(self, text: PatientStream) -> None:
        self._text = text

    def write(self, content: bytes) -> int:
        """Write, or swallow."""
        with self._text.patience():
            self._text.inner_buffer.write(content)
        return len(content)

    def writelines(self, lines: Iterable[bytes]) -> None:
        """Write all, or swallow."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush, or swallow."""
        with self._text.patience():
            self._text.inner_buffer.flush()

    def __getattr__(self, name: str) -> Any:  # Any: whatever else a stream has
        return getattr(self._text.inner_buffer, name)


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - it lives as long as the process


@contextlib.contextmanager
def patient_streams() -> Iterator[PatientStream]:
    """Standard output and error are `PatientStream`s while the block runs; gives that of standard output."""
    before = sys.stdout, sys.stderr
    output, error = (PatientStream(stream) for stream in before)
    sys.stdout, sys.stderr = cast(TextIO, output), cast(TextIO, error)
    try:
        yield output
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
