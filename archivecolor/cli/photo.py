"""`archivecolor photo`: photographs by name, from standard input, to standard output."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from archivecolor.archive.layout import CREDENTIALS_SUFFIX
from archivecolor.cli.options import command_for
from archivecolor.cli.terminal import event_line, terminal_for
from archivecolor.engine.progress import ItemEvent
from archivecolor.engine.stopping import GRACE_SECONDS, Stop, stop_on_signals
from archivecolor.errors import ExitCode, UsageError
from archivecolor.printable import printable
from archivecolor.settings import PhotoSettings

STREAM = Path("-")


@command_for(PhotoSettings, "photo")
def command(settings: PhotoSettings) -> ExitCode:
    r"""Colour photographs, each into NAME-colour beside it.

    Nothing is written over but what this program made itself, and that only with --overwrite; what is there
    already with the same settings is left as it is. Pictures that are in colour already are copied.

    \b
    Examples:
      archivecolor photo scan.jpg                  scan-colour.jpg beside it
      archivecolor photo scans/*.tif -o coloured/  each under its own name
      archivecolor photo scan.tif -o print.jpg
      cat scan.jpg | archivecolor photo - > coloured.jpg
    """
    from archivecolor.jobs.named_photographs import colour_named

    with (
        _streams_as_files(settings) as plan,
        stop_on_signals(Stop(), GRACE_SECONDS) as stop,
        terminal_for(settings, "photo", partial(_line_of, plan)) as terminal,
    ):
        result = colour_named(plan.settings, terminal, stop, plan.names)
        _write_standard_output(plan)
        return terminal.finish(result)


@dataclass(frozen=True)
class _Plan:
    """A run whose inputs and outputs are all files.

    Attributes:
        settings: with files in the place of streams.
        names: what those files are called in records.
        standard_output: the folder whose one file goes to standard output; None where nothing does.
    """

    settings: PhotoSettings
    names: dict[Path, str] = field(default_factory=dict)
    standard_output: Path | None = None


@contextmanager
def _streams_as_files(settings: PhotoSettings) -> Iterator[_Plan]:
    """Put files of a temporary folder in the place of standard input and output."""
    reads = STREAM in settings.input
    writes = settings.output == STREAM or (reads and settings.output is None)
    if not reads and not writes:
        yield _Plan(settings)
        return
    _refuse_mixed_streams(settings, reads=reads, writes=writes)
    with tempfile.TemporaryDirectory(prefix="archivecolor-") as name:
        folder = Path(name)
        names = {}
        if reads:
            source = folder / "standard-input"
            with source.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            settings = replace(settings, input=(source,))
            names[source] = "-"
        standard_output = folder / "out" if writes else None
        if standard_output is not None:
            settings = replace(settings, output=standard_output)
        yield _Plan(settings, names, standard_output)


def _refuse_mixed_streams(settings: PhotoSettings, *, reads: bool, writes: bool) -> None:
    if len(settings.input) > 1:
        raise UsageError("standard input and output take one photograph at a time")
    if writes and settings.json:
        raise UsageError("--json and the picture cannot both go to standard output; give --output FILE")
    if writes and settings.open:
        raise UsageError(
            "--open opens the folder of what was written, and the picture goes to standard output"
        )
    if writes and sys.stdout.isatty():
        raise UsageError("the picture would go to this terminal; give --output FILE, or `> FILE`")
    if reads and sys.stdin.isatty():
        raise UsageError("- is a picture from standard input, and nothing is piped into it")


def _line_of(plan: _Plan, event: ItemEvent) -> str:
    """Which file a photograph became."""
    output = event.record.get("output")
    if not isinstance(output, dict):
        return "" if event.status == "failed" else event_line(event)
    target = "standard output" if plan.standard_output else output["path"]
    note = f"  ({event.detail})" if event.detail else ""
    return printable(f"{event.path} -> {target}{note}")


def _write_standard_output(plan: _Plan) -> None:
    if plan.standard_output is None or not plan.standard_output.exists():
        return
    if any(path.suffix == CREDENTIALS_SUFFIX for path in plan.standard_output.iterdir()):
        raise UsageError(
            "a picture of this format does not hold its credentials, and they cannot follow it to standard "
            "output; give --output FILE, or --format png"
        )
    for path in plan.standard_output.iterdir():
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()
