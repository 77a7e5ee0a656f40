"""What a cluster's engine costs beside the work: for each slice, in memory, and with real work.

    python benchmarks/cluster.py          a million pictures without work, then real ones by 1 and 2 workers
    python benchmarks/cluster.py --quick

Slices without work go the whole way: from items through the scheduler to a worker and back, and their
records into a manifest. What one costs is then all that command and scheduler do for it, both in one process
here, so that it is what limits how many workers they can feed. That it is little beside half a minute of work
is computed from that figure, and how busy many workers are kept by playing their slices through, which are as
unlike in length as the pictures that were coloured: each worker has four, the command answers one after the
other.
"""

from __future__ import annotations

import heapq
import json
import random
import resource
import sys
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from made import write_photographs
from processes import spent_by
from report import Row, Target, measure, parser_for

from archivecolor.archive.manifest import ManifestWriter, Output, Record, Source, Status, now_utc
from archivecolor.archive.plan import Item
from archivecolor.archive.plan_action import PlanAction
from archivecolor.engine.cluster_address import connected
from archivecolor.engine.slices import SLICES_PER_WORKER, SliceDone, SliceWork, map_slices
from archivecolor.engine.stopping import Stop
from archivecolor.errors import Reason
from archivecolor.jobs.photographs_on_cluster import SLICE_ITEMS

SLICE_SECONDS = 30.0
DIGEST = "0" * 64
OVERHEAD, MEMORY, SPEED, BUSY = Target(most=3), Target(most=500), Target(least=0.85), Target(least=95)


@dataclass(frozen=True)
class Sizes:
    """How many pictures go through without work, and how many are coloured."""

    planned: int = 1_000_000
    coloured: int = 240


QUICK = Sizes(planned=2_000, coloured=12)


def main() -> int:
    """Measure, print, and say whether what is wanted was reached."""
    options = parser_for(__doc__).parse_args()
    sizes = QUICK if options.quick else Sizes()
    return measure(options, lambda folder: rows(folder, sizes))


def rows(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """All measures."""
    command_seconds = yield from without_work(folder, sizes.planned)
    yield from with_work(folder, sizes.coloured)
    lengths = slice_lengths(folder / "cluster-2")
    yield Row("slices as long as measured, the longest", max(lengths) / SLICE_SECONDS, "x")
    for workers in (100, 1000):
        kept = 100 * busy_share(workers, command_seconds, lengths)
        yield Row(f"{workers} workers played through, at work", kept, "%", BUSY)


def without_work(folder: Path, count: int) -> Generator[Row, None, float]:
    """Slices whose workers answer at once; returns what the command does for one, in seconds."""
    before = peak_memory()
    with connected("local:2") as cluster, ManifestWriter(folder / "manifest.jsonl") as writer:
        began, slices = time.monotonic(), 0
        for outcome in map_slices(cluster, SliceWork(answer, b""), slices_of(count), Stop()):
            if not isinstance(outcome, SliceDone):
                raise SystemExit("a slice was lost")
            slices += 1
            for record in outcome.value:
                writer.append(replace(record, at=now_utc()))
        seconds = (time.monotonic() - began) / slices
    yield Row(f"a slice of {SLICE_ITEMS} without work, of {slices:,}", seconds * 1000, "ms")
    yield Row(f"of a slice of {SLICE_SECONDS:g} s", 100 * seconds / SLICE_SECONDS, "%", OVERHEAD)
    yield Row("memory of command and scheduler, growth", peak_memory() - before, "MB", MEMORY)
    return seconds


def with_work(folder: Path, count: int) -> Iterator[Row]:
    """The same photographs by this machine's processes and by workers with as many, a process each.

    By the clock, and by what all processes together spend on processors, which others on this machine do not
    change as much.
    """
    write_photographs(folder / "scans", count, 6)
    for number in (1, 2):
        words = ("dir", folder / "scans", folder / f"local-{number}", "--quiet", "--jobs", number)
        local = spent_by(*words)
        words = ("dir", folder / "scans", folder / f"cluster-{number}", "--quiet", "--jobs", 1)
        cluster = spent_by(*words, "--cluster", f"local:{number}")
        target = SPEED if number == 2 else None
        yield Row(f"dir with {number} processes", count / local.seconds, "pictures/s")
        yield Row(f"with {number} workers, of that", local.seconds / cluster.seconds, "", target)
        yield Row("processor time of a picture", local.processor_seconds / count, "s")
        spent = cluster.processor_seconds / local.processor_seconds
        yield Row(f"with {number} workers, of that", spent, "x")


def slices_of(count: int) -> Iterator[tuple[Item, ...]]:
    """Items as a plan has them, so many together as a slice has."""
    for first in range(0, count, SLICE_ITEMS):
        names = (
            f"box-{number // 1000:04}/negative-{number:07}.jpg"
            for number in range(first, first + SLICE_ITEMS)
        )
        yield tuple(
            Item("photo", Path("/srv/archive/scans"), name, name, 5_000_000, 0, PlanAction.DO, 0, DIGEST[:16])
            for name in names
        )


def answer(_shared: bytes, items: tuple[Item, ...]) -> tuple[Record, ...]:
    """What a worker answers of pictures that it coloured."""
    return tuple(
        Record(
            path=item.path,
            status=Status.DONE,
            reason=Reason.COLOURED,
            source=Source(item.nbytes, item.mtime_ns, DIGEST, 4000, 3000, 8, 1, "grey"),
            output=Output(item.output, 6_000_000, DIGEST, 4000, 3000, 8, 0),
            settings=DIGEST[:16],
            weights=DIGEST,
            confidence=0.5,
            luma="coefficients",
            seconds=1.0,
        )
        for item in items
    )


def slice_lengths(output: Path) -> list[float]:
    """How long slices take: of pictures drawn from what each of a run took, `SLICE_SECONDS` in the mean."""
    lines = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    pictures = [json.loads(line)["seconds"] for line in lines]
    draw = random.Random(20)
    sums = [sum(draw.choices(pictures, k=SLICE_ITEMS)) for _ in range(10_000)]
    mean = sum(sums) / len(sums)
    return [SLICE_SECONDS * total / mean for total in sums]


def busy_share(workers: int, command_seconds: float, lengths: Sequence[float]) -> float:
    """How much of their time workers are at work, by playing a run through.

    Args:
        workers: how many there are.
        command_seconds: what the command does for one slice before it sends the next.
        lengths: seconds that slices take, as they come.
    """
    rounds = 40
    length = cycle(lengths)
    # When each worker ends its slice, and how many more it has there.
    ends = [(SLICE_SECONDS * (1 + number / workers), number) for number in range(workers)]
    heapq.heapify(ends)
    stock = [deque([0.0] * (SLICES_PER_WORKER - 1)) for _ in range(workers)]
    free, work, now = 0.0, 0.0, 0.0
    for _ in range(rounds * workers):
        now, worker = heapq.heappop(ends)
        seconds = next(length)
        work += seconds
        free = max(free, now) + command_seconds
        stock[worker].append(free)
        heapq.heappush(ends, (max(now, stock[worker].popleft()) + seconds, worker))
    return min(1.0, work / (now * workers))


def peak_memory() -> float:
    """The most that this process held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    sys.exit(main())
