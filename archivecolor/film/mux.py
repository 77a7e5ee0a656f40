"""The finished film: the picture's segments put together, and all else copied from the source."""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from archivecolor.archive.atomic import new_file, raise_if_full
from archivecolor.errors import ItemError, Reason
from archivecolor.film.clocks import PacketClock, Restarts
from archivecolor.film.containers import (
    ContainerPlan,
    add_stream_copy,
    content_tags,
    copy_tags,
    needs_text_conversion,
    opened_output,
    timescale_for,
)
from archivecolor.film.ffmpeg_cli import MuxPatch, add_streams
from archivecolor.film.film import Film
from archivecolor.film.probe import FilmFacts, ffmpeg_url, film_errors, open_again, open_film
from archivecolor.film.segment_plan import Segment, WorkFolder
from archivecolor.film.segments import MAX_REORDER, TICKS_PER_FRAME
from archivecolor.film.side_data import SideDataOfFrame, SideDataWriter
from archivecolor.film.sound import PcmEncoder, sound_stream
from archivecolor.film.timed_text import plain_text_packet, timed_text_durations
from archivecolor.metadata.provenance import DIGITAL_SOURCE_TYPE, TOOL_NAME, Provenance

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

_COLOUR_ADDED = f"Colour added by {TOOL_NAME}"
_NOTE_NAME = "archivecolor.json"
INCOMPLETE = "incomplete.mkv"
_INTRA_ONLY = frozenset({"ffv1", "prores", "dnxhr"})


@dataclass(frozen=True)
class MuxInputs:
    """What a film is joined from.

    Attributes:
        film: the film.
        segments: all of them, in order.
        folder: where they lie.
        provenance: what the film says of its colour.
        side_data: what each frame carries beside its samples and can be put into the coded pictures.
    """

    film: Film
    segments: tuple[Segment, ...]
    folder: WorkFolder
    provenance: Provenance
    side_data: tuple[SideDataOfFrame, ...] = ()


def _add_video_stream(out: OutputContainer, inputs: MuxInputs, container: str) -> VideoStream:
    """The picture's stream, as the first segment has it, with what only the container tells."""
    import av

    facts = inputs.film.facts
    with av.open(ffmpeg_url(inputs.folder.segment(inputs.segments[0]))) as first:
        stream: VideoStream = out.add_stream_from_template(first.streams.video[0])
    stream.time_base = facts.time_base
    # Timecode tracks count frames, at this rate.
    stream.codec_context.framerate = facts.read_rate
    if inputs.film.target.codec == "h265" and container != "mkv":
        stream.codec_context.codec_tag = "hvc1"  # the one QuickTime plays
    # Matroska segments of some codecs do not tell it.
    stream.codec_context.sample_aspect_ratio = facts.aspect
    if facts.display_matrix is not None:
        stream.set_display_matrix(facts.display_matrix)
    return stream


def mux(inputs: MuxInputs, plan: ContainerPlan, part: Path, on_progress: Callable[[int], None]) -> None:
    """Write the whole film.

    Args:
        inputs: what from.
        plan: into which container, what of it is left out, and what the ffmpeg program adds.
        part: the file to write.
        on_progress: called with the number of picture packets written.

    Raises:
        ItemError: the source or a segment cannot be read, or the ffmpeg program fails.
        OutputError: the disk is full.
    """
    if not plan.ffmpeg_audio and plan.aspect is None:
        _mux_streams(inputs, plan, part, on_progress)
        return
    facts = inputs.film.facts
    base = inputs.folder.path / INCOMPLETE
    new_file(base, facts.path)
    _mux_streams(inputs, plan, base, on_progress)
    aspect_ratio = None if plan.aspect is None else plan.aspect * facts.width / facts.height
    try:
        tracks = tuple(_audio_tracks(inputs, plan))
        add_streams(base, part, MuxPatch(facts.path, tracks, aspect_ratio, facts.probe_bytes))
    except ItemError:
        raise_if_full(part.parent)
        raise
    base.unlink()


def _audio_tracks(inputs: MuxInputs, plan: ContainerPlan) -> list[int | None]:
    """Of each track of sound its index in the source, None where PyAV has written it."""
    audio = [stream for stream in inputs.film.facts.streams if stream.kind == "audio"]
    return [stream.index if stream.index in plan.ffmpeg_audio else None for stream in audio]


