"""An output folder in review: its items, its pictures, what is decided about them, and colours tried out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.bag import content_root
from archivecolor.archive.correction import OwnSettings
from archivecolor.archive.decision import Decision, State
from archivecolor.archive.item_filter import IndexedItem
from archivecolor.archive.layout import Layout
from archivecolor.archive.plan import FILM
from archivecolor.archive.record import Record, now_utc
from archivecolor.archive.record_index import RecordIndex, open_index
from archivecolor.archive.run_json import read_run_summary
from archivecolor.colour.guidance import Hint
from archivecolor.engine.executor import core_count
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.engine.scratch import scratch_folder
from archivecolor.errors import ArchivecolorError, ItemError, Reason, UsageError
from archivecolor.jobs.correct import check_scans
from archivecolor.jobs.decision_desk import DecisionDesk
from archivecolor.jobs.decision_writer import kept_options
from archivecolor.jobs.gallery import Gallery, Shown
from archivecolor.jobs.hint_words import check_page
from archivecolor.jobs.manifest import existing_manifest_path
from archivecolor.jobs.previews import PreviewContext, init_preview_worker
from archivecolor.jobs.shot_decisions import (
    DecidedShot,
    ShotWish,
    decided_shot,
    poster_moment,
    shots_of_record,
    with_accepted,
    with_wish,
    without_shot,
)
from archivecolor.settings import NetworkOptions, ReviewSettings

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0


class Review:
    """One output folder in review; calls may come from several threads. See `open_review`.

    Attributes:
        index: its items.
        gallery: its pictures, as a screen shows them.
        desk: takes decisions in.
        version: grows whenever something changed.
    """

    def __init__(
        self,
        settings: ReviewSettings,
        index: RecordIndex,
        gallery: Gallery,
    ) -> None:
        root = content_root(settings.output)
        self.index = index
        self.gallery = gallery
        self.version = 0
        self.desk = DecisionDesk(settings.output, root, settings.input, self._look)
        self._settings = settings
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)

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
        try:
            if self.index.update():
                self.version += 1
        except (ArchivecolorError, OSError) as error:  # the next look may go well
            logger.error("the list cannot be brought up to date: %s", error)
        except Exception as error:  # the thread's edge: who reviews goes on, and the next look may go well
            logger.error("the list cannot be brought up to date", exc_info=error)

    def shown(self, item: IndexedItem) -> Shown:
        """The derivative of an item, of a film one frame. Raises `ItemError` where it has none."""
        record = self.index.record(item)
        output = record.output
        if output is None or not item.has_output:
            raise ItemError(Reason.NO_DERIVATIVE, "there is no derivative of it")
        return Shown(item.place, output.path, poster_moment(record) if item.kind == FILM else None)

    # Decisions

    def decide_state(self, item: IndexedItem, state: State, note: str) -> None:
        """Accept or reject an item, or take that back. Raises `OutputError`."""
        before = self.desk.of(item.path)
        own = replace(before, path=item.path, glob=False, undoes="", plan="")
        decided = replace(own, state=state, note=note, by=self._settings.by, at=now_utc())
        self.desk.decide(decided, make=False)

    def forget(self, item: IndexedItem, note: str) -> None:
        """Forget what was decided about an item, and make it anew. Raises `OutputError`."""
        self.desk.decide(Decision(item.path, note=note, by=self._settings.by, at=now_utc()), make=True)

    def correct(
        self,
        item: IndexedItem,
        page: int,
        hints: Sequence[Hint],
        saturation: float | None,
        note: str,
        reference: str = "",
    ) -> None:
        """Give a page its hints, and the picture a saturation of its own, and make it anew.

        Raises:
            UsageError: it has no such page or no pages, or these have more hints together than can be kept.
            OutputError: the decision cannot be written.
        """
        if item.kind == FILM and hints:
            raise UsageError("a film takes hints by its shots, not by pages")
        check_page(page, self.pages(item))
        before = self.desk.of(item.path)
        older = before.correction
        source = self.index.record(item).source.sha256 or older.source
        if older.source not in ("", source):
            older = older.without_hints
        by, at = self._settings.by, now_utc()
        given = (*(hint for hint in older.hints if hint.page != page), *hints)
        correction = replace(
            older,
            hints=given,
            settings=replace(older.settings, saturation=saturation),
            source=source if given or older.shots else "",
            note=note,
            by=replace(older, hints=tuple(hint for hint in older.hints if hint in given)).names_with(by),
            at=at,
            reference=reference or older.reference,
        )
        decided = Decision(item.path, State.NONE, correction, note, by, at, before.extra)
        self.desk.decide(decided, make=True)

    # Shots of a film

    def shots(self, item: IndexedItem) -> list[DecidedShot]:
        """A film's shots with what is decided about them; none where its record does not have them."""
        record, decision = self.index.record(item), self.desk.of(item.path)
        return [decided_shot(span, decision, record.source.sha256 or "") for span in shots_of_record(record)]

    def shot_at(self, item: IndexedItem, seconds: float) -> DecidedShot:
        """The shot of a moment. Raises `ItemError` where there is none."""
        found = next((shot for shot in self.shots(item) if shot.span.holds(seconds)), None)
        if found is None:
            raise ItemError(Reason.UNSUPPORTED, f"it has no shot at {seconds:.3f} s")
        return found

    def shown_at(self, item: IndexedItem, seconds: float) -> Shown:
        """The frame of a film at a moment. Raises `ItemError` where it has none."""
        self.shot_at(item, seconds)
        return replace(self.shown(item), seconds=seconds)

    def accept_shot(self, item: IndexedItem, seconds: float, note: str, *, accepted: bool) -> None:
        """Accept the shot of a moment, or take that back. Raises `ItemError`, `OutputError`."""
        span, source = self.shot_at(item, seconds).span, self.record(item).source.sha256 or ""
        decided = with_accepted(self.desk.of(item.path), span, source, accepted=accepted)
        own = replace(decided, path=item.path, glob=False, undoes="", plan="")
        self.desk.decide(replace(own, note=note, by=self._settings.by, at=now_utc()), make=False)

    def correct_shot(self, item: IndexedItem, wish: ShotWish, note: str) -> None:
        """Give a shot hints and a saturation, and make its part of the film anew.

        Raises:
            ItemError: there is no such shot.
            UsageError: it has more hints than are spread.
            OutputError: the decision cannot be written.
        """
        span, source = self.shot_at(item, wish.seconds).span, self.record(item).source.sha256 or ""
        self._decide_shot(item, with_wish(self.desk.of(item.path), span, wish, source), note)

    def forget_shot(self, item: IndexedItem, seconds: float, note: str) -> None:
        """Forget what was decided about a shot, and make it anew; raises as `correct_shot`."""
        span, source = self.shot_at(item, seconds).span, self.record(item).source.sha256 or ""
        self._decide_shot(item, without_shot(self.desk.of(item.path), span, source), note)

    def _decide_shot(self, item: IndexedItem, decided: Decision, note: str) -> None:
        by, at = self._settings.by, now_utc()
        names = self.desk.of(item.path).correction.names_with(by)
        correction = replace(decided.correction, note=note, by=names, at=at)
        own = replace(decided, path=item.path, glob=False, undoes="", plan="", note=note, by=by, at=at)
        self.desk.decide(replace(own, correction=correction), make=True)

    def pages(self, item: IndexedItem) -> int:
        """Pages of an item's file, as far as its record says."""
        return self.index.record(item).source.pages or 1

    def record(self, item: IndexedItem) -> Record:
        """The whole record of an item."""
        return self.index.record(item)

    def own(self, item: IndexedItem) -> OwnSettings:
        """Options of an item's own."""
        return self.desk.of(item.path).correction.settings


