"""All packets of a film read once, before any work: streams that begin late, clocks, what there is to copy.

Nothing is decoded but the first frame. What cannot be copied in order is refused here.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.film.clocks import PacketClock, Restarts
from archivecolor.film.probe import (
    MAX_MEGAPIXELS,
    MOV,
    FilmFacts,
    StreamFacts,
    film_errors,
    open_again,
    probe,
)

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

# How much of a film is read for its streams: FFmpeg's own measure, then more and more, held in memory.
_PROBE_BYTES = (0, 40_000_000, 320_000_000)
# Sound may lie so far from the picture of its time, in a file.
_INTERLEAVE_SECONDS = 5.0
# By so much a packet may be moved that does not go forward.
_MOST_CORRECTION_SECONDS = 0.1
# Sound that is hidden because its coder needs a start is not longer than this; more is an edit.
_PRIMING_SECONDS = 0.1
# Frames that a packet comes behind the one before a bad time, at least, where only that one is bad.
_STEPS_AFTER_BAD_TIME = Fraction(3, 2)


@dataclass(frozen=True)
class _Step:
    """A packet that does not come after the one before it in its stream.

    Attributes:
        stream: its index.
        packet: its number in its stream, from 0.
        order: its place among all packets.
        before: time of the packet before, in seconds.
        after: its own time.
    """

    stream: int
    packet: int
    order: int
    before: Fraction
    after: Fraction


@dataclass
class _Seen:
    """What was seen of one stream so far, in seconds of the film's time."""

    clock: PacketClock
    packets: int = 0
    last: Fraction | None = None
    end: float = 0.0
    nbytes: int = 0
    hidden: float = 0.0


@dataclass
class _Packets:
    """All packets of a film.

    Attributes:
        seen: of each stream, by index.
        back: packets that go back in their stream's own time.
        first_shown: time of the earliest picture that is shown, in ticks.
        picture: time of each of the picture's packets, in ticks as they are in the file.
        streams: index of the stream of every packet, in order.
        behind_end: of each stream, packets that the file's index has and the file has not: it was cut off.
    """

    seen: dict[int, _Seen] = field(default_factory=dict)
    back: list[_Step] = field(default_factory=list)
    first_shown: int | None = None
    picture: array[int] = field(default_factory=lambda: array("q"))
    streams: array[int] = field(default_factory=lambda: array("H"))
    behind_end: dict[int, int] = field(default_factory=dict)


def survey_streams(
    path: Path, on_packet: Callable[[], None] = lambda: None, max_megapixels: float = MAX_MEGAPIXELS
) -> FilmFacts:
    """Look at a film and at all its packets: facts with every stream, and how its clock is put in order.

    Args:
        path: the film.
        on_packet: called with each packet; may raise to end it.
        max_megapixels: as for `probe`.

    Raises:
        ItemError: as `probe`; `UNSUPPORTED` where a stream begins too late to be known, or where sound
            cannot be kept in step with the picture.
    """
    facts, found = _read_all(path, on_packet, max_megapixels)
    cut_pictures = found.behind_end.get(facts.picture, 0)
    cut_others = sum(found.behind_end.values()) - cut_pictures
    facts = replace(facts, cut_pictures=cut_pictures, cut_others=cut_others)
    restarts = _find_restarts(facts, found)
    if restarts:
        facts = replace(facts, restarts=restarts)
        found = _read_packets(facts, on_packet)
    others = [(stream, found.seen[stream.index]) for stream in facts.streams if stream.index in found.seen]
    sound = [(stream, seen) for stream, seen in others if stream.kind == "audio"]
    _refuse_disorder(others)
    return replace(
        facts,
        notes=tuple(_notes(facts, others)),
        copied_bytes=sum(seen.nbytes for _, seen in others),
        hidden_sound=frozenset(stream.index for stream, seen in sound if seen.hidden > _PRIMING_SECONDS),
        end_of_others=max((seen.end for _, seen in others), default=0.0),
    )


def _read_all(path: Path, on_packet: Callable[[], None], max_megapixels: float) -> tuple[FilmFacts, _Packets]:
    """The film, read as far for its streams as it takes to know all of them, and its packets."""
    for probe_bytes in _PROBE_BYTES:
        facts = probe(path, probe_bytes, max_megapixels)
        if probe_bytes != _PROBE_BYTES[-1] and not all(stream.complete for stream in facts.streams):
            continue
        try:
            return facts, _read_packets(facts, on_packet)
        except IndexError:  # PyAV, of a packet whose stream is not in its list
            continue
    raise ItemError(
        Reason.UNSUPPORTED,
        f"a stream begins only after the first {_PROBE_BYTES[-1] // 1_000_000} MB, and its container does "
        "not list it; copy the film into Matroska first",
    )


