"""`archivecolor dir`: a folder of photographs."""

from __future__ import annotations

import sys

from archivecolor.cli.forecast import show_forecast
from archivecolor.cli.options import command_for
from archivecolor.cli.report import check_report, report_after_run
from archivecolor.cli.terminal import terminal_for
from archivecolor.engine.stopping import GRACE_SECONDS, Stop, stop_on_signals
from archivecolor.errors import ExitCode
from archivecolor.settings import DirSettings


@command_for(DirSettings, "dir")
def command(settings: DirSettings) -> ExitCode:
    r"""Colour the photographs of the folder IN into the folder OUT.

    Names and subfolders stay. What is up to date is left alone, so the same command again does only what
    is missing. OUT/_archivecolor holds the manifest: what became of every picture, and why.

    \b
    Example:
      archivecolor dir scans/ coloured/
    """
    from archivecolor.jobs.colour import colour
    from archivecolor.jobs.watch import watch

    if settings.dry_run:
        return show_forecast(settings)
    check_report(settings, settings.output, (settings.input,))
    job = watch if settings.watch else colour
    with (
        stop_on_signals(Stop(settings.max_runtime), GRACE_SECONDS) as stop,
        terminal_for(settings, "dir") as terminal,
    ):
        code = terminal.finish(job(settings, terminal, stop, tuple(sys.argv)))
    return report_after_run(settings, settings.output, code)
