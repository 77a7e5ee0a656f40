"""The live display of a run on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from archivecolor.engine.progress import Progress


class LiveDisplay:
    """A bar with counts, speed, time left and the current file.

    Args:
        bar: rich's progress display, running.
    """

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task: TaskID = bar.add_task("", total=None, counts="", speed="", left="", path="")

    def show(self, progress: Progress, path: str) -> None:
        """Move the bar."""
        left = progress.seconds_left
        self._bar.update(
            self._task,
            total=progress.total,
            completed=progress.settled,
            counts=counts(progress),
            speed=f"{progress.rate:.1f} {progress.unit}/s" if progress.amount else "",
            left=f"{clock(left)} left" if left is not None else "",
            path=escape(path[-60:]),
        )

    def line(self, text: str) -> None:
        """One line above the bar."""
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)


def counts(progress: Progress) -> str:
    """Done, skipped and failed, in colour."""
    parts = [f"[green]{progress.done} done[/]"]
    if progress.skipped:
        parts.append(f"[yellow]{progress.skipped} skipped[/]")
    if progress.failed:
        parts.append(f"[red]{progress.failed} failed[/]")
    return " ".join(parts)


def clock(seconds: float) -> str:
    """A time span as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


@contextmanager
def live_display() -> Iterator[LiveDisplay]:
    """A display on standard error, cleared away at the end."""
    columns = (
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TextColumn("{task.fields[speed]}"),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[path]}", style="dim"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield LiveDisplay(bar)
