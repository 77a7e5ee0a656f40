"""What `--dry-run` prints."""

from __future__ import annotations

import click

from archivecolor.cli.terminal import counted, duration
from archivecolor.errors import ExitCode
from archivecolor.printable import printable
from archivecolor.settings import DirSettings, GreySettings, VideoSettings


def show_forecast(settings: DirSettings | VideoSettings | GreySettings) -> ExitCode:
    """Print what a run would do."""
    from archivecolor.jobs.forecast import forecast, forecast_grey

    expected = forecast_grey(settings) if isinstance(settings, GreySettings) else forecast(settings)
    work = expected.photographs
    if not isinstance(settings, VideoSettings):
        basis = "as fast as the last run" if work.from_last_run else "a cautious guess"
        if work.measured:
            basis = f"measured on {counted(work.measured, 'pictures')} here and now"
        pictures = counted(work.items, "pictures")
        click.echo(f"to do: {pictures}, {work.megapixels:.1f} megapixels, {work.nbytes / 1e6:.1f} MB")
        click.echo(f"expected time: {duration(work.seconds)} ({basis})")
    if expected.films or isinstance(settings, VideoSettings):
        for film in expected.films:
            words = film.problem or f"{counted(film.frames, 'frames')}, {duration(film.seconds)}"
            click.echo(printable(f"{film.path}: {words}"))
        frames = sum(film.frames for film in expected.films)
        click.echo(f"to do: {counted(len(expected.films), 'films')}, {counted(frames, 'frames')}")
        seconds = sum(film.seconds for film in expected.films)
        click.echo(f"expected time: {duration(seconds)} (a cautious guess)")
    for word, count in expected.untouched.items():
        click.echo(counted(count, word))
    return ExitCode.OK
