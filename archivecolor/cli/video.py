"""`archivecolor video`: films."""

from __future__ import annotations

import sys

import click

from archivecolor.cli.options import command_for
from archivecolor.cli.terminal import duration, printable, terminal_for
from archivecolor.errors import ExitCode
from archivecolor.settings import VideoSettings


@command_for(VideoSettings, "video")
def command(settings: VideoSettings) -> ExitCode:
    r"""Colour films: steady, with their sound, their timing and all their streams.

    The coloured film NAME-colour lies beside its source, or in the folder of --output under the source's
    name. A run that was interrupted goes on where it left off when the same command is given again.

    \b
    Examples:
      archivecolor video film.mp4
      archivecolor video reels/ -o coloured/ --codec ffv1
    """
    from archivecolor.jobs.video import colour_films

    if settings.dry_run:
        return show_forecast(settings)
    with terminal_for(settings, "video") as terminal:
        result = colour_films(settings, terminal, tuple(sys.argv))
        return terminal.finish(result)


def show_forecast(settings: VideoSettings) -> ExitCode:
    """Print what a run would do."""
    from archivecolor.jobs.video import forecast

    films, untouched = forecast(settings)
    for film in films:
        words = film.problem or f"{film.frames} frames, {duration(film.seconds)}"
        click.echo(printable(f"{film.path}: {words}"))
    frames, seconds = sum(film.frames for film in films), sum(film.seconds for film in films)
    click.echo(f"to do: {len(films)} films, {frames} frames")
    click.echo(f"expected time: {duration(seconds)} (a cautious guess)")
    for word, count in untouched.items():
        click.echo(f"{count} {word}")
    return ExitCode.OK
