"""What is logged, and where: warnings to people, everything to `--log-file` as JSON lines."""

from __future__ import annotations

import json
import logging
import logging.handlers
import sys
import traceback
from datetime import datetime, timezone

from archivecolor.errors import OutputError
from archivecolor.settings import VoiceOptions

ROOT = logging.getLogger("archivecolor")


class JsonLines(logging.Formatter):
    """One JSON object a line; names that are not UTF-8 survive as escapes."""

    def format(self, record: logging.LogRecord) -> str:
        """`record` as one line."""
        at = datetime.fromtimestamp(record.created, timezone.utc)
        line = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line)


class PlainLines(logging.Formatter):
    """The message alone: no traceback, and nothing a terminal cannot print."""

    def format(self, record: logging.LogRecord) -> str:
        """`record` as one line."""
        text = f"archivecolor: {record.levelname.lower()}: {record.getMessage()}"
        return text.encode("utf-8", "backslashreplace").decode()


def log_to(voice: VoiceOptions) -> None:
    """Send warnings to standard error (errors alone if quiet), and everything to the log file.

    Raises:
        OutputError: the log file cannot be opened.
    """
    for handler in list(ROOT.handlers):
        ROOT.removeHandler(handler)
    ROOT.setLevel(logging.DEBUG if voice.verbose else logging.INFO)
    ROOT.propagate = False
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.ERROR if voice.quiet else logging.WARNING)
    terminal.setFormatter(PlainLines())
    terminal.addFilter(not_shown)
    ROOT.addHandler(terminal)
    if voice.log_file is not None:
        ROOT.addHandler(file_handler(voice))


def not_shown(record: logging.LogRecord) -> bool:
    """Whether people have not been told of `record` in other words already."""
    return not getattr(record, "shown", False)


def file_handler(voice: VoiceOptions) -> logging.Handler:
    """A handler that appends, and notices when the file was rotated away."""
    try:
        handler = logging.handlers.WatchedFileHandler(str(voice.log_file), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write the log file {voice.log_file}: {error.strerror}") from error
    handler.setFormatter(JsonLines())
    return handler
