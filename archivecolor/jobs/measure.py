"""How long a plan's photographs will take on this machine, measured on a few of them."""

from __future__ import annotations

import os
import tempfile
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.estimate import pixels_of
from archivecolor.archive.plan import Item
from archivecolor.archive.walk import extension_of
from archivecolor.engine.executor import core_count
from archivecolor.engine.timing import NO_TIME, Duration, now
from archivecolor.errors import ItemError, OutOfMemoryError
from archivecolor.jobs.photograph import Colouring, inspect_photograph, write_derivative
from archivecolor.jobs.policy import Action
from archivecolor.settings import DirSettings

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor

BUDGET_SECONDS = 2.0
# Larger ones are not tried: a single one would take longer than all that is tried should.
MOST_PIXELS = 12e6
# How often the network is asked about a picture that is tried: by itself, and as it is written.
ASKED = 2
# Where in the order of sizes the picture lies that everything is called for the first time with: its own work
# counts for the start, so it is a small one, and not the smallest, which may be a broken file.
_FIRST_QUANTILE = 0.15
# How many are looked at for one that is small enough.
_CANDIDATES = 20
# Where in the order of sizes a kind's samples are taken.
_QUANTILES = (0.5, 0.15, 0.85, 0.35, 0.65)


@dataclass(frozen=True)
class MeasuredTime:
    """How long photographs will take.

    Attributes:
        seconds: in all, the start among them.
        pictures: how many were tried.
        processor_seconds: what all cores together will spend on them.
    """

    seconds: float
    pictures: int
    processor_seconds: float


@dataclass(frozen=True)
class _Cost:
    """What pictures cost one core.

    Attributes:
        files: reading, composing and writing them.
        network_seconds: of asking the network once, by the clock; it may work in threads of its own.
    """

    files: Duration = NO_TIME
    network_seconds: float = 0.0

    def __add__(self, other: _Cost) -> _Cost:
        return _Cost(self.files + other.files, self.network_seconds + other.network_seconds)


@dataclass
class _Kind:
    """The pictures of one extension, and what some of them cost one core; `pixels` of those tried."""

    items: list[Item]
    pixels: float = 0.0
    cost: _Cost = field(default_factory=_Cost)
    tried: int = 0

    def add(self, item: Item, cost: _Cost) -> None:
        """Count one picture that was tried."""
        self.tried += 1
        self.pixels += pixels_of([item])
        self.cost += cost

    def cost_like(self, tried: _Kind) -> _Cost:
        """Of all its pictures, by those tried: files go by their pixels, the network by number."""
        if not tried.tried or not tried.pixels:
            return _Cost()
        by_size = pixels_of(self.items) / tried.pixels
        return _Cost(tried.cost.files * by_size, tried.cost.network_seconds / tried.tried * len(self.items))


def measure(
    items: Sequence[Item], settings: DirSettings, open_predictor: Callable[[], Predictor], loading: Duration
) -> MeasuredTime | None:
    """Make a few of `items`, away from the output, and reckon from these; about two seconds and the start.

    Those that are too large to be tried in that time are reckoned by their pixels; None where all are.

    Args:
        items: photographs to be done; at least one.
        settings: of the run.
        open_predictor: opens the network.
        loading: what the libraries took to load; each worker of a run loads them too.

    Raises:
        UnavailableError: the checkpoint or the device cannot be used.
    """
    began = now()
    kinds = _kinds_of(items)
    first = _first_of(kinds)
    if first is None:
        return None
    predictor = open_predictor()
    cores = settings.jobs or core_count()
    with tempfile.TemporaryDirectory(prefix="archivecolor-") as folder:
        # The first call of everything is slower than those after it, and belongs to the start.
        _try_one(first, Path(folder, "first"), settings, predictor)
        start = loading + (now() - began)
        began = now()
        _try_samples(kinds, Path(folder), settings, predictor, cores)
        spent = (now() - began).processor_seconds
    # A kind that there was no time for is taken to be as the others together.
    others = _together(kinds)
    cost = sum((kind.cost_like(kind if kind.tried else others) for kind in kinds), _Cost())
    files, network = cost.files.seconds, cost.network_seconds
    shared = predictor.parallel_calls > 1
    seconds = (files + network) / cores if shared else max(files / cores, network)
    # What the network takes by the clock, on cores that others use too, is not what the cores spend on it.
    waited, at_files = ASKED * others.cost.network_seconds, others.cost.files.processor_seconds
    on_network = network * max(0.0, spent - at_files) / waited if waited else 0.0
    on_files = cost.files.processor_seconds
    processor_seconds = start.processor_seconds + cores * loading.processor_seconds + on_files + on_network
    return MeasuredTime(start.seconds + seconds, sum(kind.tried for kind in kinds), processor_seconds)


