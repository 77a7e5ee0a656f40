"""Curves of losses and validation figures as one PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archivecolor.training.state import write_bytes

NAME = "curves.png"
COLUMNS = 3
PANEL_INCHES = (4.0, 2.6)

Series = dict[str, tuple[list[int], list[float]]]


def draw_curves(folder: Path, metrics_log: Sequence[Mapping[str, Any]]) -> None:
    """Draw every figure of a run's journal over its steps, a panel each. Raises `OutputError`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    series = series_of(metrics_log)
    rows = -(-len(series) // COLUMNS)
    if not rows:
        return
    figure = Figure(figsize=(COLUMNS * PANEL_INCHES[0], rows * PANEL_INCHES[1]), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (name, (steps, values)) in enumerate(series.items()):
        panel = figure.add_subplot(rows, COLUMNS, place + 1)
        panel.plot(steps, values, marker="." if len(steps) < 40 else "", linewidth=1)
        panel.set_title(name, fontsize=9)
        panel.tick_params(labelsize=7)
        panel.grid(alpha=0.3)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    write_bytes(folder / NAME, picture.getvalue())


def series_of(metrics_log: Sequence[Mapping[str, Any]]) -> Series:
    """Steps and values of every figure by name, those of validation named as such."""
    series: Series = {}
    for figures in metrics_log:
        for name, value in figures.items():
            if name in ("kind", "step"):
                continue
            title = name if figures["kind"] == "step" else f"{figures['kind']}: {name}"
            steps, values = series.setdefault(title, ([], []))
            steps.append(figures["step"])
            values.append(value)
    return series
