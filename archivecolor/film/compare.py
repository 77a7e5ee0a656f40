"""The finished film held against its source before it gets its name: frames, times, streams, sound."""

from __future__ import annotations

import hashlib
import logging
from array import array
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from archivecolor.archive.durable import printable
from archivecolor.errors import ItemError, Reason
from archivecolor.film import command
from archivecolor.film.containers import Joined, is_lost, is_shapeless, needs_plain_text, stream_tags
from archivecolor.film.film import Film
from archivecolor.film.probe import StreamFacts, film_errors, opened, picture_stream

log = logging.getLogger(__name__)

# Subtitles whose packets no container changes.
WORDS_AS_THEY_ARE = frozenset({"srt", "subrip", "ass", "ssa", "pgssub", "dvdsub", "mov_text"})
ADTS_SYNC = 0xFFF0
# Containers round the shape of samples.
SHAPE_TOLERANCE = 0.001


@dataclass
class Contents:
    """What is in a film file.

    Attributes:
        times: presentation times of the picture, in ticks of its clock, ascending once all are there.
        tick: of the picture's clock, in seconds.
        aspect: sample aspect ratio, None where the file tells none.
        kinds: streams by kind, the picture and covers included.
        sound: SHA-256 of all packets of each audio stream, in order, by the stream's index.
        chapters: how many there are.
    """

    times: array[int] = field(default_factory=lambda: array("q"))
    tick: Fraction = Fraction(0)
    aspect: Fraction | None = None
    kinds: Counter[str] = field(default_factory=Counter)
    sound: dict[int, str] = field(default_factory=dict)
    chapters: int = 0


def compare(film: Film, joined: Joined, part: Path) -> str:
    """Raise where the finished film is not complete.

    Args:
        film: the source as it was surveyed.
        joined: what is known to be left out.
        part: the finished film.

    Returns:
        What the second opinion was, in words.

    Raises:
        ItemError: `INCOMPLETE`, naming what is not there.
    """
    made = contents_of(part)
    compare_times(film, made)
    compare_shape(film, joined, made)
    compare_sound(film, joined, made)
    with_chapters = contents_of(film.facts.path, sound=False).chapters
    if made.chapters != with_chapters:
        raise incomplete(f"{made.chapters} chapters of {with_chapters}")
    return second_opinion(film, joined, part)


def compare_times(film: Film, made: Contents) -> None:
    """Every frame is there, at its time, as exactly as the container's clock can tell."""
    if len(made.times) != len(film.survey):
        raise incomplete(f"{len(made.times)} frames of {len(film.survey)}")
    own = film.facts.time_base
    for number, (pts, ticks) in enumerate(zip(film.survey.pts, made.times, strict=True)):
        seconds = ticks * made.tick
        if abs(int(pts) * own - seconds) > made.tick / 2:
            raise incomplete(
                f"frame {number} is at {float(seconds):.4f} s, not {float(int(pts) * own):.4f} s"
            )


def compare_shape(film: Film, joined: Joined, made: Contents) -> None:
    """Samples have the source's shape, unless it is known that the file cannot tell."""
    if made.aspect is None and is_shapeless(film.target.codec, joined):
        return
    wanted, told = film.facts.aspect, made.aspect or Fraction(1)
    if abs(told / wanted - 1) > SHAPE_TOLERANCE:
        raise incomplete(f"samples of the shape {told}, not {wanted}")


def compare_sound(film: Film, joined: Joined, made: Contents) -> None:
    """Every stream is there, and every packet of sound, bit for bit."""
    for kind in ("audio", "subtitle"):
        wanted = len(carried(film, joined, kind))
        if made.kinds[kind] != wanted:
            raise incomplete(f"{made.kinds[kind]} {kind} streams of {wanted}")
    source = contents_of(film.facts.path)
    if list(made.sound.values()) != [source.sound[stream.index] for stream in carried(film, joined, "audio")]:
        raise incomplete("the sound is not that of the source")


