"""What all benchmarks share: the options, the machine, the table, and whether targets were reached."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from archivecolor.engine.executor import core_count

HEAD = ("measured", "figure", "target", "verdict")
# Digits after the point, by unit.
DIGITS = {"%": 0, "MB": 0, "files": 0, "frames": 0, "photographs": 0, "s": 1}


@dataclass(frozen=True)
class Target:
    """What a figure has to be: at least `least`, at most `most`."""

    least: float | None = None
    most: float | None = None

    def holds(self, figure: float) -> bool:
        """Whether a figure is within; what is not a number never is."""
        at_least = self.least is None or figure >= self.least
        return at_least and (self.most is None or figure <= self.most)

    def words(self) -> str:
        """Both bounds, for people."""
        bounds = {"at least": self.least, "at most": self.most}
        return ", ".join(f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None)


# A run has to come this near to what its slowest part allows.
OF_THE_BOUND = Target(least=85)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: was measured.
        figure: the measure.
        unit: of the figure and of its target.
        target: what it has to be, None where it only explains the others.
    """

    what: str
    figure: float
    unit: str
    target: Target | None = None

    def cells(self, judged: bool) -> tuple[str, ...]:
        """The line's cells; the verdict is left open where nothing is judged."""
        figure = f"{self.figure:,.{DIGITS.get(self.unit, 2)}f} {self.unit}"
        if self.target is None:
            return self.what, figure, "", ""
        verdict = ("reached" if self.target.holds(self.figure) else "MISSED") if judged else "not judged"
        return self.what, figure, f"{self.target.words()} {self.unit}", verdict


def against_stages(what: str, seconds: float, alone: Mapping[str, float], device: str) -> Iterator[Row]:
    """How near a run comes to what its slowest part allows.

    Stages that run on parts of their own overlap, and the slowest of them is the bound. With the network on
    the processor all stages share that one part: what it has to do in all is the bound.

    Args:
        what: was run.
        seconds: it took.
        alone: seconds of each stage over the same work with the machine to itself.
        device: the network ran on.
    """
    shared = device == "cpu"
    bounds = {
        "of the slowest stage alone": (max(alone.values()), not shared),
        "of the stages one after the other": (sum(alone.values()), shared),
    }
    for words, (bound, counts) in bounds.items():
        yield Row(f"{what}, {words}", 100 * bound / seconds, "%", OF_THE_BOUND if counts else None)


def parser_for(words: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has; `words` is its docstring."""
    about = (words or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, to see that it works; nothing is judged"
    )
    parser.add_argument("--folder", type=Path, help="disk to measure on; the temporary one without it")
    return parser


def measure(options: argparse.Namespace, rows: Callable[[Path], Iterable[Row]]) -> int:
    """Measure in a folder on the disk asked for, gone at the end, and print; returns as `print_report`."""
    with tempfile.TemporaryDirectory(prefix="archivecolor-bench-", dir=options.folder) as name:
        return print_report(rows(Path(name)), judged=not options.quick)


def print_report(rows: Iterable[Row], *, judged: bool) -> int:
    """Print machine and table as Markdown; returns 1 where a target was missed, else 0.

    The rows are measured while they are asked for, so the load is that from before.
    """
    load = os.getloadavg()[0]
    measured = list(rows)
    cells = [HEAD, *(row.cells(judged) for row in measured)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(HEAD))]
    print(f"\n{machine()}; load before: {load:.1f}\n")
    for number, line in enumerate(cells):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    if not judged:
        print("\nA quick run is too small to be judged.")
        return 0
    return int(any(row.target is not None and not row.target.holds(row.figure) for row in measured))


def machine() -> str:
    """What the figures were measured with, and on."""
    runtimes = [name for name in ("torch", "onnxruntime") if find_spec(name)]
    programs = ", ".join(f"{name} {version(name)}" for name in ("archivecolor", *runtimes))
    return (
        f"{programs}, Python {platform.python_version()}, commit {commit()};"
        f" {processor()}, {core_count()} cores"
    )


def commit() -> str:
    """The commit of this checkout, with `-dirty` where files differ from it."""
    words = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        told = subprocess.run(words, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began
