"""`run.json`: what the last run was asked, with what it worked, and how it ended."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archivecolor.archive.atomic import atomic_write
from archivecolor.settings import dataclass_from


@dataclass(frozen=True)
class WorkerShare:
    """What one machine of a cluster did in a run.

    Attributes:
        items: that were settled there.
        seconds: that its workers spent on them, added up.
        megapixels: of them.
    """

    items: int
    seconds: float
    megapixels: float


@dataclass(frozen=True)
class RunSummary:
    """What `run.json` says of the last run.

    Attributes:
        command: the words typed.
        settings: every option by name.
        versions: of archivecolor, Python and the libraries that shape outputs.
        weights: digest of the weights.
        counts: items by status, and what was passed over.
        started: UTC, ISO 8601.
        ended: UTC, ISO 8601; empty while it runs.
        seconds: how long it took.
        megapixels: how much it coloured of photographs.
        work: by unit (MP, frames), how much was done and in how many seconds.
        exit_code: what it ended with; None while it runs.
        workers: what each machine of a cluster did, by its name.
        shares: the last run of each output that was merged, by its folder.
    """

    command: tuple[str, ...]
    # Any, here and below: options as JSON has them, each of a type of its own.
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    weights: str
    counts: Mapping[str, int]
    started: str
    ended: str = ""
    seconds: float = 0.0
    megapixels: float = 0.0
    work: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    exit_code: int | None = None
    workers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    shares: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def speed(self, unit: str) -> float | None:
        """Work a second, in MP or frames; None where the run did none of that."""
        amount, seconds = self.megapixels if unit == "MP" else 0.0, self.seconds
        if unit in self.work:
            amount, seconds = self.work[unit]["amount"], self.work[unit]["seconds"]
        return amount / seconds if amount > 0 and seconds > 0 else None


def write_run_summary(path: Path, run: RunSummary) -> None:
    """Write `run.json` anew.

    Raises:
        OutputError: it cannot be written.
    """
    # Options may hold names that are not UTF-8: as JSON escapes they survive.
    text = json.dumps(dataclasses.asdict(run), indent=2, default=str).replace("\x7f", "\\u007f")
    with atomic_write(path) as part:
        part.write_text(text + "\n", encoding="ascii")


def read_run_summary(path: Path) -> RunSummary | None:
    """The last run; None where there is none that can be read."""
    if not path.is_file():  # a pipe would be waited for
        return None
    try:
        run: RunSummary = dataclass_from(RunSummary, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    numbers = (run.seconds, run.megapixels)
    is_sound = all(isinstance(number, (int, float)) and 0 <= number < math.inf for number in numbers)
    return run if is_sound and isinstance(run.settings, dict) else None
