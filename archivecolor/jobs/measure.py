"""How long a plan's photographs will take on this machine, measured on a few of them."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.plan import Item
from archivecolor.archive.walk import extension_of
from archivecolor.engine.executor import core_count
from archivecolor.errors import ItemError, OutOfMemoryError
from archivecolor.jobs.photograph import Colouring, inspect_photograph, write_derivative
from archivecolor.jobs.policy import Action
from archivecolor.settings import DirSettings

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor

BUDGET_SECONDS = 2.0
# Where in the order of sizes a kind's samples are taken.
QUANTILES = (0.5, 0.15, 0.85, 0.35, 0.65)


@dataclass(frozen=True)
class MeasuredTime:
    """How long photographs will take.

    Attributes:
        seconds: in all, the start among them.
        pictures: how many were tried.
    """

    seconds: float
    pictures: int


@dataclass
class _Kind:
    """The pictures of one extension, and what some of them cost one core."""

    items: list[Item]
    nbytes: int = 0
    files_seconds: float = 0.0
    network_seconds: float = 0.0
    tried: int = 0

    def add(self, item: Item, files_seconds: float, network_seconds: float) -> None:
        """Count one picture that was tried."""
        self.tried += 1
        self.nbytes += item.nbytes
        self.files_seconds += files_seconds
        self.network_seconds += network_seconds

    @property
    def seconds(self) -> tuple[float, float]:
        """Of all its pictures: at files, which goes by their size, and at the network, which does not."""
        all_bytes = sum(item.nbytes for item in self.items)
        files = self.files_seconds * all_bytes / self.nbytes if self.nbytes else 0.0
        return files, self.network_seconds / self.tried * len(self.items) if self.tried else 0.0


def measure(
    items: Sequence[Item], settings: DirSettings, open_predictor: Callable[[], Predictor]
) -> MeasuredTime:
    """Make a few of `items`, away from the output, and reckon from these; about two seconds and the start.

    Args:
        items: photographs to be done; at least one.
        settings: of the run.
        open_predictor: opens the network.

    Raises:
        UnavailableError: the checkpoint or the device cannot be used.
    """
    began = time.monotonic()
    predictor = open_predictor()
    kinds = _kinds_of(items)
    with tempfile.TemporaryDirectory(prefix="archivecolor-") as folder:
        samples = iter(list(_samples(kinds)))  # of a list: threads share it
        # The first call of everything is slower than those after it, and belongs to the start.
        first = kinds[0].items[len(kinds[0].items) // 2]
        _try_one(first, Path(folder, "first"), settings, predictor)
        start = time.monotonic() - began
        until = time.monotonic() + BUDGET_SECONDS

        def work(number: int) -> list[tuple[_Kind, Item, float, float]]:
            tried = []
            while time.monotonic() < until and (sample := next(samples, None)) is not None:
                kind, item = sample
                tried.append((kind, item, *_try_one(item, Path(folder, str(number)), settings, predictor)))
            return tried

        # As many at once as in a run: what cores that others use too really give is measured along.
        cores = settings.jobs or core_count()
        with ThreadPoolExecutor(cores) as threads:
            for kind, item, files_seconds, network_seconds in chain(*threads.map(work, range(cores))):
                kind.add(item, files_seconds, network_seconds)
    files, network = (sum(parts) for parts in zip(*(kind.seconds for kind in kinds), strict=True))
    shared = predictor.parallel_calls > 1
    seconds = (files + network) / cores if shared else max(files / cores, network)
    return MeasuredTime(start + seconds, sum(kind.tried for kind in kinds))


def _kinds_of(items: Sequence[Item]) -> list[_Kind]:
    """The items by extension, each kind by size, the kind with most bytes first."""
    by_extension: dict[bytes, list[Item]] = defaultdict(list)
    for item in items:
        by_extension[extension_of(os.fsencode(item.path))].append(item)
    kinds = [_Kind(sorted(kind, key=lambda item: item.nbytes)) for kind in by_extension.values()]
    return sorted(kinds, key=lambda kind: -sum(item.nbytes for item in kind.items))


def _samples(kinds: Sequence[_Kind]) -> Iterator[tuple[_Kind, Item]]:
    """One of each kind, then another of each."""
    seen = set()
    for quantile in QUANTILES:
        for kind in kinds:
            item = kind.items[int(quantile * len(kind.items))]
            if item.source not in seen:
                seen.add(item.source)
                yield kind, item


def _try_one(item: Item, target: Path, settings: DirSettings, predictor: Predictor) -> tuple[float, float]:
    """Seconds that one picture takes, at files and at the network; one that cannot be done costs the look."""
    began = time.monotonic()
    network = 0.0
    try:
        inspection, treatment = inspect_photograph(item.source, predictor.working_size, settings)
        if treatment.action is Action.COLOUR:
            asked = time.monotonic()
            predictor.predict(inspection.lumas)
            network = time.monotonic() - asked
            write_derivative(item.source, target, inspection, settings, Colouring(predictor))
    except (ItemError, OutOfMemoryError, MemoryError):
        pass
    # Writing asks the network once more.
    return max(0.0, time.monotonic() - began - 2 * network), network
