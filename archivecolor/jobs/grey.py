"""The colour taken off a tree again: every picture as grey, under its own name.

Colour that neither the tree's records nor a picture's own mark say to be ours is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.bag import content_root
from archivecolor.archive.by_hand import make_way, refuse_by_hand
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import check_folders, refuse_source_as_target
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.output_folder import held_folders
from archivecolor.archive.passed_over import passed_over_list
from archivecolor.archive.plan import Item
from archivecolor.archive.record import Output, Record, Source, Status
from archivecolor.engine.executor import Executor, core_count
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.engine.progress import Listener, RunResult
from archivecolor.engine.stages import Done, Failed, Settled, StageContext, map_in_workers
from archivecolor.engine.stopping import Stop
from archivecolor.errors import Reason
from archivecolor.jobs.items import GREY, ItemSource, RunPlan, plan_items, warn_of_nothing
from archivecolor.jobs.photograph_tasks import init_worker
from archivecolor.jobs.run import ItemResult, Session, kept_by_hand, open_run
from archivecolor.photo.grey import GreyImage, write_grey
from archivecolor.photo.marking import has_colour_of_others
from archivecolor.settings import GreySettings

PICTURES = "pictures"
_NOT_OURS = "nothing says that this program coloured it; --any-colour takes its colour off too"


@dataclass(frozen=True)
class GreyTask:
    """A picture to take the colour off.

    Attributes:
        item: the planned item.
        is_recorded: the records of its tree say that its colour is ours.
    """

    item: Item
    is_recorded: bool


@dataclass(frozen=True)
class WrittenGrey:
    """What was written of a picture.

    Attributes:
        image: facts of it.
        output: facts of its file.
        source_sha256: digest of the coloured picture.
        aside: what is to be told of a file that had its name; empty where there was none.
    """

    image: GreyImage
    output: Output
    source_sha256: str
    aside: str


@dataclass(frozen=True)
class LeftAlone:
    """A picture whose colour is not ours.

    Attributes:
        source_sha256: its digest.
    """

    source_sha256: str


def grey_folder(
    settings: GreySettings, listener: Listener, stop: Stop, command: tuple[str, ...] = ()
) -> RunResult:
    """Write every picture of a tree that is not up to date as grey into another tree.

    Raises:
        UsageError: folders that cannot be; nothing was done.
        OutputError: the output cannot be written; what is finished is safe.
        LockedError: another run holds the output.
    """
    check_folders(settings.input, settings.output)
    session = Session(settings, listener, stop, command)
    session.counter.count_in(PICTURES)
    with open_run(session, settings.output, settings.input) as run:
        with passed_over_list(Layout(run.root).passed_over) as skipped_files:
            plan = plan_items([grey_source(settings)], run.root, settings, stop, skipped_files)
        warn_of_nothing(plan, [grey_source(settings)], settings)
        run.begin(plan)
        options = WorkerOptions(
            count=settings.jobs or core_count(),
            timeout=settings.timeout,
            initializer=partial(init_worker, held_folders()),
        )
        with (
            LocalExecutor(options, replace(settings, output=run.root)) as executor,
            closing(_grey_pictures(_tasks(plan, settings), executor, session, run.root)) as results,
        ):
            run.add_all(results)
    return session.result()


def _tasks(plan: RunPlan, settings: GreySettings) -> Generator[GreyTask, None, None]:
    recorded = _coloured_outputs(content_root(settings.input))
    for item in plan.claimed(GREY):
        yield GreyTask(item, item.path in recorded)


def _coloured_outputs(tree: Path) -> Collection[str]:
    """What the records of a tree say that this program coloured, by path; none in a tree without."""
    manifest = Manifest(Layout(tree).manifest)
    ours = (Reason.COLOURED, Reason.BY_HAND)
    named = {entry.output for entry in manifest.items.values() if entry.output and entry.reason in ours}
    return named | manifest.superseded.keys()


def grey_source(settings: GreySettings) -> ItemSource:
    """Where the coloured pictures come from."""
    return ItemSource(GREY, content_root(settings.input), str, settings.digest(), "")


def _grey_pictures(
    tasks: Iterable[GreyTask], executor: Executor[GreySettings], session: Session, root: Path
) -> Generator[ItemResult, None, None]:
    """The result of every item as its end is known, in any order."""
    stage = StageContext(executor, session.stop, window=2 * executor.count)
    begun: Iterable[GreyTask | Settled[None]] = tasks
    with closing(map_in_workers(stage, make_grey, begun)) as outcomes:
        for outcome in outcomes:
            yield item_result(outcome, session.settings.digest(), root)


def make_grey(settings: GreySettings, task: GreyTask) -> WrittenGrey | LeftAlone:
    """Write one picture as grey, where its colour is ours or all is asked for; runs in a worker.

    Raises:
        ItemError: it cannot be read.
        OutputError: the output folder cannot be written.
    """
    item = task.item
    source, target = item.source, settings.output / item.output
    refuse_source_as_target(source, target)
    refuse_by_hand(settings.output, item.output, item.claim)
    is_asked_for = task.is_recorded or settings.any_colour
    if not is_asked_for and has_colour_of_others(source, max_megapixels=settings.max_megapixels):
        return LeftAlone(sha256_of(source))
    with atomic_write(target, source) as part:
        image = write_grey(source, part, max_megapixels=settings.max_megapixels)
        written = part.stat()
        output = Output(item.output, written.st_size, sha256_of(part), mtime_ns=written.st_mtime_ns)
        aside = make_way(settings.output, item.output, output.sha256, item.claim)
        return WrittenGrey(image, output, sha256_of(source), aside)


def item_result(
    outcome: Done[GreyTask, WrittenGrey | LeftAlone] | Failed[GreyTask] | Settled[None],
    digest: str,
    root: Path,
) -> ItemResult:
    """The result of one picture."""
    assert not isinstance(outcome, Settled)  # nothing settles before this only stage
    item = outcome.item.item
    record = Record(
        path=item.path,
        status=Status.FAILED,
        reason=Reason.FAULT,
        source=Source(item.nbytes, item.mtime_ns),
        kind=GREY,
        settings=digest,
    )
    if isinstance(outcome, Failed):
        failed = replace(record, reason=outcome.error.reason, detail=outcome.error.detail)
        by_hand = outcome.error.reason is Reason.BY_HAND
        return ItemResult(kept_by_hand(failed, item, root) if by_hand else failed, 0.0)
    written = outcome.value
    record = replace(record, source=replace(record.source, sha256=written.source_sha256))
    if isinstance(written, LeftAlone):
        alone = replace(record, status=Status.SKIPPED, reason=Reason.ALREADY_COLOUR, detail=_NOT_OURS)
        return ItemResult(alone, 0.0)
    record = replace(record, status=Status.DONE, reason=Reason.GREY, output=written.output)
    return ItemResult(replace(record, luma=written.image.luma, detail=written.aside), 1.0)
