"""What is logged, and where: warnings to people, everything to `--log-file` as JSON lines."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from archivecolor.errors import OutputError
from archivecolor.printable import json_text, printable
from archivecolor.settings import OutputOptions

_ROOT_LOGGER = logging.getLogger("archivecolor")


class JsonLines(logging.Formatter):
    """One JSON object a line; names that are not UTF-8 survive as escapes."""

    def format(self, record: logging.LogRecord) -> str:
        """`record` as one line."""
        at = datetime.fromtimestamp(record.created, UTC)
        line = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json_text(line)


class PlainLines(logging.Formatter):
    """The message alone: no traceback, and nothing a terminal cannot print."""

    def format(self, record: logging.LogRecord) -> str:
        """`record` as one line."""
        return f"archivecolor: {record.levelname.lower()}: {printable(record.getMessage())}"


class StandardError(logging.Handler):
    """Writes to what standard error is at the moment: a live display puts lines above its bar that way."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):  # a pipe nobody reads, a stream that is closed
            self.handleError(record)


def set_up_logging(options: OutputOptions) -> None:
    """Send warnings to standard error (errors alone if quiet), and everything to the log file.

    Raises:
        OutputError: the log file cannot be opened.
    """
    for handler in list(_ROOT_LOGGER.handlers):
        _ROOT_LOGGER.removeHandler(handler)
    _ROOT_LOGGER.setLevel(logging.DEBUG if options.verbose else logging.INFO)
    _ROOT_LOGGER.propagate = False
    terminal = StandardError()
    terminal.setLevel(logging.ERROR if options.quiet else logging.WARNING)
    terminal.setFormatter(PlainLines())
    terminal.addFilter(_not_yet_shown)
    _ROOT_LOGGER.addHandler(terminal)
    if options.log_file is not None:
        _ROOT_LOGGER.addHandler(file_handler(options.log_file))


def _not_yet_shown(record: logging.LogRecord) -> bool:
    """Whether people have not been told of `record` in other words already."""
    return not getattr(record, "shown", False)


class LogFile(logging.handlers.WatchedFileHandler):
    """Appends to a file, notices when it was rotated away, and never ends a run.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), encoding="utf-8")
        self._warned = False
        if not _ends_with_line(path):
            # A run that was killed, or a full disk, cut the last line short.
            with path.open("ab") as file:
                file.write(b"\n")

    def emit(self, record: logging.LogRecord) -> None:
        """Append one line."""
        try:
            super().emit(record)
        except OSError:  # while opening the file anew
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the base class's name
        """Say once that the log cannot be written; the work goes on without it."""
        if not self._warned:
            self._warned = True
            error = sys.exc_info()[1]
            sys.stderr.write(f"archivecolor: warning: cannot write the log file: {printable(str(error))}\n")


def _ends_with_line(path: Path) -> bool:
    """Whether a file is empty or ends with a line end."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def file_handler(path: Path) -> logging.Handler:
    """A handler for the log file.

    Raises:
        OutputError: it cannot be opened.
    """
    if path.is_fifo():  # it would be waited for
        raise OutputError(f"cannot write the log file {path}: it is a pipe; give a file")
    try:
        handler = LogFile(path)
    except OSError as error:
        raise OutputError(f"cannot write the log file {path}: {error.strerror}") from error
    handler.setFormatter(JsonLines())
    return handler
