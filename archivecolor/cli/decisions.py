"""`archivecolor decisions`: what was decided about items, listed, taken out and put together."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode
from archivecolor.printable import json_text, printable, quoted
from archivecolor.settings import (
    DecisionExportSettings,
    DecisionImportSettings,
    DecisionListSettings,
    DecisionUndoSettings,
    nearest,
)

if TYPE_CHECKING:
    from archivecolor.archive.decision import Decision
    from archivecolor.colour.guidance import Hint
    from archivecolor.jobs.decisions import StandingDecision


@command_for(DecisionListSettings, "list")
def list_command(settings: DecisionListSettings) -> ExitCode:
    """List what is decided about the items of OUT, one line each; --json prints whole decisions."""
    from archivecolor.archive.decision import line_of
    from archivecolor.jobs.decisions import standing_decisions

    found = standing_decisions(settings)
    what = "decided" if settings.state == "all" else settings.state
    if not found and not settings.json and not settings.quiet:
        click.echo(f"decisions: nothing is {what}", err=True)
    for standing in found:
        if settings.json:
            counts = {"matches": standing.matches, "holds_for": standing.holds_for}
            values = json.loads(line_of(standing.decision))
            click.echo(json_text(values | (counts if standing.decision.glob else {})))
        else:
            click.echo(printable(words_of(standing.decision) + _remark_of(standing)))
    return ExitCode.OK


def _remark_of(standing: StandingDecision) -> str:
    """What is to be said of the items that a decision names."""
    matches, holds_for = standing.matches, standing.holds_for
    if standing.is_of_older_scan:
        return "  (its hints are not applied: the scan changed)"
    if not standing.decision.glob:
        return "" if matches else "  (no record names it)"
    if not matches:
        return "  (a glob, matches no record)"
    return (
        f"  (a glob, holds for {holds_for}{f' of the {matches} it matches' if holds_for < matches else ''})"
    )


def words_of(decision: Decision) -> str:
    """One decision as people read it."""
    from archivecolor.archive.decision import State
    from archivecolor.archive.decision_words import handwork_words, shot_options

    correction = decision.correction
    parts = [decision.state.value] if decision.state is not State.NONE else []
    parts += _hint_count(correction.hints)
    parts += [f"{name.replace('_', '-')} {value}" for name, value in correction.settings.given().items()]
    for shot in correction.shots:
        given = tuple(hint for hint in shot.hints if not (hint.soft and shot.reference))
        about = _hint_count(given) + shot_options(shot)
        parts.append(f"shot at {shot.seconds:.3f} s: {' and '.join(about)}")
    if accepted := [f"{moment:.3f} s" for moment in decision.accepted_shots]:
        parts.append(f"accepted shot{'s' if len(accepted) > 1 else ''} at {', '.join(accepted)}")
    parts += [handwork_words(correction)] if correction.handwork else []
    note, by = decision.note or correction.note, decision.by or correction.by
    parts = parts or ["nothing is decided"]
    told = "  ".join(part for part in (decision.at, by, f'"{note}"' if note else "") if part)
    return f"{decision.path}: {', '.join(parts)}  {told}".rstrip()


def _hint_count(hints: tuple[Hint, ...]) -> list[str]:
    return [f"{len(hints)} hint{'s' if len(hints) > 1 else ''}"] if hints else []


@command_for(DecisionExportSettings, "export")
def export(settings: DecisionExportSettings) -> ExitCode:
    r"""Write the newest decision of every path of OUT to FILE, to be read elsewhere; - is standard output.

    \b
    Example:
      archivecolor decisions export coloured/ decided.jsonl
    """
    from archivecolor.archive.decision import line_of
    from archivecolor.jobs.decisions import decisions_to_export, export_decisions

    if settings.file == Path("-"):
        sys.stdout.buffer.writelines(map(line_of, decisions_to_export(settings.output)))
        sys.stdout.buffer.flush()
        return ExitCode.OK
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
        then = "; the next run carries them out" if merged.taken else ""
        click.echo(f"decisions: {len(merged.taken)} taken, {len(merged.conflicts)} differed{then}", err=True)
    return ExitCode.OK


@command_for(DecisionUndoSettings, "undo")
def undo(settings: DecisionUndoSettings) -> ExitCode:
    r"""Undo the newest decision about each PATH: what held before holds again. Each time goes a step back.

    The next run carries it out, and gives the bytes from before.

    \b
    Example:
      archivecolor decisions undo coloured/ album/anna.jpg
    """
    from archivecolor.jobs.decisions import undo_decisions

    undone = undo_decisions(settings)
    if not settings.quiet:
        for decision in undone:
            click.echo(printable(f"decisions: {words_of(decision)}"), err=True)
        click.echo(f"decisions: {len(undone)} undone; the next run carries it out", err=True)
    return ExitCode.OK


class _ListingGroup(click.Group):
    """A folder in the place of a command is listed."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with."""
        if args[0] in self.commands or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        if not Path(args[0]).is_dir():
            near = nearest(args[0], self.commands)
            ctx.fail(f"there is no folder {quoted(args[0])}, and no command of that name{near}")
        return super().resolve_command(ctx, ["list", *args])


command = _ListingGroup(
    "decisions",
    commands={"list": list_command, "undo": undo, "export": export, "import": import_command},
    help="List what was decided about items (`decisions OUT` does), undo it, or pass it on.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
