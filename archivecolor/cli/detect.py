"""`archivecolor detect`: whether colour is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from archivecolor.archive.record import escape_non_utf8
from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode, UsageError
from archivecolor.printable import json_text, printable
from archivecolor.settings import DetectSettings

if TYPE_CHECKING:
    from archivecolor.jobs.detect import Detected


@command_for(DetectSettings, "detect")
def command(settings: DetectSettings) -> ExitCode:
    r"""Say whether the colour of pictures and films was invented by this program.

    By their credentials, by their XMP, and by the colour itself, which needs no mark: the network is asked
    what it says of the picture's grey. Where none of them says so nobody can tell: true colour is not proved.

    \b
    Examples:
      archivecolor detect found-on-the-web.jpg
      archivecolor detect *.jpg --json
      archivecolor detect retouched.png --map where.png
    """
    from archivecolor.jobs.detect import detect
    from archivecolor.jobs.detect_map import check_map, draw_map

    if settings.map is not None:
        if len(settings.file) != 1:
            raise UsageError("--map draws one picture; give one file with it")
        check_map(settings.map)
    exit_code = ExitCode.OK
    for found in detect(settings):
        if found.trouble is not None:
            exit_code = ExitCode.SOME_FAILED
        elif settings.map is not None:
            draw_map(settings.map, found)
        click.echo(json_text(values_of(found)) if settings.json else printable(words_of(found)))
    return exit_code


def words_of(found: Detected) -> str:
    """A line for people."""
    if found.trouble is not None:
        return f"{found.file}: cannot be read: {found.trouble.detail}"
    sure = "it is grey" if found.score is None else f"its colour scores {found.score:.2f}"
    if not found.recognised:
        return f"{found.file}: cannot tell; {sure}"
    weights = f", weights {found.weights[:16]}" if found.weights else ""
    return f"{found.file}: coloured by archivecolor{weights}; by {', '.join(found.evidence)}; {sure}"


def values_of(found: Detected) -> dict[str, object]:
    """The same for programs."""
    values: dict[str, object] = {"file": escape_non_utf8(str(found.file)), "recognised": found.recognised}
    if found.trouble is not None:
        return values | {"trouble": escape_non_utf8(found.trouble.detail)}
    return values | {
        "weights": found.weights or None,
        "score": found.score,
        "evidence": list(found.evidence),
    }
