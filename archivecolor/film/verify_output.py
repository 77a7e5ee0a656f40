"""The finished film held against its source before it gets its name: frames, times, streams, sound."""

from __future__ import annotations

import hashlib
import logging
from array import array
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.film import ffmpeg_cli
from archivecolor.film.containers import (
    ContainerPlan,
    drops_aspect_ratio,
    needs_text_conversion,
    stream_tags,
)
from archivecolor.film.film import Film
from archivecolor.film.probe import StreamFacts, clock_of, film_errors, main_video_stream, open_film
from archivecolor.printable import printable

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

logger = logging.getLogger(__name__)

# Subtitles whose packets no container changes.
_VERBATIM_SUBTITLES = frozenset({"srt", "subrip", "ass", "ssa", "pgssub", "dvdsub", "mov_text"})
_ADTS_SYNC = 0xFFF0
# Containers round the shape of samples.
_ASPECT_TOLERANCE = 0.001


@dataclass
class _FileContents:
    """What is in a film file.

    Attributes:
        times: presentation times of the picture, in ticks of its clock, ascending once all are there.
        tick: of the picture's clock, in seconds.
        aspect: sample aspect ratio, None where the file tells none.
        kinds: streams by kind, the picture and covers included.
        audio: SHA-256 of all packets of each audio stream, in order, by the stream's index.
        chapters: how many there are.
    """

    times: array[int] = field(default_factory=lambda: array("q"))
    tick: Fraction = Fraction(0)
    aspect: Fraction | None = None
    kinds: Counter[str] = field(default_factory=Counter)
    audio: dict[int, str] = field(default_factory=dict)
    chapters: int = 0


def verify_output(film: Film, plan: ContainerPlan, part: Path) -> str:
    """Raise where the finished film is not complete.

    Args:
        film: the source as it was surveyed.
        plan: what is known to be left out.
        part: the finished film.

    Returns:
        What the second opinion was, in words.

    Raises:
        ItemError: `INCOMPLETE`, naming what is not there.
    """
    output = read_contents(part)
    _check_times(film, output)
    _check_aspect_ratio(film, plan, output)
    _check_audio(film, plan, output)
    with_chapters = read_contents(film.facts.path, audio=False).chapters
    if output.chapters != with_chapters:
        raise _incomplete_error(f"{output.chapters} chapters of {with_chapters}")
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


def _check_audio(film: Film, plan: ContainerPlan, output: _FileContents) -> None:
    """Every stream is there, and every packet of sound, bit for bit."""
    for kind in ("audio", "subtitle"):
        wanted = len(_carried_streams(film, plan, kind))
        if output.kinds[kind] != wanted:
            raise _incomplete_error(f"{output.kinds[kind]} {kind} streams of {wanted}")
    source = read_contents(film.facts.path)
    if list(output.audio.values()) != [
        source.audio[stream.index] for stream in _carried_streams(film, plan, "audio")
    ]:
        raise _incomplete_error("the sound is not that of the source")


def _carried_streams(film: Film, plan: ContainerPlan, kind: str) -> list[StreamFacts]:
    """Streams of a kind that the finished film has, in its order."""
    return [stream for stream in film.facts.streams if stream.kind == kind and plan.carries(stream)]


def lost_languages(film: Film, plan: ContainerPlan, part: Path) -> tuple[str, ...]:
    """Languages of streams that the finished film's container has no code for, in words."""
    lost = []
    with open_film(film.facts.path) as source, open_film(part) as output:
        for kind in ("audio", "subtitle"):
            copies = [stream for stream in output.streams if stream.type == kind]
            for stream, copy in zip(_carried_streams(film, plan, kind), copies, strict=True):
                tags = source.streams[stream.index].metadata
                own, kept = (
                    found.get("language", "und") for found in (tags, stream_tags(tags, plan.container))
                )
                if copy.metadata.get("language", "und") not in (own, kept):
                    lost.append(f"the language of stream {stream.index}, {own}")
    return tuple(lost)


def cross_check(film: Film, plan: ContainerPlan, part: Path) -> str:
    """Have the ffmpeg program compare the streams that were copied.

    Returns:
        What it said, or why it said nothing.

    Raises:
        ItemError: `INCOMPLETE` where it finds them different.
    """
    audio, subtitles = _carried_streams(film, plan, "audio"), _carried_streams(film, plan, "subtitle")
    if any(
        stream.codec not in _VERBATIM_SUBTITLES or needs_text_conversion(stream, plan.container)
        for stream in subtitles
    ):
        subtitles = []
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
        own = ffmpeg_cli.stream_digests(film.facts.path, [str(stream.index) for stream in streams], framed)
        theirs = ffmpeg_cli.stream_digests(part, kinds)
    except ItemError as error:
        logger.warning("%s: no second opinion: %s", printable(film.facts.path), error.detail)
        return f"none: {error.detail}"
    if own != theirs:
        raise _incomplete_error("the ffmpeg program finds copied streams changed")
    return f"the ffmpeg program finds all {len(streams)} copied streams unchanged"


def read_contents(path: Path, audio: bool = True) -> _FileContents:
    """What is in a film file, from its packets alone."""
    found = _FileContents()
    with open_film(path) as container, film_errors():
        picture = main_video_stream(container)
        found.tick, found.aspect = clock_of(picture), picture.sample_aspect_ratio
        found.kinds = Counter(stream.type for stream in container.streams)
        found.chapters = len(container.chapters())
        if not audio:
            return found
        digests = {stream.index: hashlib.sha256() for stream in container.streams.audio}
        for packet in container.demux([picture, *container.streams.audio]):
            if packet.size == 0:
                continue
            if packet.stream_index in digests:
                digests[packet.stream_index].update(_audio_bytes(packet))
            elif packet.pts is not None:
                found.times.append(packet.pts)
        found.times = array("q", sorted(found.times))
        found.audio = {index: digest.hexdigest() for index, digest in digests.items()}
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
