"""Segments taken out of a film that an earlier run finished, so that they need not be made again.

The picture's packets are copied as they are, into files like those that the encoder left: what is joined from
them is what would be joined from segments made anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import ItemError
from archivecolor.film.containers import closing_output
from archivecolor.film.probe import ffmpeg_url, film_errors
from archivecolor.film.segment_plan import Segment, WorkFolder
from archivecolor.film.segments import MAX_REORDER, SEGMENT_CONTAINERS, TICKS_PER_FRAME

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

logger = logging.getLogger(__name__)


def take_out_segments(
    path: Path,
    segments: tuple[Segment, ...],
    wanted: frozenset[int],
    folder: WorkFolder,
    check: Callable[[], None],
) -> frozenset[int]:
    """Copy segments out of a finished film; gives the numbers of those that were.

    Args:
        path: of the film.
        segments: all that it was joined from.
        wanted: numbers of those that are to be copied.
        folder: where they go.
        check: called with every segment; may raise to end the copying.
    """
    import av

    taken = set()
    try:
        with film_errors(), av.open(ffmpeg_url(path)) as film:
            stream = film.streams.video[0]
            ranks = _ranks(path)
            if len(ranks) != segments[-1].last + 1:
                return frozenset()
            packets = (packet for packet in film.demux(stream) if packet.size and packet.pts is not None)
            for segment in segments:
                check()
                own = list(islice(packets, segment.last + 1 - segment.first))
                orders = [ranks[packet.pts] - segment.first for packet in own if packet.pts is not None]
                if sorted(orders) != list(range(len(own))):
                    break
                if segment.number in wanted:
                    _write(folder, segment, stream, list(zip(orders, own, strict=True)))
                    taken.add(segment.number)
    except ItemError as error:
        logger.info("%s: its segments cannot be taken out of it: %s", path, error)
    return frozenset(taken)


def _ranks(path: Path) -> dict[int, int]:
    """The number of each frame of a film's picture, by its time."""
    import av

    with av.open(ffmpeg_url(path)) as film:
        packets = film.demux(film.streams.video[0])
        times = sorted(packet.pts for packet in packets if packet.size and packet.pts is not None)
    return {pts: number for number, pts in enumerate(times)}


def _write(
    folder: WorkFolder,
    segment: Segment,
    stream: VideoStream,
    packets: Sequence[tuple[int, Packet[VideoStream]]],
) -> None:
    """Write packets, each with its place in presentation order, as the encoder's would be."""
    import av

    container = SEGMENT_CONTAINERS[folder.suffix]
    with (
        atomic_write(folder.segment(segment)) as part,
        closing_output(
            av.open(ffmpeg_url(part), "w", format=container, options={"fflags": "+bitexact"})
        ) as out,
    ):
        copy = out.add_stream_from_template(stream)
        for count, (order, packet) in enumerate(packets):
            packet.pts = (order + MAX_REORDER) * TICKS_PER_FRAME
            packet.dts = count * TICKS_PER_FRAME
            packet.duration = TICKS_PER_FRAME
            packet.time_base = Fraction(1, 1000)
            packet.stream = copy
            out.mux(packet)
