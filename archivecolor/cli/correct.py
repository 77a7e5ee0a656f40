"""`archivecolor correct`: what people decide about photographs."""

from __future__ import annotations

import sys

import click

from archivecolor.cli.options import command_for
from archivecolor.cli.terminal import terminal_for
from archivecolor.engine.stopping import GRACE_SECONDS, Stop, stop_on_signals
from archivecolor.errors import ExitCode
from archivecolor.printable import printable
from archivecolor.settings import CorrectSettings


@command_for(CorrectSettings, "correct")
def command(settings: CorrectSettings) -> ExitCode:
    r"""Tell the colour of places in pictures of OUT, or accept or reject what was made of them.

    PATH is a picture, or a glob of them. What is decided stands in OUT/_archivecolor/decisions.jsonl and
    holds in every later run. The pictures are made anew at once, with the options of the last
    run, each in the format that it has.

    \b
    Example:
      archivecolor correct coloured/ album/anna.jpg --hint 35%,60%=navy --note "a letter says so"
    """
    from archivecolor.jobs.correct import correct

    with stop_on_signals(Stop(), GRACE_SECONDS) as stop, terminal_for(settings, "correct") as terminal:
        corrected = correct(settings, terminal, stop, tuple(sys.argv))
        if not settings.quiet:
            for remark in corrected.remarks:
                click.echo(printable(f"correct: {remark}"), err=True)
            for output in corrected.outputs:
                click.echo(printable(f"correct: {output}"), err=True)
        if corrected.result is not None:
            return terminal.finish(corrected.result)
        if not settings.quiet:
            count = len(corrected.names)
            items = "1 picture or film" if count == 1 else f"{count} pictures"
            click.echo(f"correct: {items} decided about; the next run carries it out", err=True)
        return ExitCode.OK
