"""Curves of losses and validation figures as one PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import UsageError
from archivecolor.training.metrics_log import LoggedFigures

NAME = "curves.png"
COLUMNS = 3
_PANEL_INCHES = (4.0, 2.6)


def draw_curves(folder: Path, metrics_log: Sequence[LoggedFigures]) -> None:
    """Draw every figure of a run's log over its steps, a panel each. Raises `OutputError`."""
    import_matplotlib()
    from matplotlib import rc_context, rcParamsDefault

    series = _series(metrics_log)
    # A `matplotlibrc` of the folder that somebody stands in is not asked: it could start TeX.
    with rc_context(rcParamsDefault):
        if series:
            _draw(folder, series)


def import_matplotlib() -> None:
    """Have matplotlib read its settings, which it does once.

    Raises:
        UsageError: they cannot be read.
    """
    try:
        import matplotlib  # noqa: F401 - for what its import does
    except (ValueError, OSError) as error:
        raise UsageError(
            f"matplotlib cannot read its settings ({error}); is there a file `matplotlibrc` in the current "
            "folder? Start from another one"
        ) from error


def _draw(folder: Path, series: Mapping[str, Sequence[tuple[int, float]]]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(series) // COLUMNS)
    figure = Figure(figsize=(COLUMNS * _PANEL_INCHES[0], rows * _PANEL_INCHES[1]), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (name, points) in enumerate(series.items()):
        panel = figure.add_subplot(rows, COLUMNS, place + 1)
        panel.plot(*zip(*points, strict=True), marker="." if len(points) < 40 else "", linewidth=1)
        panel.set_title(name, fontsize=9)
        panel.tick_params(labelsize=7)
        panel.grid(alpha=0.3)
    with atomic_write(folder / NAME) as part:
        figure.savefig(part, format="png", dpi=100)


def _series(metrics_log: Sequence[LoggedFigures]) -> dict[str, list[tuple[int, float]]]:
    """Steps and values of every figure by name, those of validation named as such."""
    series: dict[str, list[tuple[int, float]]] = {}
    for logged in metrics_log:
        for name, value in logged.figures.items():
            title = name if logged.kind == "step" else f"{logged.kind}: {name}"
            series.setdefault(title, []).append((logged.step, value))
    return series
