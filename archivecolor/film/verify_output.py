"""The finished film compared with its source before it gets its name: frames, times, streams, sound."""

from __future__ import annotations

import hashlib
import logging
from array import array
from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.film import ffmpeg_cli
from archivecolor.film.clocks import NO_RESTARTS, PacketClock, Restarts
from archivecolor.film.containers import (
    ContainerPlan,
    drops_aspect_ratio,
    needs_text_conversion,
)
from archivecolor.film.film import Film
from archivecolor.film.losses import carried_streams
from archivecolor.film.probe import (
    FilmFacts,
    clock_of,
    film_errors,
    main_video_stream,
    open_again,
    open_film,
)
from archivecolor.film.sound import sample_digest
from archivecolor.printable import printable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

logger = logging.getLogger(__name__)

# Subtitles whose packets no container changes.
_VERBATIM_SUBTITLES = frozenset({"srt", "subrip", "ass", "ssa", "pgssub", "dvdsub", "mov_text"})
_ADTS_SYNC = 0xFFF0
# Containers round the shape of samples.
_ASPECT_TOLERANCE = 0.001
# A packet's place in time may be rounded twice to a container's clock.
_SOUND_TOLERANCE_SECONDS = 0.002


@dataclass(frozen=True)
class _Sound:
    """A stream of sound.

    Attributes:
        digest: SHA-256 of its packets.
        start: when the first packet is due, in seconds.
        last: when the last one is due.
        end: when that one ends, as far as the file says so.
    """

    digest: str
    start: float = 0.0
    last: float = 0.0
    end: float = 0.0

    def is_due_with(self, other: _Sound) -> bool:
        """Whether both are heard at the same time; where PCM is cut into packets is up to each container."""
        ends = (self.last, other.last), (self.end, other.end)
        same_end = any(abs(one - two) <= _SOUND_TOLERANCE_SECONDS for one, two in ends)
        return abs(self.start - other.start) <= _SOUND_TOLERANCE_SECONDS and same_end


@dataclass
class _FileContents:
    """What is in a film file.

    Attributes:
        tick: of the picture's clock, in seconds.
        aspect: sample aspect ratio, None where the file tells none.
        times: presentation times of the picture, in ticks of its clock, ascending once all are there.
        kinds: streams by kind, the picture and covers included.
        audio: each stream of sound, by the stream's index.
    """

    tick: Fraction
    aspect: Fraction | None
    times: array[int] = field(default_factory=lambda: array("q"))
    kinds: Counter[str] = field(default_factory=Counter)
    audio: dict[int, _Sound] = field(default_factory=dict)


def verify_output(film: Film, plan: ContainerPlan, part: Path) -> str:
    """Raise where the finished film is not complete.

    Args:
        film: the source as its first pass found it.
        plan: what is known to be left out.
        part: the finished film.

    Returns:
        What the second opinion was, in words.

    Raises:
        ItemError: `INCOMPLETE`, naming what is not there.
    """
    output = _read_output(part)
    _check_times(film, output)
    _check_aspect_ratio(film, plan, output)
    _check_audio(film, plan, output, part)
    with open_again(film.facts) as container, open_film(part) as made:
        chapters, wanted = len(made.chapters()), len(container.chapters())
    if chapters != wanted:
        raise _incomplete_error(f"{chapters} chapters of {wanted}")
    return cross_check(film, plan, part)


def _check_times(film: Film, output: _FileContents) -> None:
    """Every frame is there, at its time, as exactly as the container's clock can tell."""
    if len(output.times) != len(film.first_pass):
        raise _incomplete_error(f"{len(output.times)} frames of {len(film.first_pass)}")
    own = film.facts.time_base
    for number, (pts, ticks) in enumerate(zip(film.first_pass.pts, output.times, strict=True)):
        seconds = ticks * output.tick
        if abs(int(pts) * own - seconds) > output.tick / 2:
            raise _incomplete_error(
                f"frame {number} is at {float(seconds):.4f} s, not {float(int(pts) * own):.4f} s"
            )


def _check_aspect_ratio(film: Film, plan: ContainerPlan, output: _FileContents) -> None:
    """Samples have the source's shape, unless it is known that the file cannot tell."""
    if output.aspect is None and drops_aspect_ratio(film.target.codec, plan):
        return
    wanted, actual = film.facts.aspect, output.aspect or Fraction(1)
    if abs(actual / wanted - 1) > _ASPECT_TOLERANCE:
        raise _incomplete_error(f"samples of the shape {actual}, not {wanted}")


