"""What `--dry-run` prints."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from archivecolor.cli.terminal import counted, duration
from archivecolor.errors import ExitCode
from archivecolor.printable import printable, some_names
from archivecolor.settings import DirSettings, GreySettings, VideoSettings

if TYPE_CHECKING:
    from archivecolor.archive.estimate import Estimate
    from archivecolor.jobs.film_forecast import FilmsForecast

_NAMES_SHOWN = 3
_GUESS, _LAST_RUN = "a cautious guess", "as fast as the last run"


def show_forecast(settings: DirSettings | VideoSettings | GreySettings) -> ExitCode:
    """Print what a run would do."""
    from archivecolor.jobs.forecast import forecast, forecast_grey

    def tell() -> None:
        if sys.stderr.isatty() and not settings.quiet:
            click.echo("trying a few photographs, to know how long all take ...", err=True)

    expected = forecast_grey(settings) if isinstance(settings, GreySettings) else forecast(settings, tell)
    if not isinstance(settings, VideoSettings):
        _show(_photograph_lines(expected.photographs))
    if expected.films.films or isinstance(settings, VideoSettings):
        _show(_film_lines(expected.films))
    for word, count in expected.untouched.items():
        click.echo(counted(count, word))
    _show(_lines_of_what_is_in_the_way(expected.in_the_way))
    return ExitCode.OK


def _show(lines: Iterator[str]) -> None:
    for line in lines:
        click.echo(printable(line))


def _lines_of_what_is_in_the_way(names: tuple[str, ...]) -> Iterator[str]:
    if names:
        files = counted(len(names), "files of no record in the place of outputs")
        yield f"{files}, which a run puts aside as NAME.by-hand-DATE: {some_names(names, _NAMES_SHOWN)}"


def _photograph_lines(work: Estimate) -> Iterator[str]:
    basis = _LAST_RUN if work.from_last_run else _GUESS
    if work.measured:
        basis = f"measured on {counted(work.measured, 'pictures')} here and now"
    pictures = counted(work.items, "pictures")
    yield f"to do: {pictures}, {work.megapixels:.1f} megapixels, {work.nbytes / 1e6:.1f} MB"
    if work.items:
        yield _expected_time(work.seconds, work.processor_seconds, basis)


def _film_lines(work: FilmsForecast) -> Iterator[str]:
    for film in work.films:
        words = film.problem or f"{counted(film.frames, 'frames')}, {duration(film.time.seconds)}"
        yield f"{film.path}: {words}"
    basis = _LAST_RUN if work.from_last_run else _GUESS
    if work.measured:
        basis = f"measured on {counted(work.measured, 'frames')} here and now"
    yield f"to do: {counted(len(work.films), 'films')}, {counted(work.frames, 'frames')}"
    if work.films:
        yield _expected_time(work.time.seconds, work.time.processor_seconds, basis)


def _expected_time(seconds: float, processor_seconds: float, basis: str) -> str:
    """The line on the expected time, and on how much of it is work: a busy machine has people wait."""
    work = f"; {duration(processor_seconds)} of processor time" if processor_seconds else ""
    return f"expected time: {duration(seconds)} ({basis}{work})"