def _mux_streams(
    inputs: MuxInputs, plan: ContainerPlan, part: Path, on_progress: Callable[[int], None]
) -> None:
    """Write all that PyAV can; arguments as for `mux`."""
    facts = inputs.film.facts
    opened = opened_output(part, plan.container, timescale_for(facts), plan.free_tags)
    with open_again(facts) as source, opened as out, film_errors():
        picture = _add_video_stream(out, inputs, plan.container)
        copy_tags(source.streams[facts.picture], picture, plan.container)
        copies = _copy_streams(inputs, plan, source, out)
        out.metadata.update(
            content_tags(source.metadata) | provenance_tags(inputs.provenance, source.metadata)
        )
        out.set_chapters(source.chapters())
        if plan.container == "mkv":
            out.add_attachment(_NOTE_NAME, "application/json", _provenance_note(inputs))
        written = 0
        copied = _copied_packets(source, copies, facts.restarts, plan.cut_sound(facts))
        packets = heapq.merge(_video_packets(inputs, picture), copied, key=lambda timed: timed.seconds)
        for timed in packets:
            if timed.packet.stream is picture:
                written += 1
                on_progress(written)
            out.mux(timed.packet)


@dataclass(frozen=True)
class _StreamCopy:
    """A stream of the source in the new container.

    Attributes:
        stream: the new one.
        plain: its packets are brought from MP4's timed text to plain text.
        encoder: what writes its sound as PCM; None for packets that are copied.
        durations: how long each packet lasts, in ticks of the source, where the reader does not say it right.
    """

    stream: Stream
    plain: bool
    encoder: PcmEncoder | None = None
    durations: deque[int] = field(default_factory=deque)


def _copy_streams(
    inputs: MuxInputs, plan: ContainerPlan, source: InputContainer, out: OutputContainer
) -> dict[int, _StreamCopy]:
    """The streams of the source in the new container, by their index in the source."""
    copies: dict[int, _StreamCopy] = {}
    for stream in inputs.film.facts.streams:
        if not plan.carries(stream) or stream.index in plan.ffmpeg_audio:
            continue
        if stream.cover and plan.container == "mkv":
            _add_cover(out, inputs.film.facts, source.streams[stream.index])
            continue
        if stream.index in plan.pcm:
            encoder = PcmEncoder(out, sound_stream(source, stream.index), plan.pcm[stream.index])
            copy_tags(source.streams[stream.index], encoder.stream, plan.container)
            copies[stream.index] = _StreamCopy(encoder.stream, plain=False, encoder=encoder)
            continue
        copy = add_stream_copy(out, source.streams[stream.index], stream, plan.container)
        if copy is not None:
            durations = timed_text_durations(inputs.film.facts, stream)
            plain = needs_text_conversion(stream, plan.container)
            copies[stream.index] = _StreamCopy(copy, plain, durations=deque(durations))
    return copies


def _add_cover(out: OutputContainer, facts: FilmFacts, source: Stream) -> None:
    """A cover as Matroska keeps it: an attached file."""
    with open_again(facts) as again:
        data = b"".join(bytes(packet) for packet in again.demux(source.index) if packet.size)
    suffix, mimetype = ("png", "image/png") if source.codec_context.name == "png" else ("jpg", "image/jpeg")
    name = source.metadata.get("filename", f"cover.{suffix}")
    out.add_attachment(name, source.metadata.get("mimetype", mimetype), data)


def is_coloured_film(path: Path) -> bool:
    """Whether a film says that its colour was added by this program."""
    try:
        with open_film(path) as film:
            return any(_COLOUR_ADDED in text for text in film.metadata.values())
    except ItemError:
        return False


def provenance_tags(provenance: Provenance, tags: Mapping[str, str]) -> dict[str, str]:
    """Tags that say the colour was invented; a comment of the source stays."""
    text = (
        f"{_COLOUR_ADDED}{provenance.version}: {provenance.parameters}. "
        f"Digital source type: {DIGITAL_SOURCE_TYPE}"
    )
    text += f". {provenance.correction.words}" if provenance.correction is not None else ""
    own = next((value for name, value in tags.items() if name.lower() == "comment"), "")
    return {"comment": f"{own} | {text}" if own else text, "DIGITAL_SOURCE_TYPE": DIGITAL_SOURCE_TYPE}


