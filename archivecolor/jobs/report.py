"""What a report says of an output folder: figures, and which pictures are shown."""

from __future__ import annotations

import hashlib
import heapq
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.bag import content_root
from archivecolor.archive.decision import State
from archivecolor.archive.item_filter import IndexedItem, ItemFilter
from archivecolor.archive.layout import Layout
from archivecolor.archive.record_index import RecordIndex
from archivecolor.archive.run_json import RunSummary, read_run_summary

PICTURES = ItemFilter(kind="photo", with_output=True)
FILMS = ItemFilter(kind="film", with_output=True)
FAILED = ItemFilter(status="failed", order="path")
SKIPPED = ItemFilter(status="skipped", order="path")
PAGE = 100
_BINS = 20
_MAX_FOLDERS = 200
# Of the normal distribution, for an interval that holds the truth in 95 of 100 samples.
_Z95 = 1.959964


@dataclass(frozen=True)
class FolderFigures:
    """One folder of sources.

    Attributes:
        folder: relative to the input folder, empty for itself.
        done, skipped, failed: items.
        doubt: mean of those that have one; None where none has.
    """

    folder: str
    done: int
    skipped: int
    failed: int
    doubt: float | None


@dataclass(frozen=True)
class DayFigures:
    """What one day's runs did, as far as their records are the newest.

    Attributes:
        day: YYYY-MM-DD, UTC.
        items: how many.
        megapixels: of photographs.
        seconds: of all workers together.
        doubt: mean of those that have one; None where none has.
    """

    day: str
    items: int
    megapixels: float
    seconds: float
    doubt: float | None


@dataclass(frozen=True)
class ReportFigures:
    """An output folder in figures.

    Attributes:
        statuses: items by done, skipped and failed.
        reasons: status, reason and how many, the commonest first.
        folders: the largest first, no more than 200.
        left_out_folders: how many more there are.
        doubts: how many in each twentieth of 0..1.
        days: oldest first.
        decided: items by what was decided about them; one that is accepted and corrected counts as both.
        megapixels: of all items.
        seconds: of all workers together.
        run: the last run; None where run.json is not there.
    """

    statuses: dict[str, int]
    reasons: tuple[tuple[str, str, int], ...]
    folders: tuple[FolderFigures, ...]
    left_out_folders: int
    doubts: tuple[int, ...]
    days: tuple[DayFigures, ...]
    decided: dict[str, int]
    megapixels: float
    seconds: float
    run: RunSummary | None

    @property
    def total(self) -> int:
        """Items in all."""
        return sum(self.statuses.values())


def report_figures(output: Path, index: RecordIndex) -> ReportFigures:
    """The figures of an output folder."""
    by_reason = sorted(index.counted("status", "reason"), key=lambda row: -row[2])
    statuses = dict.fromkeys(("done", "skipped", "failed"), 0)
    for status, _reason, count, _megapixels, _seconds in by_reason:
        statuses[status] += count
    folders = _folders(index)
    decided: dict[str, int] = defaultdict(int)
    for state, corrected, count, _megapixels, _seconds in index.counted("decided", "corrected"):
        if corrected:
            decided["corrected"] += count
        if state != State.NONE.value or not corrected:
            decided[state] += count
    return ReportFigures(
        statuses=statuses,
        reasons=tuple((status, reason, count) for status, reason, count, *_ in by_reason),
        folders=tuple(folders[:_MAX_FOLDERS]),
        left_out_folders=max(0, len(folders) - _MAX_FOLDERS),
        doubts=tuple(index.doubts(_BINS)),
        days=_days(index),
        decided=dict(decided),
        megapixels=sum(row[3] for row in by_reason),
        seconds=sum(row[4] for row in by_reason),
        run=read_run_summary(Layout(content_root(output)).run_json),
    )


def _folders(index: RecordIndex) -> list[FolderFigures]:
    counts: dict[bytes, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for folder, status, count, _megapixels, _seconds in index.counted("folder", "status"):
        counts[folder][status] = count
    means = index.mean_doubt("folder")
    figures = [
        FolderFigures(
            os.fsdecode(folder), found["done"], found["skipped"], found["failed"], means.get(folder)
        )
        for folder, found in counts.items()
    ]
    return sorted(figures, key=lambda one: -(one.done + one.skipped + one.failed))


def _days(index: RecordIndex) -> tuple[DayFigures, ...]:
    means = index.mean_doubt("day")
    return tuple(
        DayFigures(day, count, megapixels, seconds, means.get(day))
        for day, count, megapixels, seconds in sorted(index.counted("day"))
    )


@dataclass(frozen=True)
class Sample:
    """Pictures drawn for an audit, and what the review found of them.

    Attributes:
        items: in the order of their names.
        reviewed: how many of them are decided about.
        wrong: how many of those were rejected or corrected.
        low, high: the 95 % interval of the share that is wrong in the whole archive; None before the first
            is reviewed.
    """

    items: tuple[IndexedItem, ...]
    reviewed: int
    wrong: int
    low: float | None
    high: float | None


def draw_sample(index: RecordIndex, count: int, seed: int) -> Sample:
    """Draw pictures from each folder by its share.

    A picture's place in the draw depends on its name and the seed alone, so the same sample is drawn again
    when more is known of it.
    """
    shares = _shares(index, count)
    drawn: list[IndexedItem] = []
    lots: dict[str, list[tuple[int, str, IndexedItem]]] = defaultdict(list)
    for item in _pictures(index):
        folder = item.path.rpartition("/")[0]
        lot = (-_lot(item.path, seed), item.path, item)
        if len(lots[folder]) < shares.get(folder, 0):
            heapq.heappush(lots[folder], lot)
        elif lots[folder]:
            heapq.heappushpop(lots[folder], lot)
    for chosen in lots.values():
        drawn += [item for _, _, item in chosen]
    decided = [item for item in drawn if item.decided != "none" or item.corrected]
    wrong = sum(item.decided == "rejected" or item.corrected for item in decided)
    low, high = wilson_interval(wrong, len(decided)) if decided else (None, None)
    items = sorted(drawn, key=lambda item: os.fsencode(item.path))
    return Sample(tuple(items), len(decided), wrong, low, high)


def _shares(index: RecordIndex, count: int) -> dict[str, int]:
    """How many are drawn from each folder: its share rounded down, then the largest remainders."""
    sizes: dict[str, int] = defaultdict(int)
    for item in _pictures(index):
        sizes[item.path.rpartition("/")[0]] += 1
    total = sum(sizes.values())
    wanted = min(count, total)
    exact = {folder: wanted * size / total for folder, size in sizes.items()}
    shares = {folder: int(share) for folder, share in exact.items()}
    by_remainder = sorted(exact, key=lambda folder: (shares[folder] - exact[folder], folder))
    for folder in by_remainder[: wanted - sum(shares.values())]:
        shares[folder] += 1
    return shares


def _pictures(index: RecordIndex) -> Iterator[IndexedItem]:
    for page in index.items(PICTURES, 1000):
        yield from page


def _lot(path: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/".encode() + os.fsencode(path)).digest()[:8], "big")


def wilson_interval(wrong: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of which `wrong` of `count` were seen."""
    share, spread = wrong / count, _Z95**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = _Z95 * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def most_doubtful(index: RecordIndex, count: int) -> Sequence[IndexedItem]:
    """The most doubtful pictures, the first of them first."""
    return [item for item in index.page(PICTURES, count) if item.doubt is not None]
