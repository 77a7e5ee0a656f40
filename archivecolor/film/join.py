"""The finished film: the picture's segments put together, and all else copied from the source."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archivecolor.archive.durable import raise_if_full
from archivecolor.archive.marking import DIGITAL_SOURCE_TYPE, Marking
from archivecolor.errors import ItemError, Reason
from archivecolor.film.command import Missing, complete
from archivecolor.film.containers import (
    Joined,
    add_copy,
    is_lost,
    kept_tags,
    needs_plain_text,
    new_container,
    stream_tags,
    ticks_for,
)
from archivecolor.film.film import Film
from archivecolor.film.probe import FilmFacts, film_errors, opened, url_of
from archivecolor.film.segments import MOST_REORDERED, TICKS_PER_FRAME, Segment, WorkFolder

NOTE_NAME = "archivecolor.json"
INCOMPLETE = "incomplete.mkv"
INTRA_ONLY = frozenset({"ffv1", "prores", "dnxhr"})


@dataclass(frozen=True)
class Joining:
    """What a film is joined from.

    Attributes:
        film: the film.
        segments: all of them, in order.
        folder: where they lie.
        marking: what the film says of its colour.
    """

    film: Film
    segments: tuple[Segment, ...]
    folder: WorkFolder
    marking: Marking


def add_picture(out: Any, joining: Joining, container: str) -> Any:
    """The picture's stream, as the first segment has it, with what only the container tells."""
    import av

    facts = joining.film.facts
    with av.open(url_of(joining.folder.segment(joining.segments[0]))) as first:
        stream = out.add_stream_from_template(first.streams.video[0])
    stream.time_base = facts.time_base
    # Timecode tracks count frames, at this rate.
    stream.codec_context.framerate = facts.read_rate
    if joining.film.target.codec == "h265" and container != "mkv":
        stream.codec_context.codec_tag = "hvc1"  # the one QuickTime plays
    # Matroska segments of some codecs do not tell it.
    stream.codec_context.sample_aspect_ratio = facts.aspect
    if facts.display_matrix is not None:
        stream.set_display_matrix(facts.display_matrix)
    return stream


def plain_text(data: bytes) -> bytes:
    """The text of a timed text sample (ETSI TS 126 245): two bytes of length, UTF-8, styles after it."""
    return data[2 : 2 + int.from_bytes(data[:2], "big")]


def join(joining: Joining, joined: Joined, part: Path, watch: Callable[[int], None]) -> None:
    """Write the whole film.

    Args:
        joining: what from.
        joined: into which container, what of it is left out, and what the ffmpeg program adds.
        part: the file to write.
        watch: called with the number of picture packets written.

    Raises:
        ItemError: the source or a segment cannot be read, or the ffmpeg program fails.
        OutputError: the disk is full.
    """
    if not joined.added and joined.aspect is None:
        write_film(joining, joined, part, watch)
        return
    lacking = joining.folder.path / INCOMPLETE
    write_film(joining, joined, lacking, watch)
    facts = joining.film.facts
    shape = None if joined.aspect is None else joined.aspect * facts.width / facts.height
    try:
        complete(lacking, part, Missing(facts.path, tuple(tracks_of(joining, joined)), shape))
    except ItemError:
        raise_if_full(part.parent)
        raise
    lacking.unlink()


def tracks_of(joining: Joining, joined: Joined) -> list[int | None]:
    """Of each track of sound its index in the source, None where PyAV has written it."""
    sound = [stream for stream in joining.film.facts.streams if stream.kind == "audio"]
    return [stream.index if stream.index in joined.added else None for stream in sound]


def write_film(joining: Joining, joined: Joined, part: Path, watch: Callable[[int], None]) -> None:
    """Write all that PyAV can; arguments as for `join`."""
    facts = joining.film.facts
    container = new_container(part, joined.container, ticks_for(facts))
    with opened(facts.path) as source, container as out, film_errors():
        picture = add_picture(out, joining, joined.container)
        copy_picture_tags(source.streams[facts.picture], picture, joined.container)
        copies = copy_streams(joining, joined, source, out)
        out.metadata.update(kept_tags(source.metadata) | marks(joining.marking, source.metadata))
        out.set_chapters(source.chapters())
        if joined.container == "mkv":
            out.add_attachment(NOTE_NAME, "application/json", note(joining))
        written = 0
        for packet in in_order(picture_packets(joining, picture), other_packets(source, copies)):
            if packet.stream is picture:
                written += 1
                watch(written)
            out.mux(packet)


def copy_picture_tags(source: Any, picture: Any, container: str) -> None:
    """Language, title, timecode and standing of the picture."""
    picture.metadata.update(stream_tags(source.metadata, container))
    picture.disposition = source.disposition


@dataclass(frozen=True)
class Copy:
    """A stream of the source in the new container.

    Attributes:
        stream: the new one.
        plain: its packets are brought from MP4's timed text to plain text.
    """

    stream: Any
    plain: bool


