"""What frames carry beside their samples, put into the coded pictures of H.264 and H.265 again.

Captions and the active format stand in messages of registered user data (ATSC A/53 part 4, ITU-T T.35); HDR's
mastering display and light level in messages of their own (ITU-T H.265, D.2.28 and D.2.35). A message is a
unit of the coded picture, before its slices.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from typing import TYPE_CHECKING

from archivecolor.film.film import Film
from archivecolor.film.frame_facts import WORDS
from archivecolor.film.frames import FrameReader
from archivecolor.film.probe import main_video_stream, open_film, side_data_of

if TYPE_CHECKING:
    from pathlib import Path

    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame

# Of side data by FFmpeg's name: the bytes of one frame.
SideDataOfFrame = Mapping[str, bytes]
NOTHING: SideDataOfFrame = {}

_CAPTIONS, FORMAT = "A53_CC", "AFD"
DISPLAY, _LIGHT = "MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"
CARRIED = (_CAPTIONS, FORMAT, DISPLAY, _LIGHT)
# How losses begin of what can be carried.
_LOSSES = tuple(f"{WORDS[name]} in " for name in CARRIED)
# These hold until the next picture that stands for itself.
_LASTING = (DISPLAY, _LIGHT)
# Where the configuration of a codec says how long the lengths of units are.
_LENGTH_SIZE = {"h264": 4, "h265": 21}
# Country and provider of registered user data: USA, ATSC.
ATSC = bytes((0xB5, 0x00, 0x31))
# Captions are triplets: a byte that says whether they are valid and of which kind, and two of them. So many
# fit in a message, and decoders put those of several messages together.
_TRIPLET, _MAX_CAPTIONS = 3, 31
VALID, _TYPE, _TYPES_OF_608 = 4, 3, 2
_USER_DATA, _DISPLAY_MESSAGE, _LIGHT_MESSAGE = 4, 137, 144
# FFmpeg's structure: x and y of red, green, blue and white, least and most light, as fractions; two flags.
_DISPLAY_NUMBERS, _DISPLAY_BYTES = 20, 88
_PRIMARY_UNIT, _LIGHT_UNIT = 50_000, 10_000


@dataclass(frozen=True)
class _Coding:
    """How the units of a coded picture are told apart.

    Attributes:
        h265: else H.264.
        length_size: bytes of the length before each unit.
    """

    h265: bool
    length_size: int

    @classmethod
    def of(cls, codec: str, extradata: bytes | None) -> _Coding | None:
        """By the configuration that a container keeps; None where units have no lengths."""
        place = _LENGTH_SIZE.get(codec)
        if place is None or not extradata or extradata[0] != 1 or len(extradata) <= place:
            return None
        return cls(codec == "h265", (extradata[place] & 3) + 1)

    def is_slice(self, unit: bytes) -> bool:
        """Whether a unit codes samples."""
        return (unit[0] >> 1 & 63) < 32 if self.h265 else 1 <= unit[0] & 31 <= 5

    def message(self, kind: int, payload: bytes) -> bytes:
        """A message as a unit, its length before it."""
        size = b"\xff" * (len(payload) // 255) + bytes([len(payload) % 255])
        body = bytes([kind]) + size + payload + b"\x80"
        unit = (b"\x4e\x01" if self.h265 else b"\x06") + _escaped(body)
        return len(unit).to_bytes(self.length_size, "big") + unit


@dataclass(frozen=True)
class _Seen:
    """What a frame of the source carries, and its time."""

    pts: int
    data: SideDataOfFrame


class _Collector:
    """Takes side data of frames in, in their order; see `frames.Watcher`."""

    def __init__(self) -> None:
        self.frames: list[_Seen] = []

    def watch(self, picture: VideoFrame, pts: int, aspect: Fraction | None) -> None:  # noqa: ARG002
        """Take one frame in."""
        self.frames.append(_Seen(pts, _carried_by(picture)))

    def watch_alpha(self, picture: VideoFrame) -> None:
        """Transparency is nobody's business here."""


