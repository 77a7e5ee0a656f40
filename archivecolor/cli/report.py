"""`archivecolor report`: an output folder as pages to show around."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from archivecolor.cli.options import command_for
from archivecolor.cli.terminal import terminal_for
from archivecolor.engine.stopping import Stop, stop_on_signals
from archivecolor.errors import ExitCode
from archivecolor.printable import printable
from archivecolor.settings import ColourOptions, ReportSettings, dataclass_from


@command_for(ReportSettings, "report")
def command(settings: ReportSettings) -> ExitCode:
    r"""Write what became of OUT as pages that any browser reads, from a disk or from a web server.

    Figures first, then all pictures, grey and coloured under a slider, the most doubtful first; films as a
    frame of every shot; what was skipped or failed, and why. The same command again makes only what is new.

    \b
    Examples:
      archivecolor report coloured/
      archivecolor report coloured/ -o pages/ --sample 200
    """
    return _written(settings)


def _written(settings: ReportSettings) -> ExitCode:
    from archivecolor.web.report import report_folder, write_report

    def say(text: str) -> None:
        if not settings.quiet:
            click.echo(printable(f"report: {text}"), err=True)

    with stop_on_signals(Stop()) as stop, terminal_for(settings, "report") as terminal:
        code = terminal.finish(write_report(settings, terminal, stop, say))
        if code is ExitCode.OK and not settings.quiet:
            click.echo(printable(report_folder(settings) / "index.html"))
        return code


def check_report(settings: ColourOptions, output: Path, sources: Iterable[Path]) -> None:
    """Refuse the report that a run asks for where it has no place, before the run. Raises `UsageError`."""
    if settings.report is not None:
        from archivecolor.jobs.report_folder import check_report_folder

        check_report_folder(settings.report, output, (folder for folder in sources if folder.is_dir()))


def report_after_run(settings: ColourOptions, output: Path, code: ExitCode) -> ExitCode:
    """The report that a run of these settings asks for, if it does; the exit code of both."""
    if settings.report is None or code not in (ExitCode.OK, ExitCode.SOME_FAILED):
        return code
    # Standard output has had the records of the run.
    values = vars(settings) | {"output": output, "folder": settings.report, "log_file": None, "json": False}
    return max(code, _written(dataclass_from(ReportSettings, values)))