def copy_streams(joining: Joining, joined: Joined, source: Any, out: Any) -> dict[int, Copy]:
    """The streams of the source in the new container, by their index in the source."""
    copies: dict[int, Copy] = {}
    for stream in joining.film.facts.streams:
        if stream.rewritten or is_lost(stream, joined) or stream.index in joined.added:
            continue
        if stream.cover and joined.container == "mkv":
            add_cover(out, joining.film.facts, source.streams[stream.index])
            continue
        copy = add_copy(out, source.streams[stream.index], stream, joined.container)
        if copy is not None:
            copies[stream.index] = Copy(copy, needs_plain_text(stream, joined.container))
    return copies


def add_cover(out: Any, facts: FilmFacts, source: Any) -> None:
    """A cover as Matroska keeps it: an attached file."""
    with opened(facts.path) as again:
        data = b"".join(bytes(packet) for packet in again.demux(source.index) if packet.size)
    suffix, mimetype = ("png", "image/png") if source.codec_context.name == "png" else ("jpg", "image/jpeg")
    name = source.metadata.get("filename", f"cover.{suffix}")
    out.add_attachment(name, source.metadata.get("mimetype", mimetype), data)


def marks(marking: Marking, tags: dict[str, str]) -> dict[str, str]:
    """Tags that say the colour was invented; a comment of the source stays."""
    words = (
        f"Colour added by {marking.tool}: {marking.parameters}. Digital source type: {DIGITAL_SOURCE_TYPE}"
    )
    own = next((value for name, value in tags.items() if name.lower() == "comment"), "")
    return {"comment": f"{own} | {words}" if own else words, "DIGITAL_SOURCE_TYPE": DIGITAL_SOURCE_TYPE}


def note(joining: Joining) -> bytes:
    """What a Matroska film carries with it of its making."""
    film, marking = joining.film, joining.marking
    about = {
        "tool": marking.tool,
        "digital_source_type": DIGITAL_SOURCE_TYPE,
        "source_sha256": marking.source_sha256,
        "settings": marking.settings,
        "weights": marking.weights,
        "frames": len(film.survey),
        "shots": [shot.first for shot in film.shots],
        "notes": film.notes,
    }
    return json.dumps(about, indent=1).encode()


@dataclass(frozen=True)
class Due:
    """A packet and when it is due, in seconds."""

    seconds: float
    packet: Any


def in_order(*sources: Iterable[Due]) -> Iterator[Any]:
    """Packets of several sources by the time they are due."""
    for due in heapq.merge(*sources, key=lambda due: due.seconds):
        yield due.packet


def picture_packets(joining: Joining, stream: Any) -> Iterator[Due]:
    """The picture's packets with the times of the source.

    Decoding times are made of the sorted presentation times, delayed by as many frames as the encoder
    reorders by, which holds across segments and for any spacing of frames.
    """
    film = joining.film
    times = [int(pts) for pts in film.survey.pts]
    ends = [*times[1:], times[-1] + max(1, round(1 / (film.facts.read_rate * film.facts.time_base)))]
    delay, step = reordering(joining), ends[0] - times[0]
    count = 0
    for segment in joining.segments:
        for order, packet in ordered_packets(joining.folder.segment(segment)):
            frame = segment.first + order
            packet.pts = times[frame]
            packet.dts = times[count - delay] if count >= delay else times[0] - (delay - count) * step
            packet.duration = ends[frame] - times[frame]
            packet.time_base = film.facts.time_base
            packet.stream = stream
            count += 1
            yield Due(float(packet.dts * film.facts.time_base), packet)
    if count != len(times):
        raise ItemError(Reason.INCOMPLETE, f"{count} frames came out of {len(times)}; remove the work folder")


def reordering(joining: Joining) -> int:
    """Frames by which decoding order lags presentation, at most, over all segments."""
    if joining.film.target.codec in INTRA_ONLY:
        return 0
    most = 0
    for segment in joining.segments:
        orders = [order for order, _ in ordered_packets(joining.folder.segment(segment))]
        most = max([most, *(place - order for place, order in enumerate(orders))])
    return most


def ordered_packets(path: Path) -> Iterator[tuple[int, Any]]:
    """Packets of a segment in decoding order, each with its place in presentation order."""
    import av

    with av.open(url_of(path)) as segment:
        for packet in segment.demux(video=0):
            if packet.size:
                ticks = round(packet.pts * packet.time_base * 1000)
                yield ticks // TICKS_PER_FRAME - MOST_REORDERED, packet


def other_packets(source: Any, copies: dict[int, Copy]) -> Iterator[Due]:
    """Packets of all streams that are copied."""
    if not copies:
        return
    last = 0.0
    for packet in source.demux([source.streams[index] for index in copies]):
        if packet.size == 0:
            continue
        copy = copies[packet.stream_index]
        if packet.pts is None and packet.dts is None:
            packet.pts = packet.dts = 0  # a cover has no time
        moment = packet.dts if packet.dts is not None else packet.pts
        last = max(last, float(moment * packet.time_base))
        held = plain_packet(packet) if copy.plain else packet
        if held is not None:
            held.stream = copy.stream
            yield Due(last, held)


def plain_packet(packet: Any) -> Any | None:
    """A packet of timed text as plain text; None where it only says that nothing is shown."""
    import av

    text = plain_text(bytes(packet))
    if not text:
        return None
    plain = av.Packet(text)
    plain.pts, plain.dts, plain.duration = packet.pts, packet.dts, packet.duration
    plain.time_base = packet.time_base
    return plain