def has_side_data_to_carry(film: Film) -> bool:
    """Whether frames of the source carry what the film's codec has a place for."""
    wanted = any(text.startswith(_LOSSES) for text in film.first_pass.lost)
    return wanted and film.target.codec in _LENGTH_SIZE


def side_data_to_carry(film: Film, check: Callable[[], None]) -> tuple[SideDataOfFrame, ...]:
    """What each frame of the finished film is to carry: the source is read once more.

    Args:
        film: the film.
        check: called with every frame; may raise to end the reading.
    """
    if not has_side_data_to_carry(film):
        return ()
    collector = _Collector()
    times = []
    for frame in FrameReader(film.facts, watcher=collector):
        check()
        times.append(frame.pts)
    if film.facts.fields == "keep":
        return tuple(seen.data for seen in collector.frames)
    return tuple(_brought_to(times, collector.frames))


def _brought_to(times: Sequence[int], frames: Sequence[_Seen]) -> Iterator[SideDataOfFrame]:
    """What frames at `times` are to carry: what those of the source did since the one before."""
    at = 0
    for number, time in enumerate(times, start=1):
        since: list[SideDataOfFrame] = []
        while at < len(frames) and (frames[at].pts <= time or number == len(times)):
            since.append(frames[at].data)
            at += 1
        yield _joined(since)


def _joined(frames: Sequence[SideDataOfFrame]) -> SideDataOfFrame:
    """What several frames carry, as one does: captions one after the other, of all else the newest."""
    joined: dict[str, bytes] = {}
    for data in frames:
        joined |= data
    captions = b"".join(data.get(_CAPTIONS, b"") for data in frames)
    if captions == joined.get(_CAPTIONS, b""):
        return joined
    triplets = [captions[at : at + _TRIPLET] for at in range(0, len(captions), _TRIPLET)]
    valid = [triplet for triplet in triplets if triplet[0] & VALID]
    # Those of CEA-608 come first in CEA-708; what only fills a frame up is not doubled.
    ordered = sorted(valid, key=lambda triplet: triplet[0] & _TYPE >= _TYPES_OF_608)
    return joined | {_CAPTIONS: b"".join(ordered)} if ordered else joined


def still_lost(
    film: Film, carried: tuple[SideDataOfFrame, ...], part: Path, check: Callable[[], None]
) -> tuple[str, ...]:
    """What of the frames the finished film does not hold, in words: values are compared, frame by frame.

    Args:
        film: the film.
        carried: what each of its frames was to carry.
        part: the finished film.
        check: as for `side_data_to_carry`.
    """
    if not carried:
        return film.first_pass.lost
    gone: Counter[str] = Counter()
    with open_film(part) as container:
        made = (_carried_by(picture) for picture in container.decode(main_video_stream(container)))
        lasting: dict[str, bytes] = {}
        for own, now in zip_longest(carried, made, fillvalue=NOTHING):
            check()
            # Not every decoder says again of each picture what holds for it.
            lasting |= {name: now[name] for name in _LASTING if name in now}
            held = {**lasting, **now}
            gone.update(name for name in own if not _same(name, own[name], held.get(name)))
    others = (text for text in film.first_pass.lost if not text.startswith(_LOSSES))
    return (*others, *(f"{WORDS[name]} in {gone[name]} frames" for name in CARRIED if gone[name]))


