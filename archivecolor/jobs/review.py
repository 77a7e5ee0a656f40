"""An output folder in review: its items, its pictures, what is decided about them, and colours tried out."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from archivecolor.archive.bag import content_root
from archivecolor.archive.decision import Correction, Decision, OwnSettings, State
from archivecolor.archive.layout import Layout
from archivecolor.archive.record import Record, now_utc
from archivecolor.archive.record_index import IndexedItem, RecordIndex, open_index
from archivecolor.archive.run_json import read_run_summary
from archivecolor.colour.guidance import Hint
from archivecolor.engine.executor import core_count
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.engine.scratch import scratch_folder
from archivecolor.errors import ItemError, Reason
from archivecolor.jobs.brush import (
    Brush,
    BrushPicture,
    BrushTask,
    Tried,
    brush_picture,
    certainty_png,
    palette,
)
from archivecolor.jobs.decision_desk import DecisionDesk
from archivecolor.jobs.manifest import existing_manifest_path
from archivecolor.jobs.previews import (
    EncodedPreview,
    PreviewContext,
    PreviewTask,
    init_preview_worker,
    preview,
)
from archivecolor.photo.preview import Box
from archivecolor.settings import NetworkOptions, ReviewSettings, settings_from

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor

K = TypeVar("K")
V = TypeVar("V")

SMALL_SIDE, VIEW_SIDE = 320, 1600
LOOK_SECONDS = 2.0
KEPT_BYTES = 64 << 20
KEPT_PICTURES = 4


class Review:
    """One output folder in review; calls may come from several threads. See `open_review`.

    Attributes:
        index: its items.
        desk: takes decisions in.
        version: grows whenever something changed.
    """

    def __init__(
        self,
        settings: ReviewSettings,
        index: RecordIndex,
        executor: LocalExecutor[PreviewContext],
        load_network: Callable[[], Predictor],
    ) -> None:
        root = content_root(settings.output)
        self.index = index
        self.version = 0
        self.desk = DecisionDesk(settings.output, root, settings.input, self._look)
        self._settings = settings
        self._executor = executor
        self._load_network = load_network
        self._brush: Brush | None = None
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._encoded = _Kept[tuple[object, ...], EncodedPreview](KEPT_BYTES, lambda one: len(one.content))
        self._pictures = _Kept[tuple[object, ...], BrushPicture](KEPT_PICTURES, lambda _: 1)

    def __enter__(self) -> Review:
        self.desk.__enter__()
        self._watcher.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._watcher.join()
        self.desk.__exit__(*error)

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        """Take in what a run or another review has added."""
        if self.index.update():
            self.version += 1

    # Pictures

    def small(self, item: IndexedItem) -> EncodedPreview:
        """A derivative as lists show it. Raises `ItemError`."""
        return self._preview(item, PreviewTask(self.derivative(item), SMALL_SIDE))

    def view(self, item: IndexedItem, page: int, *, grey: bool) -> EncodedPreview:
        """A page of a derivative as large as a screen. Raises `ItemError`."""
        return self._preview(item, PreviewTask(self.derivative(item), VIEW_SIDE, page, grey))

    def part(self, item: IndexedItem, page: int, box: Box) -> EncodedPreview:
        """A part of a page, pixel for pixel. Raises `ItemError`."""
        return self._preview(item, PreviewTask(self.derivative(item), page=page, box=box))

    def derivative(self, item: IndexedItem) -> str:
        """The path of an item's derivative. Raises `ItemError` where it has none."""
        output = self.index.record(item).output
        if output is None or not item.has_output:
            raise ItemError(Reason.NO_DERIVATIVE, "there is no derivative of it")
        return output.path

    def _preview(self, item: IndexedItem, task: PreviewTask) -> EncodedPreview:
        key = (item.place, task)
        return self._encoded.get(key, lambda: self._executor.submit(preview, task).result())

    # Colours tried out

    def tried(self, item: IndexedItem, page: int, hints: Sequence[Hint], saturation: float | None) -> Tried:
        """A page with other colour, nothing written. Raises `ItemError`."""
        return self.brush.coloured(*self._picture(item, page), hints, saturation)

    def certainty(self, item: IndexedItem, page: int) -> bytes:
        """Where the network does not know, as PNG. Raises `ItemError`."""
        return certainty_png(self.brush.automatic(*self._picture(item, page)))

    def palette(self, item: IndexedItem, page: int, place: tuple[float, float]) -> list[tuple[int, int, int]]:
        """Colours to choose from at a place, x and y 0..1. Raises `ItemError`."""
        key, picture = self._picture(item, page)
        return palette(self.brush.automatic(key, picture), picture.luma, place)

    @property
    def brush(self) -> Brush:
        """The network, loaded when it is first asked for."""
        with self._guard:
            if self._brush is None:
                self._brush = Brush(self._load_network())
            return self._brush

    def _picture(self, item: IndexedItem, page: int) -> tuple[object, BrushPicture]:
        key = (item.place, page)
        task = BrushTask(self.derivative(item), page, self.brush.predictor.working_size)
        return key, self._pictures.get(
            key, lambda: self._executor.submit(brush_picture, task, urgent=True).result()
        )

    # Decisions

    def decide_state(self, item: IndexedItem, state: State, note: str) -> None:
        """Accept or reject an item, or take that back. Raises `OutputError`."""
        before = self.desk.of(item.path)
        decided = replace(before, path=item.path, state=state, note=note, by=self._settings.by, at=now_utc())
        self.desk.decide(decided, make=False)

    def forget(self, item: IndexedItem, note: str) -> None:
        """Forget what was decided about an item, and make it anew. Raises `OutputError`."""
        self.desk.decide(Decision(item.path, note=note, by=self._settings.by, at=now_utc()), make=True)

    def correct(
        self, item: IndexedItem, page: int, hints: Sequence[Hint], saturation: float | None, note: str
    ) -> None:
        """Give a page its hints, and the picture a saturation of its own, and make it anew.

        Raises:
            OutputError: the decision cannot be written.
        """
        before = self.desk.of(item.path)
        record = self.index.record(item)
        source = record.source.sha256 or ""
        others = before.correction.hints if before.correction.source in ("", source) else ()
        by, at = self._settings.by, now_utc()
        correction = Correction(
            hints=(*(hint for hint in others if hint.page != page), *hints),
            settings=replace(before.correction.settings, saturation=saturation),
            source=source,
            note=note,
            by=by,
            at=at,
        )
        if not correction.hints:
            correction = replace(correction, source="")
        decided = Decision(item.path, State.NONE, correction, note, by, at, before.extra)
        self.desk.decide(decided, make=True)

    def pages(self, item: IndexedItem) -> int:
        """Pages of an item's file, as far as its record says."""
        return self.index.record(item).source.pages or 1

    def record(self, item: IndexedItem) -> Record:
        """The whole record of an item."""
        return self.index.record(item)

    def own(self, item: IndexedItem) -> OwnSettings:
        """Options of an item's own."""
        return self.desk.of(item.path).correction.settings


