"""The small pictures of a report: made once for each derivative, by its digest, and found again."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.item_filter import ItemFilter
from archivecolor.archive.output_folder import held_folders
from archivecolor.archive.record import Record, path_keys
from archivecolor.archive.record_index import RecordIndex
from archivecolor.engine.executor import core_count
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.engine.progress import ItemEvent, Listener, ProgressCounter
from archivecolor.engine.stages import Done, Failed, Settled, StageContext, map_in_workers
from archivecolor.engine.stopping import Stop
from archivecolor.jobs.previews import (
    PreviewContext,
    Sheet,
    SheetShot,
    SheetTask,
    ThumbnailTask,
    init_preview_worker,
    sheet,
    thumbnails,
)
from archivecolor.jobs.report import FILMS, PAGE, PICTURES
from archivecolor.settings import ReportSettings

WINDOW = 64
# As `previews.sheet` names them.
_FILE = re.compile(r"shot-(\d+|strip)\.webp")
_Task = TypeVar("_Task", ThumbnailTask, SheetTask)
_Made = TypeVar("_Made", int, Sheet)


class SmallPictures:
    """The small pictures of one report.

    Args:
        settings: of the report.
        root: the folder of the derivatives.
        folder: of the report, or one for temporary files.
        index: of the items.

    Attributes:
        troubles: why there is none, by the derivative's path.
    """

    def __init__(self, settings: ReportSettings, root: Path, folder: Path, index: RecordIndex) -> None:
        self.troubles: dict[str, str] = {}
        self._settings = settings
        self._root = root
        self._folder = folder / "small"
        self._index = index

    def make(self, listener: Listener, stop: Stop, counter: ProgressCounter) -> None:
        """Make what is missing.

        Args:
            listener: told of each.
            stop: says when to end.
            counter: counts them.
        """
        settings = self._settings
        options = WorkerOptions(
            settings.jobs or core_count(),
            settings.timeout,
            initializer=partial(init_preview_worker, held_folders()),
        )
        counter.expect(sum(1 for _ in self._missing_thumbnails()) + sum(1 for _ in self._missing_sheets()))
        listener.began(counter.snapshot())
        if not counter.snapshot().total:
            return
        with LocalExecutor(options, PreviewContext(self._root, settings.max_megapixels)) as executor:
            stage = StageContext(executor, stop, WINDOW)
            for small in map_in_workers(stage, thumbnails, self._missing_thumbnails()):
                event = self._event(small)
                listener.settled(event, counter.add(event))
            for film in map_in_workers(stage, sheet, self._missing_sheets()):
                if isinstance(film, Done):
                    _keep_sheet(film.item, film.value)
                event = self._event(film)
                listener.settled(event, counter.add(event))

    # Any: of what never comes here.
    def _event(self, outcome: Done[_Task, _Made] | Failed[_Task] | Settled[Any]) -> ItemEvent:
        assert not isinstance(outcome, Settled), "nothing is settled beforehand"
        path = outcome.item.path
        status, reason, detail = "done", "", ""
        if isinstance(outcome, Failed):
            self.troubles[path] = outcome.error.detail
            status, reason, detail = "failed", outcome.error.reason.value, outcome.error.detail
        about: dict[str, object] = {**path_keys(path), "status": status, "reason": reason, "detail": detail}
        return ItemEvent(path, status, reason, detail, 1.0, about)

    # What is to be made: of derivatives that are not those that were shown before.

    def _missing_thumbnails(self) -> Iterator[ThumbnailTask | Settled[None]]:
        tasks = map(self.thumbnail_task, self._records(PICTURES))
        return (task for task in tasks if not task.is_done)

    def _missing_sheets(self) -> Iterator[SheetTask | Settled[None]]:
        tasks = map(self.sheet_task, self._records(FILMS))
        return (task for task in tasks if kept_sheet(task) is None)

    def _records(self, wanted: ItemFilter) -> Iterator[Record]:
        for page in self._index.items(wanted, PAGE):
            yield from map(self._index.record, page)

    def thumbnail_task(self, record: Record) -> ThumbnailTask:
        """The small pictures of a photograph that has a derivative."""
        assert record.output is not None
        digest = record.output.sha256
        folder = self._folder / digest[:2]
        coloured, grey = (folder / f"{digest[2:22]}-{which}.webp" for which in "cg")
        return ThumbnailTask(record.output.path, coloured, grey)

    def sheet_task(self, record: Record) -> SheetTask:
        """The sheet of a film that has a derivative."""
        assert record.output is not None
        return SheetTask(record.output.path, self._folder / "films" / record.output.sha256[:16], "shot")


def _keep_sheet(task: SheetTask, made: Sheet) -> None:
    with atomic_write(task.folder / "sheet.json") as part:
        part.write_text(json.dumps(asdict(made)), encoding="utf-8")


def kept_sheet(task: SheetTask) -> Sheet | None:
    """The sheet that was made of this very film; None where there is none."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        values = json.loads((task.folder / "sheet.json").read_text(encoding="utf-8"))
        shots = tuple(SheetShot(**shot) for shot in values["shots"])
        found = Sheet(shots, values["strip"], values["seconds"])
        if _is_sound(found):
            return found
    return None


def _is_sound(found: Sheet) -> bool:
    """Whether a sheet that was read is of the right kinds, and its files lie beside it."""
    names = [found.strip, *(shot.file for shot in found.shots)]
    numbers = [found.seconds, *(shot.seconds for shot in found.shots)]
    return all(_FILE.fullmatch(name) for name in names) and all(
        isinstance(number, (int, float)) and 0 <= number < math.inf for number in numbers
    )
