"""What people see of a run: a live display on a terminal, one summary line otherwise.

Words go to standard error. Standard output has results alone: one JSON line per item with `--json`.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import click

from archivecolor.cli.ending import Ending, left_alone_hint, sheet_lines, show_folder
from archivecolor.engine.progress import ItemEvent, Listener, Progress, RunResult
from archivecolor.errors import ExitCode
from archivecolor.printable import json_text, printable
from archivecolor.settings import OutputOptions

_PLURAL = re.compile(r"(?<!-)\b(film|picture|photograph|link|file|document|sidecar|folder|frame|item)s\b")
_WATCHING = "watching for what arrives"
_STOPPED = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
# The way out for what a run left aside, by the word for it.
HINTS = {
    "failed before": "; --retry-failed tries them again",
    "refused before for the name of another": "; name one of each otherwise, or --exclude it",
    "by-hand": "; --take-back PATH makes one anew",
    "files of no record put aside": " as NAME.by-hand-DATE",
    "recorded files no longer in the input": ": `archivecolor verify --sources` tells which",
    "left by --limit": ", the same command goes on with them",
}
# What became of those that did not fail, where a command does nothing to them.
_DONE_WORDS = {"verify": "files in order"}
# What a command passes over that another one, or an option, takes.
_HINTS_OF = {
    ("dir", "films passed over"): "; --films colours them too",
    ("correct", "by-hand"): "",  # its remarks say it of the picture
    ("video", "pictures passed over"): "; for photographs: archivecolor dir IN OUT",
}


class Display(Protocol):
    """What shows a run while it goes on."""

    def show(self, progress: Progress, path: str) -> None:
        """How far the run is, and what it works on."""

    def line(self, text: str) -> None:
        """One line that stays."""

    def wait(self, text: str) -> None:
        """Nothing goes on, for the reason that `text` says."""


class PlainDisplay:
    """Lines alone: for logs, pipes and cron."""

    def show(self, progress: Progress, path: str) -> None:
        """Nothing: a log is no place for a bar."""

    def line(self, text: str) -> None:
        """One line on standard error."""
        click.echo(text, err=True)

    def wait(self, text: str) -> None:
        """Nothing: what came before says it all."""


class Terminal(Listener):
    """Tells people how a run goes.

    Args:
        options: how much to say, and in what form.
        name: of the command, in front of its summary.
        display: where words are shown.
        line_of: what is said of an item that did not fail, where not every one is told of; may be empty.
        tells_failures: say which items failed; not where standard output does.
    """

    def __init__(
        self,
        options: OutputOptions,
        name: str,
        display: Display,
        line_of: Callable[[ItemEvent], str] = lambda _: "",
        *,
        tells_failures: bool = True,
    ) -> None:
        self._line_of = line_of
        self._tells_failures = tells_failures
        self._ending = Ending(options)
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
        self._ending.add(event)
        if self._options.json:
            click.echo(json_text(event.record))
        failed = event.status == "failed"
        if failed and not self._tells_failures:
            pass
        elif self._options.verbose or (failed and not self._options.quiet and self._is_live):
            self._display.line(event_line(event))
        elif not self._options.quiet and (line := self._line_of(event)):
            self._display.line(line)
        self._display.show(progress, printable(event.path))

    def waiting(self, result: RunResult | None) -> None:
        """Say how the last run over a watched folder went, and that it is watched on."""
        if result is not None and not self._options.quiet:
            self._display.line(f"{self._name}: {summary(result, self._name)}")
        elif result is None and not self._options.quiet and not self._is_live:
            self._display.line(f"{self._name}: {_WATCHING}")
        self._display.wait(f"{_WATCHING}; Ctrl-C ends it")

    @property
    def _is_live(self) -> bool:
        return not isinstance(self._display, PlainDisplay)

    def finish(self, result: RunResult) -> ExitCode:
        """Say how the run ended, if it did not end well or silence was not asked for."""
        if result.exit_code is not ExitCode.OK or not self._options.quiet:
            alone = left_alone_hint(self._options, result)
            self._display.line(f"{self._name}: {summary(result, self._name)}{alone}")
        # On a terminal each was told of as it failed.
        if not self._is_live and not self._options.verbose and self._tells_failures:
            self._lines(self._ending.failures())
        self._lines(self._ending.earlier_failures(result))
        if not self._options.quiet:
            self._lines(self._ending.put_aside())
        if self._is_live:
            self._lines(self._ending.next_steps(result))
        if not self._options.quiet:
            self._lines(sheet_lines(result))
        if result.exit_code not in _STOPPED:
            self._lines(show_folder(self._options))
        return result.exit_code

    def _lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._display.line(line)


@contextmanager
def terminal_for(
    options: OutputOptions,
    name: str,
    line_of: Callable[[ItemEvent], str] = lambda _: "",
    *,
    tells_failures: bool = True,
) -> Iterator[Terminal]:
    """A terminal for one run: live where standard error is one and silence was not asked for."""
    if options.quiet or not sys.stderr.isatty() or os.environ.get("TERM") in ("dumb", "unknown"):
        yield Terminal(options, name, PlainDisplay(), line_of, tells_failures=tells_failures)
        return
    from archivecolor.cli.live import live_display

    with live_display() as display:
        yield Terminal(options, name, display, line_of, tells_failures=tells_failures)


def event_line(event: ItemEvent) -> str:
    """One line about one item."""
    return printable(
        f"{event.status:8} {event.path}  {event.reason}{': ' if event.detail else ''}{event.detail}"
    )


def summary(result: RunResult, command: str = "") -> str:
    """The one line that a run ends with."""
    progress = result.progress
    skipped = Counter(progress.reasons) - Counter(progress.failures)
    parts = [counted(progress.done, _DONE_WORDS.get(command, "done"))]
    if progress.skipped:
        parts.append(f"{progress.skipped} skipped{_in_brackets(skipped)}")
    if progress.failed:
        parts.append(f"{progress.failed} failed{_in_brackets(progress.failures)}")
    if progress.left:
        parts.append(f"{progress.left} left")
    text = ", ".join(parts)
    if progress.settled:
        rates = (f", {work.rate:.1f} {unit}/s" for unit, work in progress.work.items() if work.amount)
        text += f" in {duration(progress.seconds)}{''.join(rates)}"
    hints = HINTS | {word: hint for (name, word), hint in _HINTS_OF.items() if name == command}
    text += "".join(
        f"; {counted(count, word)}{hints.get(word, '')}" for word, count in result.untouched.items()
    )
    return text + resume_hint(result)


def _in_brackets(reasons: Mapping[str, int]) -> str:
    """How many for which reason, behind the number that they add up to."""
    return f" ({', '.join(f'{word} {count}' for word, count in sorted(reasons.items()))})" if reasons else ""


def resume_hint(result: RunResult) -> str:
    """Why a run ended before its end, and how it goes on; empty where it did not."""
    if result.exit_code in _STOPPED:
        return "; stopped, the same command goes on where it left off"
    if result.exit_code is ExitCode.TOO_MANY_FAILURES:
        return "; ended, more failed than --max-failures allows"
    if result.progress.left:
        return "; the time is over, the same command goes on with what is left"
    return ""


def counted(count: int, words: str) -> str:
    """A count with what it counts, given in the plural."""
    if count == 1:
        words = words.replace("not pictures", "file that is no picture").replace("themselves", "itself")
        words = _PLURAL.sub(r"\1", words, count=1)
    return f"{count} {words}"


def duration(seconds: float) -> str:
    """A time span as people say it: 42 s, 3 min 05 s, 2 h 07 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
