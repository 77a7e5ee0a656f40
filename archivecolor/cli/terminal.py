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

from archivecolor.engine.progress import Ending, Listener, News, Progress
from archivecolor.errors import ExitCode
from archivecolor.settings import VoiceOptions

STOPPED = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
# The way out for what a run left aside, by the word for it.
WAYS_OUT = {"failed before": "; --retry-failed tries them again"}


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
        voice: how much to say, and in what form.
        name: of the command, in front of its summary.
        display: where words are shown.
    """

    def __init__(self, voice: VoiceOptions, name: str, display: Display) -> None:
        self._voice = voice
        self._name = name
        self._display = display

    def began(self, progress: Progress) -> None:
        """Show an empty bar."""
        self._display.show(progress, "")

    def advanced(self, path: str, progress: Progress) -> None:
        """Move the bar."""
        self._display.show(progress, printable(path))

    def settled(self, news: News, progress: Progress) -> None:
        """Move the bar; say a line for a failure, and for every item if verbose."""
        if self._voice.json:
            click.echo(json.dumps(news.record))
        if self._voice.verbose or (news.status == "failed" and not self._voice.quiet and self._is_live):
            self._display.line(line_about(news))
        self._display.show(progress, printable(news.path))

    @property
    def _is_live(self) -> bool:
        return not isinstance(self._display, PlainDisplay)

    def finish(self, ending: Ending) -> ExitCode:
        """Say how the run ended, if it did not end well or silence was not asked for."""
        if ending.exit_code is not ExitCode.OK or not self._voice.quiet:
            self._display.line(f"{self._name}: {summary(ending)}")
        return ending.exit_code


@contextmanager
def terminal_for(voice: VoiceOptions, name: str) -> Iterator[Terminal]:
    """A terminal for one run: live where standard error is one and silence was not asked for."""
    if voice.quiet or not sys.stderr.isatty():
        yield Terminal(voice, name, PlainDisplay())
        return
    from archivecolor.cli.live import live_display

    with live_display() as display:
        yield Terminal(voice, name, display)


def line_about(news: News) -> str:
    """One line about one item."""
    return printable(f"{news.status:8} {news.path}  {news.reason}{': ' if news.detail else ''}{news.detail}")


def summary(ending: Ending) -> str:
    """The one line that a run ends with."""
    progress = ending.progress
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
    text += "".join(f"; {count} {word}{WAYS_OUT.get(word, '')}" for word, count in ending.untouched.items())
    return text + way_on(ending)


def way_on(ending: Ending) -> str:
    """Why a run ended before its end, and how it goes on; empty where it did not."""
    if ending.exit_code in STOPPED:
        return "; stopped, the same command goes on where it left off"
    if ending.exit_code is ExitCode.TOO_MANY_FAILURES:
        return "; ended, more failed than --max-failures allows"
    if ending.progress.left:
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


def printable(text: str) -> str:
    """`text` as any terminal can take it: bytes of names that are not UTF-8 as escapes, on one line."""
    return "".join(
        part if part.isprintable() else part.encode("unicode_escape").decode()
        for part in text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    )
