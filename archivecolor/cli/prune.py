"""`archivecolor prune`: what earlier formats left, cleared away."""

from __future__ import annotations

import click

from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode
from archivecolor.printable import json_text, printable
from archivecolor.settings import PruneSettings


@command_for(PruneSettings, "prune")
def command(settings: PruneSettings) -> ExitCode:
    r"""Remove the derivatives in OUT that newer ones of another format have replaced.

    No run removes them. Only what is byte for byte as recorded goes; the last derivative of a picture
    always stays.

    \b
    Example:
      archivecolor prune coloured/ --dry-run
    """
    from archivecolor.archive.record import escape_non_utf8
    from archivecolor.archive.superseded import PruneResult, Superseded
    from archivecolor.jobs.prune import prune

    def show(superseded: Superseded, result: PruneResult) -> None:
        path = escape_non_utf8(superseded.derivative.path)
        if settings.json:
            click.echo(json_text({"path": path, "result": result.name.lower(), "dry_run": settings.dry_run}))
        elif not settings.quiet:
            click.echo(printable(f"{words[result]}: {path}"))

    words = {result: result.value for result in PruneResult}
    if settings.dry_run:
        words[PruneResult.REMOVED] = "would be removed"
    counts = prune(settings, show)
    if not settings.quiet or counts[PruneResult.FAILED]:
        listed = [f"{counts[result]} {words[result]}" for result in PruneResult if counts[result]]
        click.echo(f"prune: {'; '.join(listed) or 'nothing to remove'}", err=True)
    return ExitCode.OUTPUT if counts[PruneResult.FAILED] else ExitCode.OK
