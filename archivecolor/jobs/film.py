"""One film, with its end as a value or an error: what the API does for a single file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.bag import content_root_for_run
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.record import Record
from archivecolor.engine.progress import Listener
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ExitCode, ItemError, Reason, StoppedError, UsageError
from archivecolor.jobs.colour import colour
from archivecolor.jobs.film_jobs import named_film
from archivecolor.settings import VideoSettings

if TYPE_CHECKING:
    from distributed import Client


def output_folder_of(settings: VideoSettings) -> Path:
    """The folder that the one film of `settings` is written into."""
    named = named_film(settings)
    if named is not None:
        return named.parent
    return settings.output or settings.input[0].parent


def colour_one_film(
    settings: VideoSettings, listener: Listener, stop: Stop, executor: Client | None = None
) -> tuple[Path | None, Record]:
    """Colour the one film of `settings`; gives its path (None where it was left alone) and its record.

    Args:
        settings: of the run.
        listener: who is told of every frame.
        stop: says when to end.
        executor: as `colour`.

    Raises:
        ItemError: it cannot be done.
        StoppedError: `stop` ended the run before it was done.
        UsageError: the options leave the film out, or as `colour`.
        UnavailableError, OutputError, LockedError: as `colour`.
    """
    (film,) = settings.input
    result = colour(settings, listener, stop, executor=executor)
    root = content_root_for_run(output_folder_of(settings), bag=settings.bag)
    manifest = Manifest(Layout(root).manifest)
    if result.progress.left:
        raise StoppedError(stop.exit_code or ExitCode.INTERRUPTED)
    if film.name not in manifest:
        raise UsageError(f"{film} was not taken: an option such as include, min_age or shard leaves it out")
    record = manifest.record(film.name)
    if record.output is None and record.status.value == "failed":
        raise ItemError(Reason(record.reason), record.detail)
    return None if record.output is None else root / record.output.path, record
