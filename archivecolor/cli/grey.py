"""`archivecolor grey`: the colour taken off again."""

from __future__ import annotations

import sys

from archivecolor.cli.forecast import show_forecast
from archivecolor.cli.options import command_for
from archivecolor.cli.terminal import terminal_for
from archivecolor.engine.stopping import GRACE_SECONDS, Stop, stop_on_signals
from archivecolor.errors import ExitCode
from archivecolor.settings import GreySettings


@command_for(GreySettings, "grey")
def command(settings: GreySettings) -> ExitCode:
    r"""Take the colour off the tree IN, made by `archivecolor dir`, and write the grey into OUT.

    The grey is the scan's own: a JPEG's luma coefficients, or code for code at 8 and 16 bits.
    Pictures in colour that this program did not colour are left alone, but with --any-colour.

    \b
    Example:
      archivecolor grey coloured/ back/
    """
    from archivecolor.jobs.grey import grey_folder

    if settings.dry_run:
        return show_forecast(settings)
    with (
        stop_on_signals(Stop(settings.max_runtime), GRACE_SECONDS) as stop,
        terminal_for(settings, "grey") as terminal,
    ):
        return terminal.finish(grey_folder(settings, terminal, stop, tuple(sys.argv)))
