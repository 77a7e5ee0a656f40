"""`archivecolor verify`: a coloured tree compared with its manifest."""

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
    sources that are missing or changed. Exit code 6 where there is one. Outputs that somebody changed by
    hand, as a run found, derivatives that earlier formats left and what a run that goes on is making are
    listed too, and are no faults.

    \b
    Example:
      archivecolor verify coloured/ --sources scans/
    """
    from archivecolor.jobs.findings import Finding
    from archivecolor.jobs.verify import verify_folder

    def show(finding: Finding) -> None:
        if not settings.json and (finding.kind.is_fault or not settings.quiet):
            tail = f"  ({finding.detail})" if finding.detail else ""
            click.echo(printable(f"{finding.kind.value:17} {finding.path}{tail}"))

    # Each fault is a line of standard output, or a record there.
    with terminal_for(settings, "verify", tells_failures=False) as terminal:
        return terminal.finish(verify_folder(settings, terminal, show))