def _try_samples(
    kinds: Sequence[_Kind], folder: Path, settings: DirSettings, predictor: Predictor, cores: int
) -> None:
    """Try pictures of all kinds until the time is over, and count them in.

    As many are in work at once as in a run: what cores that others use too really give is measured along.
    """
    samples = iter(list(_samples(kinds)))  # of a list: threads share it
    until = time.monotonic() + BUDGET_SECONDS

    def work(number: int) -> list[tuple[_Kind, Item, _Cost]]:
        tried = []
        while time.monotonic() < until and (sample := next(samples, None)) is not None:
            kind, item = sample
            tried.append((kind, item, _try_one(item, folder / str(number), settings, predictor)))
        return tried

    with ThreadPoolExecutor(cores) as threads:
        for kind, item, cost in chain(*threads.map(work, range(cores))):
            kind.add(item, cost)


def _kinds_of(items: Sequence[Item]) -> list[_Kind]:
    """The items by extension, each kind by size, the kind with most bytes first."""
    by_extension: dict[bytes, list[Item]] = defaultdict(list)
    for item in items:
        by_extension[extension_of(os.fsencode(item.path))].append(item)
    kinds = [_Kind(sorted(kind, key=lambda item: item.nbytes)) for kind in by_extension.values()]
    return sorted(kinds, key=lambda kind: -sum(item.nbytes for item in kind.items))


def _together(kinds: Sequence[_Kind]) -> _Kind:
    """All kinds as one."""
    return _Kind(
        [item for kind in kinds for item in kind.items],
        sum(kind.pixels for kind in kinds),
        sum((kind.cost for kind in kinds), _Cost()),
        sum(kind.tried for kind in kinds),
    )


def _samples(kinds: Sequence[_Kind]) -> Iterator[tuple[_Kind, Item]]:
    """One of each kind, then another of each."""
    seen = set()
    small = [(kind, items) for kind in kinds if (items := _small_enough(kind.items))]
    for quantile in _QUANTILES:
        for kind, items in small:
            item = items[int(quantile * len(items))]
            if item.source not in seen and _can_be_tried(item):
                seen.add(item.source)
                yield kind, item


def _first_of(kinds: Sequence[_Kind]) -> Item | None:
    """The picture that everything is called for the first time with; None where all are too large."""
    for kind in kinds:
        items = _small_enough(kind.items)
        candidates = items[int(_FIRST_QUANTILE * len(items)) :]
        if (found := next(filter(_can_be_tried, candidates[:_CANDIDATES]), None)) is not None:
            return found
    return None


def _small_enough(items: list[Item]) -> list[Item]:
    """Those up to the first that is too large, by a few headers: the larger files have more pixels."""
    return items[: bisect_right(items, MOST_PIXELS, key=lambda item: pixels_of([item]))]


def _can_be_tried(item: Item) -> bool:
    return pixels_of([item]) <= MOST_PIXELS


def _try_one(item: Item, target: Path, settings: DirSettings, predictor: Predictor) -> _Cost:
    """What one picture takes; one that cannot be done costs the look."""
    began, network = _now_here(), NO_TIME
    try:
        inspection, treatment = inspect_photograph(item.source, predictor.working_size, settings)
        if treatment.action is Action.COLOUR:
            asked = _now_here()
            predictor.predict(inspection.lumas)
            network = _now_here() - asked
            write_derivative(item.source, target, inspection, settings, Colouring(predictor))
    except (ItemError, OutOfMemoryError, MemoryError):
        pass
    files = _now_here() - began - network * ASKED
    return _Cost(Duration(max(0.0, files.seconds), max(0.0, files.processor_seconds)), network.seconds)


def _now_here() -> Duration:
    """This moment, and what this thread alone has spent."""
    return Duration(time.monotonic(), time.thread_time())
