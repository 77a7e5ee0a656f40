"""The figures of a run: JSON lines always, TensorBoard events if asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archivecolor.archive.atomic import with_output_errors
from archivecolor.errors import UnavailableError

NAME = "figures.jsonl"


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
        self._events = open_events(folder) if tensorboard else None
        end_torn_line(self._path)

    def write(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        """Add figures of a kind ("step", "validation", "test"). Raises `OutputError`."""
        rounded = {name: round(value, 6) for name, value in figures.items()}
        with with_output_errors(self._path), self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"kind": kind, "step": step} | rounded) + "\n")
        if self._events is not None:
            for name, value in figures.items():
                self._events.add_scalar(f"{kind}/{name}", value, step)
            self._events.flush()


def open_events(folder: Path) -> Any:
    """TensorBoard's writer."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UnavailableError(
            "TensorBoard is not installed; install archivecolor[tensorboard], or leave out --tensorboard"
        ) from error
    with with_output_errors(folder):
        return SummaryWriter(str(folder / "tensorboard"))


def end_torn_line(path: Path) -> None:
    """End a line that a killed run left half written, so that the next one stands by itself."""
    with with_output_errors(path):
        if path.exists() and not path.read_bytes().endswith(b"\n"):
            with path.open("a", encoding="utf-8") as stream:
                stream.write("\n")


def read_metrics_log(folder: Path) -> list[dict[str, Any]]:
    """All figures of a run by step; the newer ones where a step was done again. Torn lines are left out."""
    path = folder / NAME
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    newest: dict[tuple[str, int], dict[str, Any]] = {}
    for line in lines:
        try:
            figures = json.loads(line)
        except ValueError:
            continue
        newest[figures["kind"], figures["step"]] = figures
    return sorted(newest.values(), key=lambda figures: figures["step"])