def carried(film: Film, joined: Joined, kind: str) -> list[StreamFacts]:
    """Streams of a kind that the finished film has, in its order."""
    return [
        stream
        for stream in film.facts.streams
        if stream.kind == kind and not stream.rewritten and not is_lost(stream, joined)
    ]


def lost_languages(film: Film, joined: Joined, part: Path) -> tuple[str, ...]:
    """Languages of streams that the finished film's container has no code for, in words."""
    lost = []
    with opened(film.facts.path) as source, opened(part) as made:
        for kind in ("audio", "subtitle"):
            copies = [stream for stream in made.streams if stream.type == kind]
            for stream, copy in zip(carried(film, joined, kind), copies, strict=True):
                tags = source.streams[stream.index].metadata
                own, kept = (
                    found.get("language", "und") for found in (tags, stream_tags(tags, joined.container))
                )
                if copy.metadata.get("language", "und") not in (own, kept):
                    lost.append(f"the language of stream {stream.index}, {own}")
    return tuple(lost)


def second_opinion(film: Film, joined: Joined, part: Path) -> str:
    """Have the ffmpeg program compare the streams that were copied.

    Returns:
        What it said, or why it said nothing.

    Raises:
        ItemError: `INCOMPLETE` where it finds them different.
    """
    sound, words = carried(film, joined, "audio"), carried(film, joined, "subtitle")
    if any(
        stream.codec not in WORDS_AS_THEY_ARE or needs_plain_text(stream, joined.container)
        for stream in words
    ):
        words = []
    streams = [*sound, *words]
    if not streams:
        return "none: there is nothing to compare"
    if not command.is_installed():
        return "none: the ffmpeg program is not installed"
    if film.survey.losses:
        return "none: versions of FFmpeg read a damaged film differently"
    framed = [number for number, stream in enumerate(streams) if stream.codec == "aac"]
    kinds = [kind for kind, chosen in (("a", sound), ("s", words)) if chosen]
    try:
        own = command.stream_digests(film.facts.path, [str(stream.index) for stream in streams], framed)
        theirs = command.stream_digests(part, kinds)
    except ItemError as error:
        log.warning("%s: no second opinion: %s", printable(film.facts.path), error.detail)
        return f"none: {error.detail}"
    if own != theirs:
        raise incomplete("the ffmpeg program finds copied streams changed")
    return f"the ffmpeg program finds all {len(streams)} copied streams unchanged"


def contents_of(path: Path, sound: bool = True) -> Contents:
    """What is in a film file, from its packets alone."""
    found = Contents()
    with opened(path) as container, film_errors():
        picture = picture_stream(container)
        found.tick, found.aspect = picture.time_base, picture.sample_aspect_ratio
        found.kinds = Counter(stream.type for stream in container.streams)
        found.chapters = len(container.chapters())
        if not sound:
            return found
        digests = {stream.index: hashlib.sha256() for stream in container.streams.audio}
        for packet in container.demux([picture, *container.streams.audio]):
            if packet.size == 0:
                continue
            if packet.stream_index in digests:
                digests[packet.stream_index].update(sound_of(packet))
            elif packet.pts is not None:
                found.times.append(packet.pts)
        found.times = array("q", sorted(found.times))
        found.sound = {index: digest.hexdigest() for index, digest in digests.items()}
    return found


def sound_of(packet: Any) -> bytes:
    """The sound in a packet: AAC without the header that only raw streams and transport streams have."""
    data = bytes(packet)
    is_aac = packet.stream.codec_context is not None and packet.stream.codec_context.name == "aac"
    if is_aac and len(data) > 9 and int(np.frombuffer(data[:2], ">u2")[0]) & 0xFFF6 == ADTS_SYNC:
        return data[7 if data[1] & 1 else 9 :]
    return data


def incomplete(what: str) -> ItemError:
    """The error for a finished film that lacks something."""
    return ItemError(Reason.INCOMPLETE, f"the finished film does not hold what the source holds: {what}")
