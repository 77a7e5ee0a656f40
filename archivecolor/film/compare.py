"""The finished film held against its source before it gets its name: frames, times, streams, sound."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.film.containers import Joined, is_lost
from archivecolor.film.film import Film
from archivecolor.film.probe import picture_stream, url_of

ADTS_SYNC = 0xFFF0


@dataclass
class Contents:
    """What is in a film file.

    Attributes:
        times: presentation times of the picture, in seconds, ascending.
        tick: of the picture's clock, in seconds.
        kinds: streams by kind, the picture and covers included.
        sound: SHA-256 of all packets of each audio stream, in order.
        chapters: how many there are.
    """

    times: list[Fraction] = field(default_factory=list)
    tick: Fraction = Fraction(0)
    kinds: Counter[str] = field(default_factory=Counter)
    sound: list[str] = field(default_factory=list)
    chapters: int = 0


def compare(film: Film, joined: Joined, part: Path) -> None:
    """Raise where the finished film is not complete.

    Args:
        film: the source as it was surveyed.
        joined: what is known to be left out.
        part: the finished film.

    Raises:
        ItemError: `INCOMPLETE`, naming what is not there.
    """
    made = contents_of(part)
    compare_times(film, made)
    compare_sound(film, joined, made)
    with_chapters = contents_of(film.facts.path, sound=False).chapters
    if made.chapters != with_chapters:
        raise incomplete(f"{made.chapters} chapters of {with_chapters}")


def compare_times(film: Film, made: Contents) -> None:
    """Every frame is there, at its time, as exactly as the container's clock can tell."""
    if len(made.times) != len(film.survey):
        raise incomplete(f"{len(made.times)} frames of {len(film.survey)}")
    own = film.facts.time_base
    for number, (pts, seconds) in enumerate(zip(film.survey.pts, made.times, strict=True)):
        if abs(int(pts) * own - seconds) > made.tick / 2:
            raise incomplete(
                f"frame {number} is at {float(seconds):.4f} s, not {float(int(pts) * own):.4f} s"
            )


def compare_sound(film: Film, joined: Joined, made: Contents) -> None:
    """Every stream is there, and every packet of sound, bit for bit."""
    kept = [stream for stream in film.facts.streams if not stream.rewritten and not is_lost(stream, joined)]
    wanted = Counter(stream.kind for stream in kept)
    for kind in ("audio", "subtitle"):
        if made.kinds[kind] != wanted[kind]:
            raise incomplete(f"{made.kinds[kind]} {kind} streams of {wanted[kind]}")
    source = contents_of(film.facts.path)
    if len(made.sound) == len(source.sound) and made.sound != source.sound:
        raise incomplete("the sound is not that of the source")


def contents_of(path: Path, sound: bool = True) -> Contents:
    """What is in a film file, from its packets alone."""
    import av

    found = Contents()
    with av.open(url_of(path), options={"protocol_whitelist": "file"}) as container:
        picture = picture_stream(container)
        found.tick = picture.time_base
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
                found.times.append(packet.pts * picture.time_base)
        found.times.sort()
        found.sound = [digest.hexdigest() for digest in digests.values()]
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
