"""What people see while a network trains."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from archivecolor.settings import TrainSettings
from archivecolor.training.loop import StepReport

LINE_EVERY = 200


@contextmanager
def watching(settings: TrainSettings) -> Iterator[Callable[[StepReport], None]]:
    """A function to report steps to: a live bar on a terminal, a line now and then otherwise."""
    if settings.quiet:
        yield lambda _step: None
    elif sys.stderr.isatty():
        with _bar() as bar:
            task = bar.add_task("training", total=1.0, figures="")
            yield lambda step: bar.update(task, completed=step.progress, figures=figures_of(step))
    else:
        yield _line_now_and_then


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>5.1f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=Console(stderr=True),
    )


def _line_now_and_then(step: StepReport) -> None:
    if step.step % LINE_EVERY == 0:
        click.echo(f"{100 * step.progress:.1f} %  {figures_of(step)}", err=True)


def figures_of(step: StepReport) -> str:
    """One line about a step."""
    losses = "  ".join(f"{name} {value:.3f}" for name, value in step.losses.items())
    return f"step {step.step}  {losses}  lr {step.lr:.2e}  {step.seconds:.2f} s"


def print_summary(settings: TrainSettings, training: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
    """How the training ended: JSON on standard output if asked for, a line of words otherwise."""
    if settings.json:
        click.echo(json.dumps({"training": dict(training), "metrics": dict(metrics)}))
    elif not settings.quiet:
        figures = ", ".join(f"{name} {value:.2f}" for name, value in metrics.items())
        click.echo(f"train: {training['steps']} steps; {figures}; weights in {settings.output}", err=True)
