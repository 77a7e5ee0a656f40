"""What people see while a network trains."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from archivecolor.jobs.train import Audience
from archivecolor.settings import TrainSettings
from archivecolor.training.loop import StepReport
from archivecolor.training.plan import Plan

LINE_EVERY = 200
READING = "reading the pictures"
COMPILING = "compiling, which takes minutes"


@contextmanager
def watching(settings: TrainSettings) -> Iterator[Audience]:
    """Who is told of a run: nobody, a live bar on a terminal, or a log with a line now and then."""
    if settings.quiet:
        yield Audience(plan=lambda _plan: None, step=lambda _step: None)
    elif sys.stderr.isatty():
        with _bar() as bar:
            task = bar.add_task("training", total=1.0, figures=READING)

            def show(plan: Plan) -> None:
                bar.console.print(words_of(plan), highlight=False)
                bar.update(task, figures=COMPILING if settings.compile else "")

            yield Audience(
                plan=show,
                step=lambda step: bar.update(task, completed=step.progress, figures=figures_of(step)),
            )
    else:
        yield Audience(plan=lambda plan: _lines_of(plan, settings), step=_line_now_and_then)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>5.1f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=Console(stderr=True),
    )


def _lines_of(plan: Plan, settings: TrainSettings) -> None:
    click.echo(words_of(plan), err=True)
    if settings.compile:
        click.echo(COMPILING, err=True)


def _line_now_and_then(step: StepReport) -> None:
    if step.step % LINE_EVERY == 0:
        click.echo(f"{100 * step.progress:.1f} %  {figures_of(step)}", err=True)


def words_of(plan: Plan) -> str:
    """A run before its first step, in a few lines."""
    dropped = ", ".join(f"{count} {cause}" for cause, count in plan.dropped.items()) or "none"
    pictures = ", ".join(f"{count} {name}" for name, count in plan.pictures.items() if count)
    done = f" ({plan.steps_done} done)" if plan.steps_done else ""
    return (
        f"network   {plan.network}, {plan.parameters / 1e6:.1f} M parameters, on {plan.device}\n"
        f"pictures  {pictures}, cut on {plan.cut_on}; left out: {dropped}\n"
        f"steps     {plan.steps}{done}, each of {plan.batch} crops of {plan.size} x {plan.size} pixels\n"
        f"memory    {plan.nbytes / 1e9:.1f} GB for pictures and weights; what a step needs comes on top"
    )


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
