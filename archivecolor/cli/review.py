"""`archivecolor review`: an output folder looked through in a browser."""

from __future__ import annotations

import click

from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode
from archivecolor.printable import printable
from archivecolor.settings import ReviewSettings


@command_for(ReviewSettings, "review")
def command(settings: ReviewSettings) -> ExitCode:
    r"""Look through the pictures of OUT in a browser: accept, reject, and mend the colour of places.

    Prints the address to open, and serves it on this machine alone until Ctrl-C. What is decided is what
    `archivecolor correct` decides; a run may go on beside it.

    \b
    Example:
      archivecolor review coloured/ --open --by "Anna Berg"
    """
    from archivecolor.web.serving import check_installed

    check_installed()
    from archivecolor.web.review import run_review

    def say(text: str) -> None:
        if not settings.quiet:
            click.echo(printable(f"review: {text}"), err=True)

    return run_review(settings, click.echo, say)
