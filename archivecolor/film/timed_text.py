"""Timed text of MP4 (ETSI TS 126 245): how long each text is shown, and the text without its styles."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from archivecolor.film.probe import FilmFacts, StreamFacts, film_errors, open_again

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

MOV_TEXT = "mov_text"


def timed_text_durations(facts: FilmFacts, stream: StreamFacts) -> list[int]:
    """How long each packet of timed text lasts, in ticks: up to the next, the last to the end of its track.

    Timed text has no gaps. Where an edit hides the first of it, as a cut through a text does, the reader
    says of each packet how long another one lasts. None of other streams.

    Raises:
        ItemError: the film cannot be read.
    """
    if stream.codec != MOV_TEXT:
        return []
    with open_again(facts) as container, film_errors():
        track = container.streams[stream.index]
        packets = [packet for packet in container.demux(track) if packet.size]
        end = (track.start_time or 0) + (track.duration or 0)
    durations = [packet.duration or 0 for packet in packets]
    times = [packet.pts for packet in packets if packet.pts is not None]
    if not times or len(times) < len(packets):
        return durations
    last = end - times[-1] if end > times[-1] else durations[-1]
    return [*(max(0, after - before) for before, after in pairwise(times)), last]


def plain_text_packet(packet: Packet[Stream]) -> Packet[Stream] | None:
    """A packet of timed text as plain text; None where it only says that nothing is shown."""
    import av

    data = bytes(packet)
    # Two bytes of length, UTF-8, styles after it.
    text = data[2 : 2 + int.from_bytes(data[:2], "big")]
    if not text:
        return None
    plain: Packet[Stream] = av.Packet(text)
    plain.pts, plain.dts, plain.duration = packet.pts, packet.dts, packet.duration
    plain.time_base = packet.time_base
    return plain