class _Kept(Generic[K, V]):
    """What was made last, as far as there is room; what is being made is made once.

    Args:
        room: for so much.
        weight: of one.
    """

    def __init__(self, room: int, weight: Callable[[V], int]) -> None:
        self._room = room
        self._weight = weight
        self._guard = threading.Lock()
        self._made: OrderedDict[K, V] = OrderedDict()
        self._locks: dict[K, threading.Lock] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The one of that key, made where it is not there. Raises what `make` raises."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        try:
            with lock:
                with self._guard:
                    if key in self._made:
                        self._made.move_to_end(key)
                        return self._made[key]
                made = make()
                with self._guard:
                    self._made[key] = made
                    while len(self._made) > 1 and sum(map(self._weight, self._made.values())) > self._room:
                        self._made.popitem(last=False)
                return made
        finally:
            with self._guard:
                self._locks.pop(key, None)


@contextmanager
def open_review(settings: ReviewSettings, on_lines: Callable[[int], None]) -> Iterator[Review]:
    """The review of an output folder.

    Args:
        settings: of the review.
        on_lines: told now and then how many lines of the manifest were read.

    Raises:
        UsageError: there is no manifest, or a newer version wrote it.
        OutputError: nothing can be kept in the output.
    """
    existing_manifest_path(settings.output)
    root = content_root(settings.output)
    options = WorkerOptions(settings.jobs or core_count(), settings.timeout, initializer=init_preview_worker)
    with ExitStack() as opened:
        scratch = opened.enter_context(scratch_folder())
        index = opened.enter_context(open_index(settings.output, root, scratch))
        index.update(on_lines)
        executor = opened.enter_context(LocalExecutor(options, PreviewContext(root, settings.max_megapixels)))
        yield opened.enter_context(Review(settings, index, executor, lambda: _network_of_run(root)))


def _network_of_run(root: Path) -> Predictor:
    """The network that the last run asked, the built-in one where that is not known.

    Raises:
        CheckpointError, UnavailableError: it cannot be used here.
    """
    from archivecolor.inference.predictor import open_predictor

    last = read_run_summary(Layout(root).run_json)
    values = dict(last.settings) if last is not None else {}
    if isinstance(values.get("checkpoint"), str):
        values["checkpoint"] = Path(values["checkpoint"])
    options = settings_from(NetworkOptions, values)
    return open_predictor(options.checkpoint, options)
