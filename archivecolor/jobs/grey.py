"""The colour taken off a tree again: every picture as grey, under its own name."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, replace
from functools import partial

from archivecolor.archive.atomic import atomic_write, remove_stale_parts
from archivecolor.archive.bag import content_root
from archivecolor.archive.folders import (
    SourceIdentities,
    check_folders,
    prepare_output,
    refuse_source_as_target,
)
from archivecolor.archive.lock import locked
from archivecolor.archive.output_folder import held_folders
from archivecolor.archive.record import escape_non_utf8
from archivecolor.archive.walk import SkippedFiles, walk
from archivecolor.engine.executor import core_count
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.engine.progress import ItemEvent, Listener, ProgressCounter, RunResult
from archivecolor.engine.stages import Done, Failed, Settled, StageContext, map_in_workers
from archivecolor.engine.stopping import Stop, stop_on_signals
from archivecolor.errors import ExitCode
from archivecolor.jobs.photograph_tasks import init_worker
from archivecolor.photo.grey import GreyImage, write_grey
from archivecolor.settings import GreySettings, SelectionOptions


def grey_folder(settings: GreySettings, listener: Listener) -> RunResult:
    """Write every picture of a tree as grey into another tree.

    A picture that cannot be read costs itself. Nothing is remembered: the same call does all again.

    Raises:
        UsageError: folders that cannot be; nothing was done.
        OutputError: the output cannot be written.
        LockedError: another run holds the output.
    """
    check_folders(settings.input, settings.output)
    settings = replace(settings, input=content_root(settings.input))
    prepare_output(settings.output, settings.input)
    with stop_on_signals(Stop()) as stop, locked(settings.output, sources=settings.input):
        remove_stale_parts(settings.output)
        identities = SourceIdentities(settings.input, settings.output)
        found = list(identities.watch(walk(settings.input, SelectionOptions(), SkippedFiles())))
        identities.refuse_as_targets(file.path for file in found)
        paths: list[str | Settled[None]] = [file.path for file in found]
        counter = ProgressCounter(total=len(paths), unit="pictures")
        listener.began(counter.snapshot())
        with LocalExecutor(worker_options(settings), settings) as executor:
            stage = StageContext(executor, stop, window=2 * executor.count)
            with closing(map_in_workers(stage, take_one_colour_off, paths)) as outcomes:
                for outcome in outcomes:
                    event = item_event(outcome)
                    listener.settled(event, counter.add(event))
        return RunResult(counter.snapshot(), exit_code(counter, stop))


def worker_options(settings: GreySettings) -> WorkerOptions:
    """As many workers as asked for."""
    return WorkerOptions(
        count=settings.jobs or core_count(), initializer=partial(init_worker, held_folders())
    )


def take_one_colour_off(settings: GreySettings, path: str) -> GreyImage:
    """Write one picture as grey; runs in a worker.

    Raises:
        ItemError: it cannot be read.
        OutputError: the output folder cannot be written.
    """
    source, target = settings.input / path, settings.output / path
    refuse_source_as_target(source, target)
    with atomic_write(target, source) as part:
        return write_grey(source, part)


def item_event(outcome: Done[str, GreyImage] | Failed[str] | Settled[None]) -> ItemEvent:
    """What became of one picture, as listeners are told."""
    if isinstance(outcome, Done):
        record = {"path": escape_non_utf8(outcome.item), "status": "done", **asdict(outcome.value)}
        return ItemEvent(outcome.item, "done", "grey", "", 1.0, record)
    assert isinstance(outcome, Failed)  # nothing settles before this only stage
    reason, detail = outcome.error.reason.value, outcome.error.detail
    record = {
        "path": escape_non_utf8(outcome.item),
        "status": "failed",
        "reason": reason,
        "detail": detail,
    }
    return ItemEvent(outcome.item, "failed", reason, detail, 0.0, record)


def exit_code(counter: ProgressCounter, stop: Stop) -> ExitCode:
    """What the process answers."""
    if stop.exit_code is not None:
        return stop.exit_code
    return ExitCode.SOME_FAILED if counter.snapshot().failed else ExitCode.OK
