"""`archivecolor merge`: outputs that were made apart, put together."""

from __future__ import annotations

import sys

import click

from archivecolor.cli.options import command_for
from archivecolor.cli.terminal import terminal_for
from archivecolor.engine.stopping import Stop, stop_on_signals
from archivecolor.errors import ExitCode
from archivecolor.printable import printable
from archivecolor.settings import MergeSettings


@command_for(MergeSettings, "merge")
def command(settings: MergeSettings) -> ExitCode:
    r"""Put coloured trees that were made apart together into OUT: shares of one archive, or several archives.

    Manifest, digests, PREMIS files, decisions and the account of runs come along, and bags stay bags. Nothing
    in OUT is written over: of what two trees hold otherwise, the first stays, the other is listed and left
    where it is (exit code 3). The same command again brings over what is new.

    \b
    Example:
      archivecolor merge coloured-1/ coloured-2/ coloured-3/ coloured/
    """
    from archivecolor.jobs.merge import Remark, merge_shares

    def show(remark: Remark) -> None:
        if not settings.json and (remark.is_failure or not settings.quiet):
            word = "not merged" if remark.is_failure else "left"
            click.echo(printable(f"{word:10}  {remark.share}: {remark.path}  ({remark.detail})"))

    with stop_on_signals(Stop()) as stop, terminal_for(settings, "merge") as terminal:
        return terminal.finish(merge_shares(settings, terminal, show, stop, tuple(sys.argv)))