def _check_audio(film: Film, plan: ContainerPlan, output: _FileContents, part: Path) -> None:
    """Every stream is there, and every packet of sound, bit for bit and at its time."""
    for kind in ("audio", "subtitle"):
        wanted = len(carried_streams(film.facts, plan, kind))
        if output.kinds[kind] != wanted:
            raise _incomplete_error(f"{output.kinds[kind]} {kind} streams of {wanted}")
    facts = film.facts
    source = _read_source(facts, plan)
    for stream, (index, kept) in zip(
        carried_streams(facts, plan, "audio"), output.audio.items(), strict=True
    ):
        own = source.audio[stream.index]
        if stream.index in plan.pcm:
            whole = sample_digest(facts.path, stream.index, facts.probe_bytes)
            same = whole == sample_digest(part, index)
        else:
            same = own.digest == kept.digest
        if not same:
            raise _incomplete_error("the sound is not that of the source")
        if not own.is_due_with(kept):
            raise _incomplete_error(
                f"sound of stream {stream.index} is at {kept.start:.3f} to {kept.end:.3f} s, "
                f"not {own.start:.3f} to {own.end:.3f} s"
            )


def cross_check(film: Film, plan: ContainerPlan, part: Path) -> str:
    """Have the ffmpeg program compare the streams that were copied.

    Returns:
        What it said, or why it said nothing.

    Raises:
        ItemError: `INCOMPLETE` where it finds them different.
    """
    audio, subtitles = (
        carried_streams(film.facts, plan, "audio"),
        carried_streams(film.facts, plan, "subtitle"),
    )
    if any(
        stream.codec not in _VERBATIM_SUBTITLES or needs_text_conversion(stream, plan.container)
        for stream in subtitles
    ):
        subtitles = []
    cut = plan.cut_sound(film.facts)
    audio = [stream for stream in audio if stream.index not in cut and stream.index not in plan.pcm]
    streams = [*audio, *subtitles]
    if not streams:
        return "none: there is nothing to compare"
    if not ffmpeg_cli.is_installed():
        return "none: the ffmpeg program is not installed"
    if film.first_pass.defects:
        return "none: versions of FFmpeg read a damaged film differently"
    framed = [number for number, stream in enumerate(streams) if stream.codec == "aac"]
    kinds = [kind for kind, chosen in (("a", audio), ("s", subtitles)) if chosen]
    try:
        own = ffmpeg_cli.stream_digests(
            film.facts.path, [str(stream.index) for stream in streams], framed, film.facts.probe_bytes
        )
        theirs = ffmpeg_cli.stream_digests(part, kinds)
    except ItemError as error:
        logger.warning("%s: no second opinion: %s", printable(film.facts.path), error.detail)
        return f"none: {error.detail}"
    if own != theirs:
        raise _incomplete_error("the ffmpeg program finds copied streams changed")
    return f"the ffmpeg program finds all {len(streams)} copied streams unchanged"


def _read_source(facts: FilmFacts, plan: ContainerPlan) -> _FileContents:
    """What the finished film has to hold of the source's sound, its clock put in order."""
    with open_again(facts) as container, film_errors():
        return _read(container, facts.restarts, plan.cut_sound(facts))


def _read_output(part: Path) -> _FileContents:
    with open_film(part) as container, film_errors():
        return _read(container, NO_RESTARTS, frozenset())


def _read(container: InputContainer, restarts: Restarts, cut: frozenset[int]) -> _FileContents:
    """What is in a film, from its packets alone; without what an edit hides of the streams `cut`."""
    picture = main_video_stream(container)
    found = _FileContents(clock_of(picture), picture.sample_aspect_ratio)
    found.kinds = Counter(stream.type for stream in container.streams)
    digests = {stream.index: hashlib.sha256() for stream in container.streams.audio}
    clocks = {stream.index: PacketClock(restarts, stream) for stream in container.streams.audio}
    found.audio = {index: _Sound("") for index in digests}
    heard: set[int] = set()
    for packet in container.demux([picture, *container.streams.audio]):
        index = packet.stream_index
        if packet.size == 0:
            continue
        if index in digests:
            clocks[index].set_right(packet)
            if packet.is_discard and index in cut:
                continue
            digests[index].update(_audio_bytes(packet))
            if packet.pts is not None:
                due, lasts = (float(ticks * packet.time_base) for ticks in (packet.pts, packet.duration or 0))
                start = found.audio[index].start if index in heard else due
                found.audio[index] = _Sound("", start, due, due + lasts)
                heard.add(index)
        elif packet.pts is not None:
            found.times.append(packet.pts)
    found.times = array("q", sorted(found.times))
    for index, digest in digests.items():
        found.audio[index] = replace(found.audio[index], digest=digest.hexdigest())
    return found


def _audio_bytes(packet: Packet[Stream]) -> bytes:
    """The sound in a packet: AAC without the header that only raw streams and transport streams have."""
    data = bytes(packet)
    is_aac = packet.stream.codec_context is not None and packet.stream.codec_context.name == "aac"
    if is_aac and len(data) > 9 and int(np.frombuffer(data[:2], ">u2")[0]) & 0xFFF6 == _ADTS_SYNC:
        return data[7 if data[1] & 1 else 9 :]
    return data


def _incomplete_error(what: str) -> ItemError:
    """The error for a finished film that lacks something."""
    return ItemError(Reason.INCOMPLETE, f"the finished film does not hold what the source holds: {what}")
