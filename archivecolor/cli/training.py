"""What people see while a network trains."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from archivecolor.cli.terminal import counted
from archivecolor.jobs.train import TrainingCallbacks
from archivecolor.printable import json_text, printable
from archivecolor.settings import TrainSettings
from archivecolor.training.loop import StepReport
from archivecolor.training.plan import TrainingPlan

_STEPS_PER_LINE = 200
READING = "reading the pictures"
_COMPILING = "compiling, which takes minutes"


@contextmanager
def showing_progress(settings: TrainSettings) -> Iterator[TrainingCallbacks]:
    """Who is told of a run: nobody, a live bar on a terminal, or a log with a line now and then."""
    if settings.quiet:
        yield TrainingCallbacks(plan=lambda _plan: None, step=lambda _step: None)
    elif sys.stderr.isatty():
        with _bar() as bar:
            task = bar.add_task("training", total=1.0, figures=READING)

            def show(plan: TrainingPlan) -> None:
                bar.console.print(plan_text(plan), markup=False, highlight=False)
                bar.update(task, figures=_COMPILING if settings.compile else "")

            yield TrainingCallbacks(
                plan=show,
                step=lambda step: bar.update(task, completed=step.progress, figures=_format_step(step)),
            )
    else:
        yield TrainingCallbacks(plan=lambda plan: _print_plan(plan, settings), step=_print_step)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>5.1f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=Console(stderr=True),
    )


def _print_plan(plan: TrainingPlan, settings: TrainSettings) -> None:
    click.echo(plan_text(plan), err=True)
    if settings.compile:
        click.echo(_COMPILING, err=True)


def _print_step(step: StepReport) -> None:
    if step.step % _STEPS_PER_LINE == 0:
        click.echo(f"{100 * step.progress:.1f} %  {_format_step(step)}", err=True)


def plan_text(plan: TrainingPlan) -> str:
    """A run before its first step, in a few lines."""
    dropped = ", ".join(counted(count, cause) for cause, count in plan.dropped.items()) or "none"
    pictures = ", ".join(f"{count} {name}" for name, count in plan.pictures.items() if count)
    enlarged = f"; {plan.enlarged} are smaller than the crops and enlarged" if plan.enlarged else ""
    done = f" ({plan.steps_done} done)" if plan.steps_done else ""
    return (
        f"network   {plan.network}, {plan.parameters / 1e6:.1f} M parameters, on {plan.device}\n"
        f"pictures  {pictures}, cut on {plan.crop_device}{enlarged}; left out: {dropped}\n"
        f"steps     {plan.steps}{done}, each of {plan.batch} crops of {plan.size} x {plan.size} pixels\n"
        f"memory    {plan.nbytes / 1e9:.1f} GB for pictures and weights; what a step needs comes on top"
    )


def _format_step(step: StepReport) -> str:
    """One line about a step."""
    losses = "  ".join(f"{name} {value:.3f}" for name, value in step.losses.items())
    return f"step {step.step}  {losses}  lr {step.lr:.2e}  {step.seconds:.2f} s"


def print_summary(
    settings: TrainSettings, training: Mapping[str, object], metrics: Mapping[str, float]
) -> None:
    """How the training ended: JSON on standard output if asked for, a line of words otherwise."""
    if settings.json:
        click.echo(json_text({"training": dict(training), "metrics": dict(metrics)}))
    elif not settings.quiet:
        figures = ", ".join(f"{name} {value:.2f}" for name, value in metrics.items())
        folder = printable(settings.output)
        click.echo(f"train: {training['steps']} steps; {figures}; weights in {folder}", err=True)
