"""`archivecolor verify`: a coloured tree held against its manifest."""

from __future__ import annotations

import click

from archivecolor.cli.options import command_for
from archivecolor.cli.terminal import terminal_for
from archivecolor.errors import ExitCode
from archivecolor.printable import printable
from archivecolor.settings import VerifySettings


@command_for(VerifySettings, "verify")
def command(settings: VerifySettings) -> ExitCode:
    r"""Check every file of the coloured tree OUT against its manifest.

    Prints every fault, one a line: files that are missing, changed or extra, and with --sources
    sources that are missing or changed. Exit code 6 where there is one.

    \b
    Example:
      archivecolor verify coloured/ --sources scans/
    """
    from archivecolor.jobs.verify import Fault, verify_folder

    def show(fault: Fault) -> None:
        if not settings.json:
            tail = f"  ({fault.detail})" if fault.detail else ""
            click.echo(printable(f"{fault.kind.value:17} {fault.path}{tail}"))

    with terminal_for(settings, "verify") as terminal:
        return terminal.finish(verify_folder(settings, terminal, show))
