"""What people see of an evaluation: progress, then tables on standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from archivecolor.cli.terminal import counted
from archivecolor.evaluation.figures import Figures
from archivecolor.evaluation.films import FilmScore
from archivecolor.jobs.evaluate import Evaluation, EvaluationProgress
from archivecolor.printable import json_text, printable
from archivecolor.scoring.matched_colourfulness import SHARES
from archivecolor.settings import EvaluateSettings

# Wide enough for all columns where output goes to a file.
_FILE_WIDTH = 160


@contextmanager
def showing_progress(settings: EvaluateSettings) -> Iterator[Callable[[EvaluationProgress], None]]:
    """A function to report progress to: a bar on a terminal, nothing otherwise."""
    if settings.quiet or not sys.stderr.isatty():
        yield lambda _step: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("evaluate", total=None)
        yield lambda step: bar.update(task, description=step.unit, completed=step.done, total=step.total)


def print_evaluation(settings: EvaluateSettings, evaluation: Evaluation) -> None:
    """All figures: one JSON document if asked for, tables otherwise; words on standard error."""
    figures = evaluation.as_dict()
    if settings.json:
        click.echo(json_text(figures))
    else:
        for table in _tables_of(figures, evaluation.films):
            print_table(table)
    if not settings.quiet:
        for line in remarks(evaluation):
            click.echo(f"evaluate: {line}", err=True)


def print_table(table: Table) -> None:
    """A table on standard output: framed on a terminal, plain text in a file or pipe."""
    if sys.stdout.isatty():
        Console().print(table)
        return
    table.box, table.pad_edge = None, False
    console = Console(width=_FILE_WIDTH)
    with console.capture() as captured:
        console.print(table)
    # rich fills up lines to the width of the table.
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _tables_of(figures: Figures, films: Sequence[FilmScore]) -> Iterator[Table]:
    """The tables that there is something for."""
    if figures["rows"]:
        yield photograph_table(figures["rows"], figures["features"])
    if figures["paired"]:
        yield paired_table(figures["paired"])
    if figures["hints"]:
        yield _hint_table(figures["hints"])
    if films:
        yield _film_table(films)


def photograph_table(rows: Sequence[Figures], features: str) -> Table:
    """A line per measure, which fits a terminal; N and the feature network stand in the title."""
    title = counted(rows[0]["pictures"], "photographs")
    if features:
        title += f"; Frechet distance in the features of {features}"
    table = Table(title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    measured = {
        "CIEDE2000": ("ciede2000", 2),
        "PSNR": ("psnr", 2),
        "SSIM": ("ssim", 3),
        "colourfulness": ("colourfulness", 1),
        "of the truth's": ("colourfulness_ratio", 2),
        **{f"dE@{share}": (f"de_at_{share:g}", 2) for share in SHARES},
        "skin, of the truth's": ("skin_chroma_share", 2),
        "confidence: rank corr.": ("confidence_pictures", 2),
        "confidence: of regions": ("confidence_regions", 2),
        "confidence: worst found": ("confidence_worst_found", 2),
        "doubt: rank corr.": ("doubt_pictures", 2),
        "doubt: worst found": ("doubt_worst_found", 2),
        "doubt: palest surest": ("doubt_palest_surest", 2),
        "img/s": ("pictures_per_second", 1),
    }
    if features:
        measured["Frechet"] = ("frechet", 2)
    for row in rows:
        table.add_column(_plain_name(row["name"]), justify="right", overflow="fold")
    for heading, (name, digits) in measured.items():
        if any(row[name] is not None for row in rows):
            table.add_row(heading, *(number(row[name], digits) for row in rows))
    return table


def paired_table(differences: Sequence[Figures]) -> Table:
    """A line per compared pair and measure."""
    table = Table(title="Differences picture by picture; below 0 is better", title_justify="left")
    for heading in ("", "against", "measure"):
        table.add_column(heading)
    for heading in ("mean", "standard error"):
        table.add_column(heading, justify="right")
    for one in differences:
        names = (_plain_name(one["name"]), _plain_name(one["against"]), one["measure"])
        table.add_row(*names, number(one["mean"], 3), number(one["standard_error"], 3))
    return table


def _hint_table(rows: Sequence[Figures]) -> Table:
    """A line per network, way to choose places and number of hints."""
    table = Table(
        title=f"{counted(rows[0]['pictures'], 'photographs')} with true hints", title_justify="left"
    )
    table.add_column("")
    for heading in ("places", "hints", "CIEDE2000", "PSNR", "made worse", "ms more"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            _plain_name(row["name"]),
            row["places"],
            str(row["hints"]),
            number(row["ciede2000"], 2),
            number(row["psnr"], 2),
            f"{row['share_worse']:.0%}",
            number(row["milliseconds"], 0),
        )
    return table


def _film_table(scores: Sequence[FilmScore]) -> Table:
    """A line per film and row."""
    table = Table(title="Films, Lab units", title_justify="left")
    for heading in ("film", ""):
        table.add_column(heading)
    for heading in ("frames", "flicker", "jitter", "CDC", "colourfulness", "CIEDE2000"):
        table.add_column(heading, justify="right")
    for score in scores:
        table.add_row(
            _plain_name(score.film),
            _plain_name(score.name),
            str(score.frames),
            number(score.flicker, 2),
            number(score.jitter, 2),
            number(score.cdc, 5),
            number(score.colourfulness, 1),
            number(score.ciede2000, 2),
        )
    return table


def _plain_name(name: str) -> Text:
    """A name as it is: brackets in it are no markup."""
    return Text(printable(name))


def number(value: float | None, digits: int) -> str:
    """A figure, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def remarks(evaluation: Evaluation) -> Iterator[str]:
    """What was left out, what was written, and where figures are explained."""
    if evaluation.excluded:
        first = evaluation.excluded[0]
        example = f"{printable(first.name)} ({first.why})"
        yield f"{counted(len(evaluation.excluded), 'pictures')} left out, the first: {example}"
    if evaluation.passed_over:
        passed_over = ", ".join(counted(count, why) for why, count in evaluation.passed_over.items())
        yield f"not taken for pictures: {passed_over}"
    if evaluation.written:
        folder = printable(str(evaluation.written[0].parent))
        yield f"{counted(len(evaluation.written), 'files')} written to {folder}"
    yield "what each row is: archivecolor help figures"
