"""The way of photographs through a run: look, predict, finish; out come records.

`look` and `finish` run in worker processes, `predict` here on the device. torch is imported when
the first picture is to be predicted, and never in a worker.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Hashable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from archivecolor.archive.plan import Item
from archivecolor.archive.record import Record, Source, Status
from archivecolor.colour.chroma import Chroma
from archivecolor.engine.stages import Done, Failed, Gathering, Pool, Settled, batches, over_workers
from archivecolor.engine.stopping import Stop
from archivecolor.engine.workers import WorkerOptions, Workers, core_count
from archivecolor.errors import ItemError, OutOfMemoryError, Reason
from archivecolor.jobs.tasks import (
    FinishTask,
    Looked,
    LookTask,
    Written,
    look_at,
    prepare_worker,
    write_out,
)
from archivecolor.jobs.treatment import Way
from archivecolor.photo.facts import Facts
from archivecolor.photo.finish import FinishOptions
from archivecolor.settings import DirSettings

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Prediction, Predictor

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One picture's record, and how large the picture is.

    Attributes:
        record: for the manifest, but for its time.
        megapixels: of all pages, 0 where unknown.
    """

    record: Record
    megapixels: float


@dataclass(frozen=True)
class Making:
    """What pictures are made with.

    Attributes:
        settings: of the run.
        weights: SHA-256 of the checkpoint file.
    """

    settings: DirSettings
    weights: str

    def failed(self, item: Item, error: ItemError, facts: Facts | None = None) -> Settled[Entry]:
        """The end of a picture that cannot be done."""
        return self.settled(item, Status.FAILED, error.reason, error.detail, facts)

    def settled(
        self, item: Item, status: Status, reason: Reason, detail: str, facts: Facts | None
    ) -> Settled[Entry]:
        """The end of a picture without an output."""
        source = Source(item.nbytes, item.mtime_ns) if facts is None else source_of(facts)
        record = Record(
            path=item.path,
            status=status,
            reason=reason,
            source=source,
            detail=detail,
            settings=self.settings.digest(),
            weights=self.weights,
        )
        return Settled(Entry(record, 0.0))


def photographs(items: Iterable[Item], making: Making, stop: Stop) -> Generator[Entry, None, None]:
    """Colour `items`; gives the entry of each as its end is known, in any order.

    Raises:
        UnavailableError: the checkpoint or device cannot be used, or no worker will start.
        OutputError: the output cannot be written.
    """
    settings = making.settings
    count = settings.jobs or core_count()
    options = WorkerOptions(count=count, timeout=settings.timeout, start=prepare_worker)
    painter = Painter(making)
    in_batch = Gathering(key=painter.batch_key, size=settings.batch_size, hold=8 * settings.batch_size)
    with Workers(options) as workers:
        looking = Pool(workers, stop, window=2 * (settings.batch_size + count))
        writing = Pool(workers, stop, window=settings.batch_size + 2 * count)
        tasks = (LookTask(item, settings) for item in items)
        looked = sorted_out(over_workers(looking, look_at, tasks), making)
        painted = predicted(batches(in_batch, looked), painter)
        written = over_workers(writing, write_out, painted, urgent=True)
        with closing(written):
            for answer in written:
                yield entry_of(answer, making)


def sorted_out(
    answers: Iterable[Done[LookTask, Looked] | Failed[LookTask] | Settled[Entry]], making: Making
) -> Iterator[Looked | Settled[Entry]]:
    """Settle what failed and what is to be skipped; the rest goes on."""
    for answer in answers:
        if isinstance(answer, Settled):
            yield answer
        elif isinstance(answer, Failed):
            yield making.failed(answer.item.item, answer.error)
        elif answer.value.treatment.way is Way.SKIP:
            yield skipped(answer.value, making)
        else:
            yield answer.value


def skipped(looked: Looked, making: Making) -> Settled[Entry]:
    """The end of a picture that is left alone."""
    treatment = looked.treatment
    end = making.settled(
        looked.item, Status.SKIPPED, treatment.reason, treatment.detail, looked.seen.facts
    ).value
    source = replace(end.record.source, sha256=looked.source_sha256)
    return Settled(replace(end, record=replace(end.record, source=source, seconds=round(looked.seconds, 3))))