def _provenance_note(inputs: MuxInputs) -> bytes:
    """What a Matroska film carries with it of its making."""
    film, provenance = inputs.film, inputs.provenance
    about = {
        "tool": provenance.tool,
        "digital_source_type": DIGITAL_SOURCE_TYPE,
        "source_sha256": provenance.source_sha256,
        "settings": provenance.settings,
        "weights": provenance.weights,
        "frames": len(film.first_pass),
        "shots": [shot.first for shot in film.shots],
        "notes": film.notes,
    }
    return json.dumps(about, indent=1).encode()


@dataclass(frozen=True)
class _TimedPacket:
    """A packet and when it is due, in seconds."""

    seconds: float
    packet: Packet[Stream]


def _video_packets(inputs: MuxInputs, stream: VideoStream) -> Iterator[_TimedPacket]:
    """The picture's packets with the times of the source.

    Decoding times are made of the sorted presentation times, delayed by as many frames as the encoder
    reorders by, which holds across segments and for any spacing of frames.
    """
    film = inputs.film
    times = [int(pts) for pts in film.first_pass.pts]
    ends = [*times[1:], times[-1] + max(1, round(1 / (film.facts.read_rate * film.facts.time_base)))]
    delay, step = _reorder_delay(inputs), ends[0] - times[0]
    side_data = SideDataWriter(film.target.codec, stream.codec_context.extradata, inputs.side_data)
    count = 0
    for segment in inputs.segments:
        for order, coded in _ordered_packets(inputs.folder.segment(segment)):
            frame = segment.first + order
            packet = side_data.written(coded, frame)
            packet.pts = times[frame]
            packet.dts = times[count - delay] if count >= delay else times[0] - (delay - count) * step
            packet.duration = ends[frame] - times[frame]
            packet.time_base = film.facts.time_base
            packet.stream = stream
            count += 1
            yield _TimedPacket(float(packet.dts * packet.time_base), packet)
    if count != len(times):
        raise ItemError(Reason.INCOMPLETE, f"{count} frames came out of {len(times)}; remove the work folder")


def _reorder_delay(inputs: MuxInputs) -> int:
    """Frames by which decoding order lags presentation, at most, over all segments."""
    if inputs.film.target.codec in _INTRA_ONLY:
        return 0
    most = 0
    for segment in inputs.segments:
        orders = [order for order, _ in _ordered_packets(inputs.folder.segment(segment))]
        most = max([most, *(place - order for place, order in enumerate(orders))])
    return most


def _ordered_packets(path: Path) -> Iterator[tuple[int, Packet[Stream]]]:
    """Packets of a segment in decoding order, each with its place in presentation order."""
    import av

    with av.open(ffmpeg_url(path)) as segment:
        # To the type checker a packet of one kind of stream is none of any.
        for packet in cast("Iterator[Packet[Stream]]", segment.demux(segment.streams.video[0])):
            if packet.size and packet.pts is not None:
                ticks = round(packet.pts * packet.time_base * 1000)
                yield ticks // TICKS_PER_FRAME - MAX_REORDER, packet


def _copied_packets(
    source: InputContainer, copies: dict[int, _StreamCopy], restarts: Restarts, cut: frozenset[int]
) -> Iterator[_TimedPacket]:
    """Packets of all streams that are copied; without what an edit hides of the streams `cut`."""
    if not copies:
        return
    last = 0.0
    clocks = {index: PacketClock(restarts, source.streams[index]) for index in copies}
    for packet in source.demux([source.streams[index] for index in copies]):
        if packet.size == 0:
            continue
        copy = copies[packet.stream_index]
        if copy.durations:
            packet.duration = copy.durations.popleft()
        clocks[packet.stream_index].set_right(packet)
        if packet.is_discard and packet.stream_index in cut:
            continue
        moment = packet.dts if packet.dts is not None else packet.pts
        last = max(last, float((moment or 0) * packet.time_base))
        for copied in _converted(packet, copy):
            copied.stream = copy.stream
            yield _TimedPacket(last, copied)
    for copy in copies.values():
        for rest in copy.encoder.encode(None) if copy.encoder is not None else ():
            rest.stream = copy.stream
            yield _TimedPacket(last, rest)


def _converted(packet: Packet[Stream], copy: _StreamCopy) -> Iterator[Packet[Stream]]:
    """A packet as its new stream takes it."""
    if copy.encoder is not None:
        yield from copy.encoder.encode(packet)
    elif copy.plain:
        plain = plain_text_packet(packet)
        yield from () if plain is None else (plain,)
    else:
        yield packet
