"""`archivecolor dir`: a folder of photographs."""

from __future__ import annotations

import sys

import click

from archivecolor.cli.options import command_for
from archivecolor.cli.terminal import duration, terminal_for
from archivecolor.errors import ExitCode
from archivecolor.settings import DirSettings


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
    with terminal_for(settings, "dir") as terminal:
        ending = colour_folder(settings, terminal, tuple(sys.argv))
        return terminal.finish(ending)


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
    return ExitCode.OK
