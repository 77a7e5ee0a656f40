"""`archivecolor doctor`: what this machine has for colouring."""

from __future__ import annotations

import click

from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode
from archivecolor.printable import printable
from archivecolor.settings import DoctorSettings


@command_for(DoctorSettings, "doctor")
def command(settings: DoctorSettings) -> ExitCode:
    """Say which device and weights would be used, and which helper programs are there.

    Ends with 4 when photographs could not be coloured.
    """
    from archivecolor.jobs.doctor import examine

    findings = examine(settings)
    for finding in findings:
        state = "ok" if finding.ok else ("MISSING" if finding.needed else "missing")
        click.echo(printable(f"{finding.name:13}{state:9}{finding.detail}"))
    unusable = any(finding.needed and not finding.ok for finding in findings)
    return ExitCode.UNAVAILABLE if unusable else ExitCode.OK
