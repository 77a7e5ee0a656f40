"""The way of photographs through a run: inspect, predict, render; out come records.

`inspect` and `render` run in worker processes, `predict` here on the device. torch is imported when
the first picture is to be predicted, and never in a worker.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from archivecolor.archive.correction import correction_values
from archivecolor.archive.output_folder import held_folders
from archivecolor.archive.plan import Item
from archivecolor.archive.record import Record, Source, Status
from archivecolor.colour.chroma import Chroma
from archivecolor.engine.executor import Executor, core_count
from archivecolor.engine.local import WorkerOptions
from archivecolor.engine.stages import (
    BatchPolicy,
    Done,
    Failed,
    Settled,
    StageContext,
    batches,
    map_in_workers,
)
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ItemError, OutOfMemoryError, Reason
from archivecolor.jobs.carrying_out import correction_step
from archivecolor.jobs.doubts import Doubts
from archivecolor.jobs.photograph import render_options
from archivecolor.jobs.photograph_tasks import (
    Inspected,
    Rendered,
    RenderTask,
    init_worker,
    inspect_source,
    render_derivative,
)
from archivecolor.jobs.policy import Action
from archivecolor.jobs.run import ItemResult, kept_by_hand
from archivecolor.photo.facts import ImageFacts
from archivecolor.settings import DirSettings

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Prediction, Predictor

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PhotoRunContext:
    """What pictures are made with.

    Attributes:
        settings: of the run; `output` is the folder that derivatives are written into.
        weights: SHA-256 of the checkpoint file.
        open_predictor: the network on its device, opened when it is first asked for.
    """

    settings: DirSettings
    weights: str
    open_predictor: Callable[[], Predictor]

    def failed(self, item: Item, error: ItemError, facts: ImageFacts | None = None) -> Settled[ItemResult]:
        """The end of a picture that cannot be done, or that somebody worked on."""
        result = self.settled(item, Status.FAILED, error.reason, error.detail, facts)
        if error.reason is Reason.BY_HAND:
            record = kept_by_hand(result.value.record, item, self.settings.output)
            return Settled(ItemResult(record, 0.0))
        return result

    def settled(
        self, item: Item, status: Status, reason: Reason, detail: str, facts: ImageFacts | None
    ) -> Settled[ItemResult]:
        """The end of a picture without an output."""
        source = Source(item.nbytes, item.mtime_ns) if facts is None else source_of(facts)
        source = replace(source, etag=item.etag or None)
        record = Record(
            path=item.path,
            status=status,
            reason=reason,
            source=source,
            detail=detail,
            settings=self.settings.digest(),
            weights=self.weights,
            decision=item.decision.digest,
        )
        return Settled(ItemResult(record, 0.0))


def photographs(
    items: Iterable[Item | Settled[ItemResult]],
    context: PhotoRunContext,
    executor: Executor[DirSettings],
    stop: Stop,
) -> Generator[ItemResult, None, None]:
    """Colour `items`; gives the result of each as its end is known, in any order.

    Raises:
        UnavailableError: the checkpoint or device cannot be used, or no worker will start.
        OutputError: the output cannot be written.
    """
    batch_size, count = context.settings.batch_size, executor.count
    chroma_predictor = PredictStage(context)
    batch_policy = BatchPolicy(key=chroma_predictor.batch_key, size=batch_size, max_waiting=8 * batch_size)
    inspecting = StageContext(executor, stop, window=2 * (batch_size + count))
    rendering = StageContext(executor, stop, window=batch_size + 2 * count)
    inspected = _settle_skipped(map_in_workers(inspecting, inspect_source, items), context)
    render_tasks = predicted(batches(batch_policy, inspected), chroma_predictor)
    with closing(map_in_workers(rendering, render_derivative, render_tasks, urgent=True)) as rendered:
        for outcome in rendered:
            yield item_result(outcome, context)


def worker_options(settings: DirSettings) -> WorkerOptions:
    """The worker processes of photographs on this machine, for the output that is held now."""
    count = settings.jobs or core_count()
    initializer = partial(init_worker, held_folders())
    return WorkerOptions(count=count, timeout=settings.timeout, initializer=initializer)


def _settle_skipped(
    outcomes: Iterable[Done[Item, Inspected] | Failed[Item] | Settled[ItemResult]],
    context: PhotoRunContext,
) -> Iterator[Inspected | Settled[ItemResult]]:
    """Settle what failed and what is to be skipped; the rest goes on."""
    for outcome in outcomes:
        if isinstance(outcome, Settled):
            yield outcome
        elif isinstance(outcome, Failed):
            yield context.failed(outcome.item, outcome.error)
        elif outcome.value.treatment.action is Action.SKIP:
            yield _skipped_result(outcome.value, context)
        else:
            yield outcome.value


def _skipped_result(inspected: Inspected, context: PhotoRunContext) -> Settled[ItemResult]:
    """The end of a picture that is left alone."""
    treatment = inspected.treatment
    result = context.settled(
        inspected.item, Status.SKIPPED, treatment.reason, treatment.detail, inspected.inspection.facts
    ).value
    source = replace(result.record.source, sha256=inspected.source_sha256)
    return Settled(
        replace(result, record=replace(result.record, source=source, seconds=round(inspected.seconds, 3)))
    )


def predicted(
    groups: Iterable[list[Inspected] | Settled[ItemResult]], chroma_predictor: PredictStage
) -> Iterator[RenderTask | Settled[ItemResult]]:
    """Ask the network for the chroma of each batch; as many are in work as it answers at once."""
    in_work: deque[tuple[list[Inspected], Prediction]] = deque()
    for group in groups:
        if isinstance(group, Settled):
            yield group
        elif group[0].treatment.action is not Action.COLOUR:
            yield from (chroma_predictor.task(inspected, ()) for inspected in group)
        else:
            in_work.append((group, chroma_predictor.start(group)))
            if len(in_work) > chroma_predictor.predictor.parallel_calls:
                yield from chroma_predictor.predict_batch(*in_work.popleft())
    for group, prediction in in_work:
        yield from chroma_predictor.predict_batch(group, prediction)


class PredictStage:
    """The network, opened when the first picture needs it.

    Args:
        context: what pictures are made with.
    """

    def __init__(self, context: PhotoRunContext) -> None:
        self._context = context

    @property
    def predictor(self) -> Predictor:
        """The network on its device."""
        return self._context.open_predictor()

    def batch_key(self, inspected: Inspected) -> Hashable:
        """Pictures of one padded shape share a batch where the device gains by it; None waits for none."""
        if inspected.treatment.action is not Action.COLOUR or self.predictor.batch_size == 1:
            return None
        return self.predictor.padded_shape(*inspected.inspection.lumas[0].shape)

    def start(self, group: list[Inspected]) -> Prediction:
        """Begin to predict the pictures of one batch."""
        lumas = [luma for inspected in group for luma in inspected.inspection.lumas]
        guidance = [wishes for inspected in group for wishes in inspected.guidance]
        return self.predictor.start(lumas, guidance, with_doubt=True)

    def predict_batch(
        self, group: list[Inspected], prediction: Prediction
    ) -> Iterator[RenderTask | Settled[ItemResult]]:
        """Chroma for the pictures of one batch; one that cannot be predicted does not cost the others."""
        try:
            chromas = iter(prediction.result())
        except (OutOfMemoryError, MemoryError, ItemError) as error:
            failure: Exception = error
        else:
            for inspected in group:
                yield self.task(inspected, tuple(next(chromas) for _ in inspected.inspection.lumas))
            return
        if len(group) > 1:
            for inspected in group:
                yield from self.predict_batch([inspected], self.start([inspected]))
            return
        if not isinstance(failure, ItemError):
            failure = ItemError(Reason.OUT_OF_MEMORY, str(failure) or "there is not enough memory for it")
        yield self._context.failed(group[0].item, failure, group[0].inspection.facts)

    def task(self, inspected: Inspected, chromas: tuple[Chroma, ...]) -> RenderTask:
        """The order to write one picture."""
        settings, facts = self._context.settings, inspected.inspection.facts
        network = self.predictor.name if chromas else ""
        options = render_options(facts, settings, self._context.weights, network)
        if chromas:
            options = replace(
                options,
                correction=correction_step(inspected.item.decision.digest, inspected.correction),
                runtime=self.predictor.runtime_name,
            )
        return RenderTask(
            item=inspected.item,
            options=options,
            facts=facts,
            treatment=inspected.treatment,
            chromas=chromas,
            seconds=inspected.seconds,
            correction=inspected.correction,
            fingerprints=inspected.fingerprints,
        )


def item_result(
    outcome: Done[RenderTask, Rendered] | Failed[RenderTask] | Settled[ItemResult], context: PhotoRunContext
) -> ItemResult:
    """The entry of a picture whose end is known."""
    if isinstance(outcome, Settled):
        return outcome.value
    if isinstance(outcome, Failed):
        return context.failed(outcome.item.item, outcome.error, outcome.item.facts).value
    return _done_result(outcome.item, outcome.value, context)


def _done_result(task: RenderTask, rendered: Rendered, context: PhotoRunContext) -> ItemResult:
    """The entry of a picture that was written."""
    for note in rendered.notes:
        logger.info("%s: %s", task.item.path, note)
    doubts = Doubts.of(task.chromas)
    record = Record(
        path=task.item.path,
        status=Status.DONE,
        reason=task.treatment.reason,
        source=replace(source_of(task.facts), sha256=rendered.source_sha256, etag=task.item.etag or None),
        detail="; ".join(filter(None, (task.treatment.detail, *rendered.notes))),
        output=rendered.output,
        settings=context.settings.digest(),
        weights=context.weights,
        confidence=None if task.confidence is None else round(task.confidence, 4),
        doubt=doubts.doubt,
        doubt_reasons=doubts.doubt_reasons,
        luma=rendered.luma,
        lost=rendered.lost,
        network=task.options.network,
        runtime=context.open_predictor().runtime_name if task.options.network else "",
        decision=task.item.decision.digest,
        correction=correction_values(task.correction) if task.correction else None,
        fingerprints=task.fingerprints,
        certificate=rendered.certificate,
        seconds=round(rendered.seconds, 3),
    )
    return ItemResult(record, task.facts.megapixels * task.facts.pages)


def source_of(facts: ImageFacts) -> Source:
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
