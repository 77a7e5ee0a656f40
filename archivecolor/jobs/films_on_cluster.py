"""A film coloured by the workers of a cluster: whole shots are pieces, made apart and joined by the client.

A segment that goes on with a shot needs what the one before hands on, so segments of one shot stay together
and whole shots go wherever there is room. The first pass, the join and every record are the client's.
"""

from __future__ import annotations

import itertools
import time
from contextlib import closing
from typing import TYPE_CHECKING

from archivecolor.archive.plan import Item
from archivecolor.errors import OutputError
from archivecolor.film.film import Film
from archivecolor.film.segment_plan import Segment, WorkFolder, whole_shots
from archivecolor.film.segments import SegmentContext, missing_segments
from archivecolor.jobs.film_jobs import FilmRunContext
from archivecolor.printable import printable

if TYPE_CHECKING:
    from archivecolor.engine.cluster import Cluster
    from archivecolor.jobs.film_cluster_tasks import FilmPiece


def make_segments_on_cluster(
    item: Item, run_context: FilmRunContext, context: SegmentContext, segments: tuple[Segment, ...]
) -> bool:
    """Have the cluster's workers make what is missing of a film; False where they are to end before that.

    Args:
        item: the film.
        run_context: of the run.
        context: as on one machine; its folder is one that all workers reach, and its progress counts frames
            in the order in which they are done.
        segments: all of the film.

    Raises:
        ItemError: the film cannot be done.
        UnavailableError: the scheduler is lost, or no worker can do this film.
        OutputError: the output cannot be written.
    """
    from archivecolor.engine.slices import SliceDone, SliceWork, map_slices
    from archivecolor.jobs.film_cluster_tasks import close_film, make_pieces

    film, cluster = context.film, run_context.cluster
    assert cluster is not None
    pieces = _pieces(film, segments, context.folder)
    if not pieces:
        return True
    shared = _told_workers(cluster, item, run_context, context)
    frames, left = itertools.count(), len(pieces)
    work, slices = SliceWork(make_pieces, shared), ((piece,) for piece in pieces)
    try:
        with closing(map_slices(cluster, work, slices, run_context.stop)) as settled:
            for outcome in settled:
                if not isinstance(outcome, SliceDone):
                    raise outcome.error
                left -= 1
                done = sum(map(_frame_count, outcome.items))
                by = outcome.value
                run_context.note_work(by.host, by.seconds, done * film.facts.megapixels)
                for frame in itertools.islice(frames, done):
                    context.on_progress(frame)
    finally:
        cluster.call_everywhere(close_film, shared)
    if not left:
        _wait_until_seen(segments, context.folder)
    return not left


def _told_workers(
    cluster: Cluster, item: Item, run_context: FilmRunContext, context: SegmentContext
) -> bytes:
    """What all pieces of the film share; every worker was asked whether it can make them."""
    from archivecolor.jobs.cluster_worker import run_of_client, shared_of, why_not
    from archivecolor.jobs.film_cluster_tasks import film_run

    run = run_of_client(run_context.settings, item.root, run_context.output, run_context.weights)
    first_pass = context.folder.first_pass(context.film.facts.fields)
    runtime = run_context.open_predictor().runtime_name
    shared = shared_of(film_run(run, context.film, first_pass, context.folder, runtime))
    cluster.ask(why_not, shared)
    return shared


def _pieces(film: Film, segments: tuple[Segment, ...], folder: WorkFolder) -> list[FilmPiece]:
    """Those runs of whole shots of which something is missing."""
    from archivecolor.jobs.film_cluster_tasks import FilmPiece

    missing = missing_segments(segments, film, folder)
    pieces = []
    for run in whole_shots(film, segments):
        if any(segment.number in missing for segment in run):
            shots = range(film.shot_at(run[0].first), film.shot_at(run[-1].last) + 1)
            sources = {shot: views for shot, views in film.colour_sources.items() if shot in shots}
            guided = {*shots, *(view.shot for views in sources.values() for view in views)}
            guides = {shot: guide for shot, guide in film.guides.items() if shot in guided}
            pieces.append(FilmPiece(run, guides, sources))
    return pieces


def _frame_count(piece: FilmPiece) -> int:
    return piece.segments[-1].last + 1 - piece.segments[0].first


def _wait_until_seen(segments: tuple[Segment, ...], folder: WorkFolder) -> None:
    """Wait until this machine sees what the others made: network file systems show it late.

    Raises:
        OutputError: it does not.
    """
    from archivecolor.jobs.cluster_worker import LATE_SECONDS

    until = time.monotonic() + LATE_SECONDS
    while not all(folder.segment(segment).exists() for segment in segments):
        if time.monotonic() >= until:
            raise OutputError(
                f"what workers made in {printable(folder.path)} is not seen here; have they the same share?"
            )
        time.sleep(0.2)
