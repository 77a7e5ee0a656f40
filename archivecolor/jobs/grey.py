"""The colour taken off a tree again: every picture as grey, under its own name."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass, replace

from archivecolor.archive.bag import payload_of
from archivecolor.archive.durable import replacing, sweep_parts
from archivecolor.archive.folders import check_folders, prepare_output, spare_source
from archivecolor.archive.lock import locked
from archivecolor.archive.record import printable_text
from archivecolor.archive.walk import PassedOver, walk
from archivecolor.engine.progress import Ending, Listener, News, Tally
from archivecolor.engine.stages import Done, Failed, Pool, Settled, over_workers
from archivecolor.engine.stopping import Stop, listening
from archivecolor.engine.workers import WorkerOptions, Workers, core_count
from archivecolor.errors import ExitCode
from archivecolor.jobs.tasks import prepare_worker
from archivecolor.photo.grey import Decoloured, take_colour_off
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


def grey_folder(settings: GreySettings, listener: Listener) -> Ending:
    """Write every picture of a tree as grey into another tree.

    A picture that cannot be read costs itself. Nothing is remembered: the same call does all again.

    Raises:
        UsageError: folders that cannot be; nothing was done.
        OutputError: the output cannot be written.
        LockedError: another run holds the output.
    """
    check_folders(settings.input, settings.output)
    settings = replace(settings, input=payload_of(settings.input))
    prepare_output(settings.output)
    with listening(Stop()) as stop, locked(settings.output):
        sweep_parts(settings.output)
        found = walk(settings.input, SelectionOptions(), PassedOver())
        tasks: list[GreyTask | Settled[None]] = [GreyTask(file.path, settings) for file in found]
        tally = Tally(total=len(tasks), unit="pictures")
        listener.began(tally.now())
        with Workers(worker_options(settings)) as workers:
            pool = Pool(workers, stop, window=2 * workers.options.count)
            with closing(over_workers(pool, make_grey, tasks)) as answers:
                for answer in answers:
                    news = news_of(answer)
                    listener.settled(news, tally.add(news))
        return Ending(tally.now(), exit_code(tally, stop))


def worker_options(settings: GreySettings) -> WorkerOptions:
    """As many workers as asked for."""
    return WorkerOptions(count=settings.jobs or core_count(), start=prepare_worker)


def make_grey(task: GreyTask) -> Decoloured:
    """Write one picture as grey; runs in a worker.

    Raises:
        ItemError: it cannot be read.
        OutputError: the output folder cannot be written.
    """
    source, target = task.settings.input / task.path, task.settings.output / task.path
    spare_source(source, target)
    with replacing(target) as part:
        return take_colour_off(source, part)


def news_of(answer: Done[GreyTask, Decoloured] | Failed[GreyTask] | Settled[None]) -> News:
    """What became of one picture, as listeners are told."""
    if isinstance(answer, Done):
        record = {"path": printable_text(answer.item.path), "status": "done", **asdict(answer.value)}
        return News(answer.item.path, "done", "grey", "", 1.0, record)
    assert isinstance(answer, Failed)  # nothing settles before this only stage
    reason, detail = answer.error.reason.value, answer.error.detail
    record = {
        "path": printable_text(answer.item.path),
        "status": "failed",
        "reason": reason,
        "detail": detail,
    }
    return News(answer.item.path, "failed", reason, detail, 0.0, record)


def exit_code(tally: Tally, stop: Stop) -> ExitCode:
    """What the process answers."""
    if stop.exit_code is not None:
        return stop.exit_code
    return ExitCode.SOME_FAILED if tally.now().failed else ExitCode.OK
