"""`archivecolor video`: films."""

from __future__ import annotations

import sys
from functools import partial

from archivecolor.cli.forecast import show_forecast
from archivecolor.cli.options import command_for
from archivecolor.cli.report import check_report, report_after_run
from archivecolor.cli.terminal import event_line, terminal_for
from archivecolor.engine.progress import ItemEvent
from archivecolor.engine.stopping import GRACE_SECONDS, Stop, stop_on_signals
from archivecolor.errors import ExitCode, UsageError
from archivecolor.printable import printable
from archivecolor.settings import VideoSettings


@command_for(VideoSettings, "video")
def command(settings: VideoSettings) -> ExitCode:
    r"""Colour films: steady, with their sound, their timing and all their streams.

    The coloured film NAME-colour lies beside its source, or in the folder of --output under the source's
    name. A run that was interrupted goes on where it left off when the same command is given again.

    \b
    Examples:
      archivecolor video film.mp4
      archivecolor video reels/ -o coloured/ --codec ffv1
      archivecolor video film.mp4 --only-shots 3,7-9 --plan plan.toml
    """
    from archivecolor.jobs.colour import colour

    if settings.report is not None and settings.output is None:
        raise UsageError("--report tells of an output folder; give one with --output FOLDER")
    if settings.is_preview:
        return _preview(settings)
    if settings.dry_run:
        return show_forecast(settings)
    if settings.output is not None:
        check_report(settings, settings.output, settings.input)
    line_of = partial(_line_of, settings)
    with (
        stop_on_signals(Stop(settings.max_runtime), GRACE_SECONDS) as stop,
        terminal_for(settings, "video", line_of) as terminal,
    ):
        code = terminal.finish(colour(settings, terminal, stop, tuple(sys.argv)))
    return code if settings.output is None else report_after_run(settings, settings.output, code)


def _preview(settings: VideoSettings) -> ExitCode:
    """Make a film of a part."""
    from archivecolor.jobs.preview_film import preview_film

    if settings.dry_run:
        raise UsageError("--dry-run is for whole films; leave it or --from, --to and --only-shots out")
    with (
        stop_on_signals(Stop(settings.max_runtime), GRACE_SECONDS) as stop,
        terminal_for(settings, "video", _preview_line) as terminal,
    ):
        return terminal.finish(preview_film(settings, terminal, stop))


def _preview_line(event: ItemEvent) -> str:
    """Which file the preview is."""
    return printable(f"{event.path} -> {event.record['preview']}") if event.status == "done" else ""


def _line_of(settings: VideoSettings, event: ItemEvent) -> str:
    """Which file a film became that was given by itself; "" for films of a folder, which may be many."""
    from archivecolor.archive.bag import content_root_for_run
    from archivecolor.jobs.film import output_folder_of

    output = event.record.get("output")
    if len(settings.input) > 1 or settings.input[0].is_dir():
        return ""
    if event.status != "done" or not isinstance(output, dict):
        return "" if event.status == "failed" else event_line(event)
    root = content_root_for_run(output_folder_of(settings), bag=settings.bag)
    return printable(f"{settings.input[0]} -> {root / output['path']}")
