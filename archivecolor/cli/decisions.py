"""`archivecolor decisions`: what was decided about items, listed, taken out and put together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode
from archivecolor.printable import json_text, printable
from archivecolor.settings import DecisionExportSettings, DecisionImportSettings, DecisionListSettings

if TYPE_CHECKING:
    from archivecolor.archive.decision import Decision


@command_for(DecisionListSettings, "list")
def list_command(settings: DecisionListSettings) -> ExitCode:
    """List what is decided about the items of OUT, one line each; --json prints whole decisions."""
    from archivecolor.archive.decision import line_of
    from archivecolor.jobs.decisions import listed_decisions, unknown_paths

    unknown = unknown_paths(settings.output)
    for decision in listed_decisions(settings):
        if settings.json:
            click.echo(json_text(json.loads(line_of(decision))))
        else:
            remark = "  (no record names it)" if decision.path in unknown else ""
            click.echo(printable(words_of(decision) + remark))
    return ExitCode.OK


def words_of(decision: Decision) -> str:
    """One decision as people read it."""
    from archivecolor.archive.decision import State

    correction = decision.correction
    parts = [decision.state.value] if decision.state is not State.NONE else []
    if correction.hints:
        parts.append(f"{len(correction.hints)} hint{'s' if len(correction.hints) > 1 else ''}")
    parts += [f"{name.replace('_', '-')} {value}" for name, value in correction.settings.given().items()]
    note = decision.note or correction.note
    about = "  ".join(part for part in (decision.at, decision.by, f'"{note}"' if note else "") if part)
    return f"{decision.path}: {', '.join(parts)}  {about}".rstrip()


@command_for(DecisionExportSettings, "export")
def export(settings: DecisionExportSettings) -> ExitCode:
    r"""Write the newest decision of every path of OUT to FILE, to be read elsewhere.

    \b
    Example:
      archivecolor decisions export coloured/ decided.jsonl
    """
    from archivecolor.jobs.decisions import export_decisions

    count = export_decisions(settings)
    if not settings.quiet:
        click.echo(f"decisions: {count} written", err=True)
    return ExitCode.OK


@command_for(DecisionImportSettings, "import")
def import_command(settings: DecisionImportSettings) -> ExitCode:
    r"""Take the decisions of FILE into those of OUT; of two about one path the newer holds.

    The next run carries them out.

    \b
    Example:
      archivecolor decisions import coloured/ decided.jsonl
    """
    from archivecolor.jobs.decisions import import_decisions

    merged = import_decisions(settings)
    if not settings.quiet:
        for path in merged.conflicts:
            click.echo(printable(f"both decide otherwise, the newer holds: {path}"), err=True)
        counts = f"{merged.taken} taken, {len(merged.conflicts)} differed"
        click.echo(f"decisions: {counts}; the next run carries them out", err=True)
    return ExitCode.OK


command = click.Group(
    "decisions",
    commands={"list": list_command, "export": export, "import": import_command},
    help="List what was decided about items, or pass it on.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
