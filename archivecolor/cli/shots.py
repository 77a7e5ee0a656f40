"""`archivecolor shots`: a film's shots, before it is coloured."""

from __future__ import annotations

import click

from archivecolor.cli.options import command_for
from archivecolor.cli.terminal import terminal_for
from archivecolor.engine.stopping import Stop, stop_on_signals
from archivecolor.errors import ExitCode
from archivecolor.printable import printable
from archivecolor.settings import ShotsSettings


@command_for(ShotsSettings, "shots")
def command(settings: ShotsSettings) -> ExitCode:
    r"""List the shots of a film: as CSV, for editing programs, and as a sheet with a coloured frame of each.

    Nothing of the film is made. The list shots.csv may be edited: `--cuts shots.csv` of video colours by it,
    and here draws all of this anew. The distance beside each cut says how clear it is.

    \b
    Examples:
      archivecolor shots film.mp4 -o shots/
      archivecolor shots film.mp4 -o shots/ --cuts shots/shots.csv
    """
    from archivecolor.jobs.shots import list_shots

    with stop_on_signals(Stop()) as stop, terminal_for(settings, "shots") as terminal:
        listed = list_shots(settings, terminal, stop)
        code = terminal.finish(listed.result)
    if not settings.quiet:
        for remark in listed.remarks:
            click.echo(printable(f"shots: {remark}"), err=True)
        for file in listed.files:
            click.echo(printable(f"shots: {file}"), err=True)
    return code