def predicted(
    groups: Iterable[list[Looked] | Settled[Entry]], painter: Painter
) -> Iterator[FinishTask | Settled[Entry]]:
    """Ask the network for the chroma of each batch; as many are in work as it answers at once."""
    in_work: deque[tuple[list[Looked], Prediction]] = deque()
    for group in groups:
        if isinstance(group, Settled):
            yield group
        elif group[0].treatment.way is Way.COPY:
            yield from (painter.task(looked, ()) for looked in group)
        else:
            in_work.append((group, painter.start(group)))
            if len(in_work) > painter.predictor.parallel_calls:
                yield from painter.paint(*in_work.popleft())
    for group, prediction in in_work:
        yield from painter.paint(group, prediction)


class Painter:
    """The network, opened when the first picture needs it.

    Args:
        making: what pictures are made with.
    """

    def __init__(self, making: Making) -> None:
        self._making = making
        self._predictor: Predictor | None = None

    @property
    def predictor(self) -> Predictor:
        """The network on its device."""
        if self._predictor is None:
            from archivecolor.inference.predictor import open_predictor

            self._predictor = open_predictor(self._making.settings.checkpoint, self._making.settings)
        return self._predictor

    def batch_key(self, looked: Looked) -> Hashable:
        """Pictures of one padded shape share a batch where the device gains by it; None waits for none."""
        if looked.treatment.way is Way.COPY or self.predictor.batch_size == 1:
            return None
        return self.predictor.padded_shape(*looked.seen.lumas[0].shape)

    def start(self, group: list[Looked]) -> Prediction:
        """Begin to predict the pictures of one batch."""
        return self.predictor.start([luma for looked in group for luma in looked.seen.lumas])

    def paint(self, group: list[Looked], prediction: Prediction) -> Iterator[FinishTask | Settled[Entry]]:
        """Chroma for the pictures of one batch; one that cannot be predicted does not cost the others."""
        try:
            chromas = iter(prediction.result())
        except (OutOfMemoryError, MemoryError, ItemError) as error:
            trouble: Exception = error
        else:
            for looked in group:
                yield self.task(looked, tuple(next(chromas) for _ in looked.seen.lumas))
            return
        if len(group) > 1:
            for looked in group:
                yield from self.paint([looked], self.start([looked]))
            return
        if not isinstance(trouble, ItemError):
            trouble = ItemError(Reason.OUT_OF_MEMORY, str(trouble) or "there is not enough memory for it")
        yield self._making.failed(group[0].item, trouble, group[0].seen.facts)

    def task(self, looked: Looked, chromas: tuple[Chroma, ...]) -> FinishTask:
        """The order to write one picture."""
        settings, facts = self._making.settings, looked.seen.facts
        options = FinishOptions(
            stamp=facts.stamp,
            format=settings.format,
            chroma=settings.chroma,
            max_megapixels=settings.max_megapixels,
            version=version("archivecolor"),
            settings=settings.digest(),
            weights=self._making.weights,
            network=self.predictor.name if chromas else "",
        )
        return FinishTask(
            item=looked.item,
            settings=settings,
            options=options,
            facts=facts,
            treatment=looked.treatment,
            chromas=chromas,
            seconds=looked.seconds,
        )


def entry_of(
    answer: Done[FinishTask, Written] | Failed[FinishTask] | Settled[Entry], making: Making
) -> Entry:
    """The entry of a picture whose end is known."""
    if isinstance(answer, Settled):
        return answer.value
    if isinstance(answer, Failed):
        return making.failed(answer.item.item, answer.error, answer.item.facts).value
    return done(answer.item, answer.value, making)


def done(task: FinishTask, written: Written, making: Making) -> Entry:
    """The entry of a picture that was written."""
    for note in (*task.facts.notes, *written.notes):
        log.info("%s: %s", task.item.path, note)
    record = Record(
        path=task.item.path,
        status=Status.DONE,
        reason=task.treatment.reason,
        source=replace(source_of(task.facts), sha256=written.source_sha256),
        detail=task.treatment.detail,
        output=written.output,
        settings=making.settings.digest(),
        weights=making.weights,
        confidence=None if task.confidence is None else round(task.confidence, 4),
        luma=written.luma,
        lost=written.lost,
        network=task.options.network,
        seconds=round(written.seconds, 3),
    )
    return Entry(record, task.facts.megapixels * task.facts.pages)


def source_of(facts: Facts) -> Source:
    """What a record says of a source."""
    return Source(
        bytes=facts.nbytes,
        mtime_ns=facts.mtime_ns,
        width=facts.width,
        height=facts.height,
        depth=facts.depth,
        pages=facts.pages,
        tone=facts.tone.value,
    )
