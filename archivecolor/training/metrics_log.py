"""The figures of a run: JSON lines always, TensorBoard events if asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from archivecolor.archive.atomic import with_output_errors
from archivecolor.errors import UnavailableError

NAME = "figures.jsonl"


@dataclass(frozen=True)
class LoggedFigures:
    """One line of the log.

    Attributes:
        kind: "step", "validation" or "test".
        step: steps done.
        figures: by name.
    """

    kind: str
    step: int
    figures: Mapping[str, float]


class _Events(Protocol):
    """What is used of TensorBoard's writer, which has no types."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None: ...

    def flush(self) -> None: ...


class MetricsLog:
    """Writes the figures of a run.

    Args:
        folder: of the run.
        tensorboard: write TensorBoard events into the folder too.

    Raises:
        UnavailableError: TensorBoard is asked for and not installed.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path, *, tensorboard: bool) -> None:
        self._path = folder / NAME
        self._events = _open_events(folder) if tensorboard else None
        with with_output_errors(self._path):
            # A line that a killed run left half written is ended, so that the next one stands by itself.
            if self._path.exists() and not self._path.read_bytes().endswith(b"\n"):
                self._append("\n")

    def write(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        """Add figures of a kind ("step", "validation", "test"). Raises `OutputError`."""
        rounded = {name: round(value, 6) for name, value in figures.items()}
        with with_output_errors(self._path):
            self._append(json.dumps({"kind": kind, "step": step} | rounded) + "\n")
        if self._events is not None:
            for name, value in figures.items():
                self._events.add_scalar(f"{kind}/{name}", value, step)
            self._events.flush()

    def _append(self, text: str) -> None:
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(text)


def _open_events(folder: Path) -> _Events:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UnavailableError(
            "TensorBoard is not installed; install archivecolor[tensorboard], or leave out --tensorboard"
        ) from error
    with with_output_errors(folder):
        events: _Events = SummaryWriter(str(folder / "tensorboard"))
    return events


def read_metrics_log(folder: Path) -> list[LoggedFigures]:
    """All figures of a run by step; the newer ones where a step was done again. Torn lines are left out."""
    path = folder / NAME
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    newest: dict[tuple[str, int], LoggedFigures] = {}
    for line in lines:
        try:
            figures = json.loads(line)
        except ValueError:
            continue
        kind, step = figures.pop("kind"), figures.pop("step")
        newest[kind, step] = LoggedFigures(kind, step, figures)
    return sorted(newest.values(), key=lambda logged: logged.step)
