"""`archivecolor serve`: anyone's pictures coloured in a browser."""

from __future__ import annotations

import click

from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode
from archivecolor.settings import ServeSettings


@command_for(ServeSettings, "serve")
def command(settings: ServeSettings) -> ExitCode:
    r"""Colour pictures that are dropped on a page: see them, mend them, download them.

    Prints the address to open, and serves it on this machine alone until Ctrl-C. What visitors bring is
    forgotten when they end their session or ask for nothing for long, and when the program ends.

    \b
    Example:
      archivecolor serve --open
    """
    from archivecolor.web.serving import check_installed

    check_installed()
    from archivecolor.web.serve import run_serve

    return run_serve(settings, click.echo)
