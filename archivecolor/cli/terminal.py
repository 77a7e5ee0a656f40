"""What people see of a run: a live display on a terminal, one summary line otherwise.

Words go to standard error. Standard output has results alone: one JSON line per item with `--json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from archivecolor.engine.progress import ItemEvent, Listener, Progress, RunResult
from archivecolor.errors import ExitCode
from archivecolor.printable import printable
from archivecolor.settings import OutputOptions

STOPPED = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
# The way out for what a run left aside, by the word for it.
HINTS = {
    "failed before": "; --retry-failed tries them again",
    "by-hand": "; --take-back PATH makes one anew",
}


class Display(Protocol):
    """What shows a run while it goes on."""

    def show(self, progress: Progress, path: str) -> None:
        """How far the run is, and what it works on."""

    def line(self, text: str) -> None:
        """One line that stays."""


class PlainDisplay:
    """Lines alone: for logs, pipes and cron."""

    def show(self, progress: Progress, path: str) -> None:
        """Nothing: a log is no place for a bar."""

    def line(self, text: str) -> None:
        """One line on standard error."""
        click.echo(text, err=True)


class Terminal(Listener):
    """Tells people how a run goes.

    Args:
        options: how much to say, and in what form.
        name: of the command, in front of its summary.
        display: where words are shown.
    """

    def __init__(self, options: OutputOptions, name: str, display: Display) -> None:
        self._options = options
        self._name = name
        self._display = display

    def began(self, progress: Progress) -> None:
        """Show an empty bar."""
        self._display.show(progress, "")

    def advanced(self, path: str, progress: Progress) -> None:
        """Move the bar."""
        self._display.show(progress, printable(path))

    def settled(self, event: ItemEvent, progress: Progress) -> None:
        """Move the bar; say a line for a failure, and for every item if verbose."""
        if self._options.json:
            click.echo(json.dumps(event.record).replace("\x7f", "\\u007f"))
        if self._options.verbose or (event.status == "failed" and not self._options.quiet and self._is_live):
            self._display.line(event_line(event))
        self._display.show(progress, printable(event.path))

    @property
    def _is_live(self) -> bool:
        return not isinstance(self._display, PlainDisplay)

    def finish(self, result: RunResult) -> ExitCode:
        """Say how the run ended, if it did not end well or silence was not asked for."""
        if result.exit_code is not ExitCode.OK or not self._options.quiet:
            self._display.line(f"{self._name}: {summary(result)}")
        return result.exit_code


@contextmanager
def terminal_for(options: OutputOptions, name: str) -> Iterator[Terminal]:
    """A terminal for one run: live where standard error is one and silence was not asked for."""
    if options.quiet or not sys.stderr.isatty():
        yield Terminal(options, name, PlainDisplay())
        return
    from archivecolor.cli.live import live_display

    with live_display() as display:
        yield Terminal(options, name, display)


def event_line(event: ItemEvent) -> str:
    """One line about one item."""
    return printable(
        f"{event.status:8} {event.path}  {event.reason}{': ' if event.detail else ''}{event.detail}"
    )


def summary(result: RunResult) -> str:
    """The one line that a run ends with."""
    progress = result.progress
    parts = [f"{progress.done} done"]
    if progress.skipped:
        parts.append(f"{progress.skipped} skipped")
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if progress.left:
        parts.append(f"{progress.left} left")
    reasons = ", ".join(f"{word} {count}" for word, count in sorted(progress.reasons.items()))
    text = ", ".join(parts) + (f" ({reasons})" if reasons else "")
    if progress.settled:
        text += f" in {duration(progress.seconds)}, {progress.rate:.1f} {progress.unit}/s"
    text += "".join(f"; {count} {word}{HINTS.get(word, '')}" for word, count in result.untouched.items())
    return text + resume_hint(result)


def resume_hint(result: RunResult) -> str:
    """Why a run ended before its end, and how it goes on; empty where it did not."""
    if result.exit_code in STOPPED:
        return "; stopped, the same command goes on where it left off"
    if result.exit_code is ExitCode.TOO_MANY_FAILURES:
        return "; ended, more failed than --max-failures allows"
    if result.progress.left:
        return "; the time is over, the same command goes on with what is left"
    return ""


def duration(seconds: float) -> str:
    """A time span as people say it: 42 s, 3 min 05 s, 2 h 07 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
