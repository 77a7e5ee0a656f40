"""`archivecolor manifest`: the record of every item, as a table or made smaller."""

from __future__ import annotations

import click

from archivecolor.cli.options import command_for
from archivecolor.cli.terminal import counted
from archivecolor.errors import ExitCode
from archivecolor.settings import CompactSettings, ExportSettings


@command_for(ExportSettings, "export")
def export(settings: ExportSettings) -> ExitCode:
    r"""Write the newest record of every item of OUT as a table, one row each; --json prints whole records.

    \b
    Examples:
      archivecolor manifest export coloured/ --csv report.csv
      archivecolor manifest export coloured/ --json
      archivecolor manifest export coloured/ --doubtful 100 --csv look-at-these.csv
    """
    from archivecolor.jobs.manifest import export_manifest

    count = export_manifest(settings)
    if not settings.quiet:
        click.echo(f"manifest: {counted(count, 'items')}", err=True)
    return ExitCode.OK


@command_for(CompactSettings, "compact")
def compact(settings: CompactSettings) -> ExitCode:
    r"""Keep only the newest line of every item in the manifest of OUT.

    The manifest never does this by itself: until then it tells of every attempt.

    \b
    Example:
      archivecolor manifest compact coloured/
    """
    from archivecolor.jobs.manifest import compact_manifest

    count = compact_manifest(settings)
    if not settings.quiet:
        click.echo(f"manifest: {count} older lines removed", err=True)
    return ExitCode.OK


command = click.Group(
    "manifest",
    commands={"export": export, "compact": compact},
    help="Take the manifest out as a table, or make it smaller.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
