"""Photographs coloured by the workers of a cluster: a plan cut into slices, whose answers become records.

The same items give the same bytes and records as on one machine: workers do what that would do
(`cluster_tasks`), and this process alone holds the lock and writes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from archivecolor.archive.estimate import PIXELS_PER_BYTE
from archivecolor.archive.plan import Item
from archivecolor.errors import UnavailableError
from archivecolor.jobs.photographs import PhotoRunContext
from archivecolor.jobs.run import ItemResult, Session
from archivecolor.settings import DirSettings, VideoSettings

if TYPE_CHECKING:
    from distributed import Client

    from archivecolor.engine.cluster import Cluster

logger = logging.getLogger(__name__)

# Half a minute of eight cores, or of one graphics card: long beside what a slice costs to hand over, short
# beside what a dead worker loses.
SLICE_ITEMS = 64
_SLICE_MEGAPIXELS = 500.0

ClusterOpener = Callable[[], AbstractContextManager["Cluster"]]


@dataclass(frozen=True)
class SliceSize:
    """How much a slice may hold.

    Attributes:
        items: pictures.
        megapixels: of all of them, as far as they are known.
    """

    items: int
    megapixels: float


def cluster_of(settings: DirSettings | VideoSettings, executor: Client | None) -> ClusterOpener | None:
    """The cluster that is asked for.

    Raises:
        UnavailableError: Dask is not installed.
    """
    place = settings.cluster if executor is None else executor
    return cluster_opener(place, settings.worker_resource) if place else None


def cluster_opener(place: str | Client, resource: str) -> ClusterOpener:
    """Connects to the cluster at `place`, when there is something to do; see `engine.cluster_address`.

    Raises:
        UnavailableError: Dask is not installed.
    """
    try:
        from archivecolor.engine.cluster_address import connected
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"a cluster needs Dask, and {error.name} is missing: pip install 'archivecolor[cluster]'"
        ) from error
    return lambda: connected(place, resource)


def photographs_on_cluster(
    items: Iterable[Item], total: int, context: PhotoRunContext, open_cluster: ClusterOpener, session: Session
) -> Generator[ItemResult, None, None]:
    """Colour `items` by the workers of a cluster; gives the result of each as its end is known, in any order.

    Args:
        items: claimed, as their turn comes.
        total: how many there are.
        context: what they are made with; its network is not opened here.
        open_cluster: connects.
        session: of the run; it is told who did what.

    Raises:
        UnavailableError: no scheduler answers, it is lost, or no worker can do this run.
        OutputError: the output cannot be written.
    """
    from archivecolor.engine.slices import SliceDone, SliceWork, map_slices
    from archivecolor.jobs.cluster_tasks import close_run, colour_slice
    from archivecolor.jobs.cluster_worker import run_of_client, shared_of, why_not

    settings = context.settings
    shared = shared_of(run_of_client(settings, settings.input, settings.output, context.weights))
    with open_cluster() as cluster:
        cluster.ask(why_not, shared)
        size = slice_size(total, len(cluster.usable))
        work = SliceWork(colour_slice, shared)
        try:
            with closing(map_slices(cluster, work, slices(items, size), session.stop)) as settled:
                for outcome in settled:
                    if isinstance(outcome, SliceDone):
                        results = outcome.value.results
                        megapixels = sum(result.amount for result in results)
                        session.note_work(
                            outcome.value.host, outcome.value.seconds, megapixels, items=len(results)
                        )
                        yield from results
                    else:
                        yield context.failed(outcome.item, outcome.error).value
        finally:
            cluster.call_everywhere(close_run, shared)


def slice_size(total: int, workers: int) -> SliceSize:
    """Slices so large that each worker gets several of them: the last ones end at about the same time.

    Args:
        total: items of the run.
        workers: that are there now, 0 where they are still to come.
    """
    from archivecolor.engine.slices import SLICES_PER_WORKER

    share = -(-total // (SLICES_PER_WORKER * max(1, workers)))
    return SliceSize(min(SLICE_ITEMS, max(1, share)), _SLICE_MEGAPIXELS)


def slices(items: Iterable[Item], size: SliceSize) -> Iterator[tuple[Item, ...]]:
    """`items` in their order, as many together as `size` allows; one that is larger is alone."""
    gathered: list[Item] = []
    megapixels = 0.0
    for item in items:
        item_megapixels = (item.pixels or item.nbytes * PIXELS_PER_BYTE) / 1e6
        is_full = len(gathered) == size.items or megapixels + item_megapixels > size.megapixels
        if gathered and is_full:
            yield tuple(gathered)
            gathered, megapixels = [], 0.0
        # A worker's own folder may be another.
        gathered.append(replace(item, root=item.root.absolute()))
        megapixels += item_megapixels
    if gathered:
        yield tuple(gathered)