def _read_packets(facts: FilmFacts, on_packet: Callable[[], None]) -> _Packets:
    found = _Packets()
    covers = {stream.index for stream in facts.streams if stream.cover}
    with open_again(facts) as container, film_errors():
        if facts.container == MOV:
            found.behind_end = {
                stream.index: sum(entry.pos + entry.size > facts.nbytes for entry in stream.index_entries)
                for stream in container.streams
            }
        for packet in container.demux():
            on_packet()
            if packet.size and packet.stream_index not in covers:
                _take(found, facts, packet)
    return found


def _take(found: _Packets, facts: FilmFacts, packet: Packet[Stream]) -> None:
    """Take one packet in."""
    index = packet.stream_index
    seen = found.seen.setdefault(index, _Seen(PacketClock(facts.restarts, packet.stream)))
    # The picture's presentation times go back and forth: only decode times tell of its clock.
    moment = packet.pts if packet.dts is None and index != facts.picture else packet.dts
    if moment is not None:
        seconds = moment * packet.time_base
        if seen.last is not None and seconds <= seen.last:
            found.back.append(_Step(index, seen.packets, len(found.streams), seen.last, seconds))
        seen.last = seconds
    if index == facts.picture:
        found.picture.append(moment if moment is not None else (found.picture[-1] if found.picture else 0))
        if packet.pts is not None and not packet.is_discard:
            earliest = found.first_shown
            found.first_shown = packet.pts if earliest is None else min(packet.pts, earliest)
    found.streams.append(index)
    seen.packets += 1
    seen.nbytes += packet.size
    if packet.is_discard:
        seen.hidden += float((packet.duration or 0) * packet.time_base)
    seen.clock.set_right(packet, forward=index != facts.picture)
    shown = packet.pts if packet.pts is not None else packet.dts
    if shown is not None:
        seen.end = max(seen.end, float((shown + (packet.duration or 0)) * packet.time_base))


def _find_restarts(facts: FilmFacts, found: _Packets) -> Restarts:
    """Where the picture's clock starts again, and the packet of each stream that this holds from."""
    step = 1 / facts.rate
    joins = [
        back for back in found.back if back.stream == facts.picture and not _is_bad_time(facts, found, back)
    ]
    offsets = accumulate(join.before + step - join.after for join in joins)
    starts = {facts.picture: tuple(join.packet for join in joins)} | {
        index: tuple(
            join.packet if index == facts.picture else _packet_after(found, index, join) for join in joins
        )
        for index in found.seen
    }
    start = max(Fraction(0), -(found.first_shown or 0) * facts.time_base)
    return Restarts(start, tuple(offsets), starts) if joins else Restarts(start)


def _is_bad_time(facts: FilmFacts, found: _Packets, back: _Step) -> bool:
    """Whether one packet alone has a wrong time: the one behind it is where it should be."""
    if back.packet + 1 >= len(found.picture):
        return True
    following = found.picture[back.packet + 1] * facts.time_base
    return following >= back.before + _STEPS_AFTER_BAD_TIME / facts.rate


def _packet_after(found: _Packets, stream: int, join: _Step) -> int:
    """The packet of a stream that follows a join of the picture: where it goes back too, or by its place."""
    near = [
        back
        for back in found.back
        if back.stream == stream and abs(back.before - join.before) < _INTERLEAVE_SECONDS
    ]
    if near:
        return min(near, key=lambda back: abs(back.order - join.order)).packet
    return int(np.count_nonzero(np.frombuffer(found.streams, np.uint16)[: join.order] == stream))


def _refuse_disorder(others: list[tuple[StreamFacts, _Seen]]) -> None:
    """See that no copied stream is moved against the picture by more than milliseconds."""
    for stream, seen in others:
        if seen.clock.most > _MOST_CORRECTION_SECONDS and stream.kind != "data":
            raise ItemError(
                Reason.UNSUPPORTED,
                f"the clock of its {stream.kind} (stream {stream.index}) runs back by up to "
                f"{seen.clock.most:.2f} s where that of the picture does not, so they cannot be kept in "
                "step; cut the film there",
            )


def _notes(facts: FilmFacts, others: list[tuple[StreamFacts, _Seen]]) -> Iterator[str]:
    """What was put in order, and what is not there, for people."""
    if facts.cut_others:
        yield f"{facts.cut_others} packets of sound or other streams lie behind its end: it was cut off"
    if facts.restarts.start:
        yield f"everything was moved by {float(facts.restarts.start):.3f} s, as it began before zero"
    if facts.restarts.offsets:
        count = len(facts.restarts.offsets)
        yield f"its clock starts again in {count} places; what follows was moved up, sound with picture"
    for stream, seen in others:
        if seen.clock.early:
            yield (
                f"{seen.clock.early} packets of stream {stream.index} ({stream.kind}) that were due before "
                "the film begins were moved to its start"
            )
        if seen.clock.corrected:
            yield (
                f"{seen.clock.corrected} packets of stream {stream.index} ({stream.kind}) whose time did not "
                f"go forward were moved by up to {1000 * seen.clock.most:.0f} ms"
            )
