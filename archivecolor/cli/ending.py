"""The end of a run, for people: what failed, where the outputs lie, what to look at, what to type next."""

from __future__ import annotations

import heapq
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from archivecolor.archive.by_hand import told_of_unknown
from archivecolor.archive.item_filter import doubt_of
from archivecolor.archive.layout import PAYLOAD, Layout
from archivecolor.archive.plan_action import PlanAction
from archivecolor.engine.progress import ItemEvent, RunResult
from archivecolor.errors import Reason
from archivecolor.printable import printable
from archivecolor.settings import (
    DirSettings,
    EndOptions,
    GreySettings,
    OutputOptions,
    PhotoSettings,
    VideoSettings,
)

_FAILURES_SHOWN = 10
_DOUBTFUL_SHOWN = 3
_ASIDE_SHOWN = 3
_BEFORE = (PlanAction.FAILED_BEFORE.value, PlanAction.REFUSED_BEFORE.value)
_LEFT_ALONE = {
    reason.value for reason in (Reason.ALREADY_COLOUR, Reason.TINTED, Reason.TONED, Reason.BILEVEL)
}


class Ending:
    """What is kept of a run's items until its end.

    Args:
        options: of the run.
    """

    def __init__(self, options: OutputOptions) -> None:
        self._options = options
        self._failures: list[str] = []
        self._failed = 0
        self._doubtful: list[tuple[float, str]] = []
        self._aside: list[str] = []
        self._put_aside = 0

    def add(self, event: ItemEvent) -> None:
        """Take note of one item."""
        if event.status == "failed":
            self._failed += 1
            if self._failed <= _FAILURES_SHOWN:
                self._failures.append(printable(f"  {event.path}: {event.reason}: {event.detail}"))
        if told := told_of_unknown(event.detail):
            self._put_aside += 1
            if self._put_aside <= _ASIDE_SHOWN:
                self._aside.append(printable(f"  {event.path}: {told}"))
        doubt = doubt_of(*(_number(event.record.get(name)) for name in ("doubt", "confidence")))
        output = event.record.get("output")
        if doubt is not None and isinstance(output, dict):
            self._doubtful.append((-doubt, str(output["path"])))
            self._doubtful = heapq.nsmallest(_DOUBTFUL_SHOWN, self._doubtful)

    def failures(self) -> Iterator[str]:
        """The first items that failed, and where all of them are listed."""
        yield from self._failures
        more = self._failed - len(self._failures)
        output = _output_of(self._options)
        if output is not None and self._failed:
            listed = printable(_manifest_of(self._options, output))
            yield f"  and {more} more; the list is {listed}" if more else f"  the list is {listed}"
        elif more:
            yield f"  and {more} more; --json lists all"

    def earlier_failures(self, result: RunResult) -> Iterator[str]:
        """Where those are listed that an earlier run failed at, if that was not said of this run's."""
        output = _output_of(self._options)
        if output is not None and not self._failed and any(result.untouched.get(word) for word in _BEFORE):
            yield f"  the list is {printable(_manifest_of(self._options, output))}"

    def put_aside(self) -> Iterator[str]:
        """The first files that stood in an output's place, and what they are called now."""
        yield from self._aside
        if more := self._put_aside - len(self._aside):
            yield f"  and {more} more, by the details of their records"

    def next_steps(self, result: RunResult) -> Iterator[str]:
        """Where the outputs lie, what to look at first, and the next command."""
        output = _output_of(self._options)
        if result.progress.done and _lies_beside(self._options):
            yield "  each lies beside its film, as NAME-colour"
        if output is None or not result.progress.done:
            return
        yield f"  they lie in {printable(output)}"
        if len(self._doubtful) > 1:
            names = ", ".join(f"{printable(path)} ({-doubt:.2f})" for doubt, path in self._doubtful)
            yield f"  look first at what is most in doubt: {names}"
        if not result.progress.left:
            yield f"  to check them at any time: archivecolor verify {printable(shlex.quote(str(output)))}"


def _number(value: object) -> float | None:
    return value if isinstance(value, float) else None


def left_alone_hint(options: OutputOptions, result: RunResult) -> str:
    """How many pictures have no output, and the option that changes it; empty where all have one."""
    if isinstance(options, GreySettings):
        foreign = result.progress.reasons.get(Reason.ALREADY_COLOUR, 0)
        return f"; {foreign} not coloured by this program, --any-colour takes them too" if foreign else ""
    if not isinstance(options, DirSettings) or options.rest != "skip":
        return ""
    count = sum(result.progress.reasons.get(reason, 0) for reason in _LEFT_ALONE)
    return f"; {count} left alone and not in the output, --rest copy takes them along" if count else ""


def sheet_lines(result: RunResult) -> Iterator[str]:
    """Where scans and coloured versions are to be seen side by side."""
    if result.sheets:
        first, more = printable(result.sheets[0]), len(result.sheets) - 1
        beside = f" and {more} more beside it" if more else ""
        yield f"  before and after, side by side: {first}{beside}"


def show_folder(options: OutputOptions) -> Iterator[str]:
    """Open the folder of the outputs for people, where that was asked for; says where it cannot be."""
    folder = _folder_to_open(options)
    if folder is not None and (not _has_screen() or click.launch(str(folder.absolute()))):
        yield f"  no program here opens folders; the outputs lie in {printable(folder)}"


def _has_screen() -> bool:
    """Whether windows can be opened; without one Linux tries browsers of text, which are loud about it."""
    return sys.platform in ("win32", "darwin") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _folder_to_open(options: OutputOptions) -> Path | None:
    if not isinstance(options, EndOptions) or not options.open:
        return None
    if isinstance(options, (DirSettings, GreySettings)):
        return options.output
    if not isinstance(options, (PhotoSettings, VideoSettings)):
        return None
    folder = options.output or options.input[0]
    return folder if folder.is_dir() else folder.parent


def _output_of(options: OutputOptions) -> Path | None:
    """The folder that a run writes, where it is one."""
    if isinstance(options, (DirSettings, GreySettings)):
        return options.output
    if isinstance(options, VideoSettings) and options.output is not None and options.output.is_dir():
        return options.output
    return None


def _lies_beside(options: OutputOptions) -> bool:
    """Whether outputs lie beside their sources, and no line has said so of each."""
    if not isinstance(options, VideoSettings) or options.output is not None:
        return False
    return len(options.input) > 1 or options.input[0].is_dir()


def _manifest_of(options: OutputOptions, output: Path) -> Path:
    in_bag = isinstance(options, (DirSettings, GreySettings, VideoSettings)) and options.bag
    return Layout(output / PAYLOAD if in_bag else output).manifest
