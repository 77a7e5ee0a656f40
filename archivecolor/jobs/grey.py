"""The colour taken off a tree again: every picture as grey, under its own name."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass, replace

from archivecolor.archive.atomic import atomic_write, remove_stale_parts
from archivecolor.archive.bag import content_root
from archivecolor.archive.folders import check_folders, prepare_output, refuse_source_as_target
from archivecolor.archive.lock import locked
from archivecolor.archive.record import escape_non_utf8
from archivecolor.archive.walk import SkippedFiles, walk
from archivecolor.engine.progress import ItemEvent, Listener, ProgressCounter, RunResult
from archivecolor.engine.stages import Done, Failed, Settled, StageContext, map_in_workers
from archivecolor.engine.stopping import Stop, stop_on_signals
from archivecolor.engine.workers import WorkerOptions, Workers, core_count
from archivecolor.errors import ExitCode
from archivecolor.jobs.photograph_tasks import init_worker
from archivecolor.photo.grey import GreyImage, write_grey
from archivecolor.settings import GreySettings, SelectionOptions


@dataclass(frozen=True)
class GreyTask:
    """One picture to take the colour off.

    Attributes:
        path: relative to both folders.
        settings: of the run.
    """

    path: str
    settings: GreySettings


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
    prepare_output(settings.output)
    with stop_on_signals(Stop()) as stop, locked(settings.output):
        remove_stale_parts(settings.output)
        skipped_files = SkippedFiles()
        found = walk(settings.input, SelectionOptions(), skipped_files)
        tasks: list[GreyTask | Settled[None]] = [GreyTask(file.path, settings) for file in found]
        counter = ProgressCounter(total=len(tasks), unit="pictures")
        listener.began(counter.snapshot())
        with Workers(worker_options(settings)) as workers:
            stage = StageContext(workers, stop, window=2 * workers.options.count)
            with closing(map_in_workers(stage, take_one_colour_off, tasks)) as outcomes:
                for outcome in outcomes:
                    event = item_event(outcome)
                    listener.settled(event, counter.add(event))
        code = exit_code(counter, skipped_files, stop)
        return RunResult(counter.snapshot(), code, skipped_files.summary())


def worker_options(settings: GreySettings) -> WorkerOptions:
    """As many workers as asked for."""
    return WorkerOptions(count=settings.jobs or core_count(), initializer=init_worker)


def take_one_colour_off(task: GreyTask) -> GreyImage:
    """Write one picture as grey; runs in a worker.

    Raises:
        ItemError: it cannot be read.
        OutputError: the output folder cannot be written.
    """
    source, target = task.settings.input / task.path, task.settings.output / task.path
    refuse_source_as_target(source, target)
    with atomic_write(target) as part:
        return write_grey(source, part)


def item_event(outcome: Done[GreyTask, GreyImage] | Failed[GreyTask] | Settled[None]) -> ItemEvent:
    """What became of one picture, as listeners are told."""
    if isinstance(outcome, Done):
        record = {"path": escape_non_utf8(outcome.item.path), "status": "done", **asdict(outcome.value)}
        return ItemEvent(outcome.item.path, "done", "grey", "", 1.0, record)
    assert isinstance(outcome, Failed)  # nothing settles before this only stage
    reason, detail = outcome.error.reason.value, outcome.error.detail
    record = {
        "path": escape_non_utf8(outcome.item.path),
        "status": "failed",
        "reason": reason,
        "detail": detail,
    }
    return ItemEvent(outcome.item.path, "failed", reason, detail, 0.0, record)


def exit_code(counter: ProgressCounter, skipped_files: SkippedFiles, stop: Stop) -> ExitCode:
    """What the process answers."""
    if stop.exit_code is not None:
        return stop.exit_code
    failed = counter.snapshot().failed or skipped_files.pictures_may_be_missing
    return ExitCode.SOME_FAILED if failed else ExitCode.OK
