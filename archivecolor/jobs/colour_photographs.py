"""The photographs of a run: loaded where there are any, so that films need not wait for it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING

from archivecolor.archive.bucket import Bucket
from archivecolor.engine.local import LocalExecutor
from archivecolor.jobs.fetching import fetched_photographs
from archivecolor.jobs.items import PHOTO, RunPlan
from archivecolor.jobs.photograph import check_options
from archivecolor.jobs.photographs import PhotoRunContext, photographs, worker_options
from archivecolor.jobs.photographs_on_cluster import photographs_on_cluster
from archivecolor.jobs.run import ItemResult, Session
from archivecolor.jobs.sheet import check_sheet
from archivecolor.settings import BucketPath, DirSettings

if TYPE_CHECKING:
    from archivecolor.jobs.colour import Means


def check_photograph_options(settings: DirSettings) -> None:
    """Refuse what no photograph could be coloured with; raises as `check_sheet` and `check_options`."""
    check_sheet(settings.sheet, (settings.input, settings.output))
    check_options(settings)


def colour_photographs(
    settings: DirSettings, plan: RunPlan, session: Session, means: Means
) -> Generator[ItemResult, None, None]:
    """The result of every photograph, by workers of this machine or of a cluster.

    Args:
        settings: with the folder that is written into as output.
        plan: of the run.
        session: that it is part of.
        means: what it works with.
    """
    context = PhotoRunContext(settings, session.summary.weights, means.open_network)
    items, total = plan.claimed(PHOTO), len(plan.items(PHOTO))
    if total:
        _warn_without_exiftool()
    if means.open_cluster is not None:
        if total:
            yield from photographs_on_cluster(items, total, context, means.open_cluster, session)
        return
    with LocalExecutor(worker_options(settings), settings) as executor:
        if isinstance(settings.input, BucketPath):
            made = fetched_photographs(items, Bucket(settings.input), context, executor, session.stop)
        else:
            made = photographs(items, context, executor, session.stop)
        with closing(made) as results:
            yield from results


def _warn_without_exiftool() -> None:
    """Say once that metadata will not be carried in full: the workers that find it out have no voice."""
    from archivecolor.photo.exiftool import program

    program()
