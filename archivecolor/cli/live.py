"""The live display of a run on a terminal, of any width."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.progress import Progress as Bar
from rich.progress import ProgressColumn, Task, TaskID
from rich.text import Text

from archivecolor.engine.progress import Progress

_WIDE, _MIDDLE = 100, 70
# A name shorter than this says nothing.
_SHORTEST_NAME = 8
CUT = "..."


class LiveDisplay:
    """A bar with counts, time left, speed and the current file.

    Args:
        bar: rich's progress display, running.
    """

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task: TaskID = bar.add_task("", total=None, progress=None, path="starting")

    def show(self, progress: Progress, path: str) -> None:
        """Move the bar."""
        self._bar.update(self._task, total=progress.total, progress=progress, path=path)

    def wait(self, text: str) -> None:
        """Words in the place of the bar."""
        self._bar.update(self._task, total=None, progress=None, path=text)

    def line(self, text: str) -> None:
        """One line above the bar."""
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)


class _RunLine:
    """One line about a run that fills the terminal and never breaks.

    Args:
        progress: how far the run is.
        path: what it works on.
    """

    def __init__(self, progress: Progress, path: str) -> None:
        self._progress = progress
        self._path = path

    def __rich_measure__(self, _console: Console, options: ConsoleOptions) -> Measurement:
        """As wide as the terminal."""
        return Measurement(1, options.max_width)

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """The line, cut to measure."""
        yield run_line(self._progress, self._path, options.max_width, ascii_only=options.ascii_only)


def run_line(progress: Progress, path: str, width: int, *, ascii_only: bool = False) -> Text:
    """One line about a run: bar, count and time left always; then, where there is room, the rest.

    Args:
        progress: how far it is.
        path: what it works on; shortened in the middle.
        width: of the terminal, in columns.
        ascii_only: the terminal shows nothing else.
    """
    line = Text(no_wrap=True, overflow="crop", end="")
    line.append_text(_bar(progress, 24 if width >= _WIDE else 14 if width >= _MIDDLE else 8, ascii_only))
    line.append(f" {_count(progress)}", "bold")
    left = progress.seconds_left
    line.append(f" {clock(left) if left is not None else '-:--:--'} left")
    for text, style in _rest(progress, width):
        if line.cell_len + len(text) + 1 < width:
            line.append(f" {text}", style)
    room = width - line.cell_len - 1
    if path and room >= _SHORTEST_NAME:
        line.append(f" {shortened(path, room)}", "dim")
    return line


def _bar(progress: Progress, width: int, ascii_only: bool) -> Text:
    done, rest = ("#", "-") if ascii_only else ("\u2501", "\u2500")
    filled = int(width * progress.share)
    return Text.assemble((done * filled, "green"), (rest * (width - filled), "dim"))


def _count(progress: Progress) -> str:
    """How many items of how many; of a long one its own steps, as those it is told of by."""
    if progress.in_hand is not None:
        return f"{progress.in_hand.done}/{progress.in_hand.total}"
    return f"{progress.settled}/{progress.total}"


def _rest(progress: Progress, width: int) -> Iterator[tuple[str, str]]:
    """What is worth knowing besides, by how much it matters."""
    in_hand = progress.in_hand
    if in_hand is not None and in_hand.rate:
        yield f"{in_hand.rate:.1f} {progress.unit if width >= _MIDDLE else ''}/s".replace(" /", "/"), ""
    if in_hand is not None and progress.total > 1:
        yield f"{progress.settled + 1} of {progress.total}", "bold"
    if progress.failed:
        yield f"{progress.failed} failed", "red"
    if progress.skipped and width >= _WIDE:
        yield f"{progress.skipped} skipped", "yellow"
    if progress.amount and in_hand is None and width >= _MIDDLE:
        yield f"{progress.work[progress.unit].rate:.1f} {progress.unit}/s", ""


def shortened(name: str, width: int) -> str:
    """`name` in at most `width` columns: its middle goes, as its end tells files apart.

    Args:
        name: printable.
        width: in columns, at least as many as the mark of the cut has.
    """
    if cell_len(name) <= width:
        return name
    room = width - len(CUT)
    start, end = "", ""
    while name and cell_len(start + end) < room:
        if cell_len(end) <= cell_len(start) * 2:
            end, name = name[-1] + end, name[:-1]
        else:
            start, name = start + name[0], name[1:]
    if cell_len(start + end) > room:  # a wide character at the edge
        end = end[1:]
    return f"{start}{CUT}{end}"


def clock(seconds: float) -> str:
    """A time span as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


class _RunColumn(ProgressColumn):
    """The whole line as rich's only column."""

    def render(self, task: Task) -> _RunLine | Text:
        """The line of a task."""
        progress = task.fields["progress"]
        if progress is None:
            return Text(task.fields["path"], no_wrap=True, overflow="ellipsis")
        return _RunLine(progress, task.fields["path"])


@contextmanager
def live_display() -> Iterator[LiveDisplay]:
    """A display on standard error, cleared away at the end."""
    with Bar(_RunColumn(), console=Console(stderr=True), transient=True, expand=True) as bar:
        yield LiveDisplay(bar)
