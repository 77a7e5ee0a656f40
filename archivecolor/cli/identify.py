"""`archivecolor identify`: the way back from a copy to the scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from archivecolor.archive.record import escape_non_utf8
from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode
from archivecolor.printable import json_text, printable
from archivecolor.settings import IdentifySettings

if TYPE_CHECKING:
    from archivecolor.archive.fingerprint_index import Match
    from archivecolor.jobs.identify import Identified


@command_for(IdentifySettings, "identify")
def command(settings: IdentifySettings) -> ExitCode:
    r"""Say which scan of an archive pictures come from, whatever became of them on their way.

    Goes by their grey alone: another size, JPEG, lost metadata, changed colours and small cuts do not matter.

    \b
    Examples:
      archivecolor identify found-on-the-web.jpg --archive coloured/
      archivecolor identify *.jpg --archive coloured/ --json
    """
    from archivecolor.jobs.identify import identify

    exit_code = ExitCode.OK
    for found in identify(settings):
        if found.trouble is not None:
            exit_code = ExitCode.SOME_FAILED
        click.echo(json_text(values_of(found)) if settings.json else printable(words_of(found)))
    return exit_code


def words_of(found: Identified) -> str:
    """A line for people."""
    if found.trouble is not None:
        return f"{found.file}: cannot be read: {found.trouble.detail}"
    if found.matches:
        first, *more = found.matches
        like = f"; or {', '.join(match.record.path for match in more)}, which look alike" if more else ""
        return f"{found.file}: {_words_of_match(first)}{like}"
    if found.near:
        return f"{found.file}: cannot tell; nearest: {', '.join(match.record.path for match in found.near)}"
    return f"{found.file}: not of this archive"


def _words_of_match(match: Match) -> str:
    record = match.record
    page = f", page {match.page}" if len(record.fingerprints) > 1 else ""
    made = f"; coloured {record.at[:10]} as {record.output.path}" if record.output is not None else ""
    notes = (record.correction or {}).get("note")
    return f"{record.path}{page}{made}{f'; note: {notes}' if notes else ''}"


def values_of(found: Identified) -> dict[str, object]:
    """The same for programs."""
    values: dict[str, object] = {"file": escape_non_utf8(str(found.file)), "found": bool(found.matches)}
    if found.trouble is not None:
        return values | {"trouble": escape_non_utf8(found.trouble.detail)}
    return values | {"matches": [_values_of_match(match) for match in found.matches or found.near]}


def _values_of_match(match: Match) -> dict[str, object]:
    record, output = match.record, match.record.output
    return {
        "path": escape_non_utf8(record.path),
        "page": match.page,
        "distance": match.distance,
        "output": None if output is None else escape_non_utf8(output.path),
        "source_sha256": record.source.sha256,
        "output_sha256": None if output is None else output.sha256,
        "weights": record.weights,
        "decision": record.decision,
        "correction": record.correction,
        "at": record.at,
    }
