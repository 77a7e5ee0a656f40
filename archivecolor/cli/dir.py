"""`archivecolor dir`: a folder of photographs."""

from __future__ import annotations

import sys
import time
from dataclasses import fields, replace

import click

from archivecolor.cli.options import command_for
from archivecolor.cli.terminal import duration, terminal_for
from archivecolor.errors import ExitCode
from archivecolor.settings import DirSettings, VideoSettings, settings_from


@command_for(DirSettings, "dir")
def command(settings: DirSettings) -> ExitCode:
    r"""Colour the photographs of the folder IN into the folder OUT.

    Names and subfolders stay. What is up to date is left alone, so the same command again does only what
    is missing. OUT/_archivecolor holds the manifest: what became of every picture, and why.

    \b
    Example:
      archivecolor dir scans/ coloured/
    """
    from archivecolor.jobs.dir import colour_folder

    if settings.dry_run:
        return show_forecast(settings)
    began = time.monotonic()
    with terminal_for(settings, "dir") as terminal:
        code = terminal.finish(colour_folder(settings, terminal, tuple(sys.argv)))
    if settings.films and code in (ExitCode.OK, ExitCode.SOME_FAILED):
        return max(code, colour_films_too(settings, time.monotonic() - began))
    return code


def colour_films_too(settings: DirSettings, seconds: float) -> ExitCode:
    """Colour the films of the tree in what is left of the time limit after `seconds`."""
    from archivecolor.jobs.video import colour_films

    films = film_settings(settings)
    if films.max_runtime is not None:
        films = replace(films, max_runtime=max(0.0, films.max_runtime - seconds))
    with terminal_for(films, "films") as terminal:
        return terminal.finish(colour_films(films, terminal, tuple(sys.argv)))


def film_settings(settings: DirSettings) -> VideoSettings:
    """Settings for the films of a tree: those it shares with photographs, else the defaults."""
    shared = {setting.name: getattr(settings, setting.name) for setting in fields(settings)}
    colour = "recolour" if settings.colour == "recolour" else "skip"
    return settings_from(VideoSettings, shared | {"input": (settings.input,), "colour": colour})


def show_forecast(settings: DirSettings) -> ExitCode:
    """Print what a run would do."""
    from archivecolor.jobs.dir import forecast

    expected = forecast(settings)
    work = expected.work
    basis = "as fast as the last run" if work.from_last_run else "a cautious guess"
    click.echo(f"to do: {work.items} pictures, {work.megapixels:.1f} megapixels, {work.nbytes / 1e6:.1f} MB")
    click.echo(f"expected time: {duration(work.seconds)} ({basis})")
    for word, count in expected.untouched.items():
        click.echo(f"{count} {word}")
    if settings.films:
        from archivecolor.cli.video import show_forecast as show_films

        return show_films(film_settings(settings))
    return ExitCode.OK