class SideDataWriter:
    """Puts side data into packets.

    Args:
        codec: h264, h265 or another, which takes nothing.
        extradata: its configuration, as containers keep it.
        carried: of each frame of the source; empty for nothing.
    """

    def __init__(self, codec: str, extradata: bytes | None, carried: tuple[SideDataOfFrame, ...]) -> None:
        self._coding = _Coding.of(codec, extradata) if carried else None
        self._carried = carried

    def written(self, packet: Packet[Stream], frame: int) -> Packet[Stream]:
        """A packet with what its frame carries before its slices; times and stream are the caller's to set.

        Args:
            packet: a coded picture.
            frame: its place in order of presentation.
        """
        import av

        if self._coding is None:
            return packet
        messages = [
            self._coding.message(*payload)
            for name, data in self._carried[frame].items()
            if packet.is_keyframe or name not in _LASTING
            for payload in _payloads(name, data)
        ]
        if not messages:
            return packet
        whole: Packet[Stream] = av.Packet(b"".join(_before_slices(bytes(packet), self._coding, messages)))
        whole.is_keyframe = packet.is_keyframe
        return whole


def _carried_by(picture: VideoFrame) -> SideDataOfFrame:
    return {entry.name: entry.data for entry in side_data_of(picture) if entry.name in CARRIED}


def _same(name: str, own: bytes, now: bytes | None) -> bool:
    if now is None or name != DISPLAY:
        return own == now
    return _display_numbers(own) == _display_numbers(now)


def _payloads(name: str, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and body of the messages for side data; none where it does not fit in one."""
    if name == _CAPTIONS:
        for at in range(0, len(data), _MAX_CAPTIONS * _TRIPLET):
            some = data[at : at + _MAX_CAPTIONS * _TRIPLET]
            head = b"GA94\x03" + bytes((0x40 | len(some) // _TRIPLET, 0xFF))
            yield _USER_DATA, ATSC + head + some + b"\xff"
    elif name == FORMAT:
        yield _USER_DATA, ATSC + b"DTG1" + bytes((0x41, 0xF0 | data[0] & 15))
    else:
        kind, body = (_LIGHT_MESSAGE, _light(data)) if name == _LIGHT else (_DISPLAY_MESSAGE, _display(data))
        if body is not None:
            yield kind, body


def _light(data: bytes) -> bytes | None:
    """The body of a message of light levels; None where they do not fit."""
    return _packed(">HH", *struct.unpack_from("=II", data))


def _display(data: bytes) -> bytes | None:
    """The body of a message of a mastering display; None where not all is told, or does not fit."""
    numbers = _display_numbers(data)
    if numbers is None:
        return None
    red, green, blue, white = (numbers[at : at + 2] for at in (0, 2, 4, 6))
    colours = [round(value * _PRIMARY_UNIT) for value in (*green, *blue, *red, *white)]
    least, most = (round(value * _LIGHT_UNIT) for value in numbers[8:])
    return _packed(">8HII", *colours, most, least)


def _packed(layout: str, *numbers: int) -> bytes | None:
    """Numbers in the places of a message; None where one is too large for its own, or below 0."""
    try:
        return struct.pack(layout, *numbers)
    except struct.error:
        return None


def _display_numbers(data: bytes) -> tuple[Fraction, ...] | None:
    """The ten numbers of a mastering display; None where not all are told."""
    if len(data) < _DISPLAY_BYTES:
        return None
    *parts, has_primaries, has_light = struct.unpack_from(f"={_DISPLAY_NUMBERS + 2}i", data)
    if not has_primaries or not has_light or not all(parts[1::2]):
        return None
    return tuple(Fraction(top, bottom) for top, bottom in zip(parts[::2], parts[1::2], strict=True))


def _before_slices(data: bytes, coding: _Coding, messages: list[bytes]) -> Iterator[bytes]:
    """The units of a picture, with the messages before the first slice."""
    at = 0
    while at + coding.length_size < len(data):
        start = at + coding.length_size
        end = start + int.from_bytes(data[at:start], "big")
        if messages and coding.is_slice(data[start:end]):
            yield from messages
            messages = []
        yield data[at:end]
        at = end


def _escaped(body: bytes) -> bytes:
    """The bytes of a unit, where no start code may be seen (ITU-T H.264, 7.4.1)."""
    out, zeros = bytearray(), 0
    for byte in body:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)