@contextmanager
def open_review(settings: ReviewSettings, on_lines: Callable[[int], None]) -> Iterator[Review]:
    """The review of an output folder.

    Args:
        settings: of the review.
        on_lines: told now and then how many lines of the manifest were read.

    Raises:
        UsageError: there is no manifest, a newer version wrote it, or the folder of the scans is not there.
        OutputError: nothing can be kept in the output.
    """
    existing_manifest_path(settings.output)
    if settings.input is not None:
        check_scans(settings.input)
    root = content_root(settings.output)
    options = WorkerOptions(settings.jobs or core_count(), settings.timeout, initializer=init_preview_worker)
    with ExitStack() as opened:
        scratch = opened.enter_context(scratch_folder())
        index = opened.enter_context(open_index(settings.output, root, scratch))
        index.update(on_lines)
        executor = opened.enter_context(LocalExecutor(options, PreviewContext(root, settings.max_megapixels)))
        gallery = Gallery(executor, lambda: _network_of_run(root))
        yield opened.enter_context(Review(settings, index, gallery))


def _network_of_run(root: Path) -> Predictor:
    """The network that the last run asked, the built-in one where that is not known.

    Raises:
        CheckpointError, UnavailableError: it cannot be used here.
    """
    from archivecolor.inference.predictor import open_predictor

    run_json = Layout(root).run_json
    last = read_run_summary(run_json)
    values = last.settings if last is not None else {}
    options = NetworkOptions(**kept_options(run_json, values, NetworkOptions))
    return open_predictor(options.checkpoint, options)
