"""What frames carry beside their samples, put into the coded pictures of H.264 and H.265 again.

Captions and the active format stand in messages of registered user data (ATSC A/53 part 4, ITU-T T.35); HDR's
mastering display and light level in messages of their own (ITU-T H.265, D.2.28 and D.2.35). A message is a
unit of the coded picture, before its slices.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from archivecolor.film.film import Film
from archivecolor.film.frame_facts import WORDS
from archivecolor.film.frames import FrameReader
from archivecolor.film.probe import main_video_stream, open_film

if TYPE_CHECKING:
    from pathlib import Path

    from av.packet import Packet
    from av.sidedata.sidedata import SideData
    from av.stream import Stream
    from av.video.frame import VideoFrame

# Of side data by FFmpeg's name: the bytes of one frame.
SideDataOfFrame = Mapping[str, bytes]

CAPTIONS, FORMAT = "A53_CC", "AFD"
DISPLAY, LIGHT = "MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"
CARRIED = (CAPTIONS, FORMAT, DISPLAY, LIGHT)
# These hold until the next picture that stands for itself.
LASTING = (DISPLAY, LIGHT)
# Where the configuration of a codec says how long the lengths of units are.
LENGTH_SIZE = {"h264": 4, "h265": 21}
# Country and provider of registered user data: USA, ATSC.
ATSC = bytes((0xB5, 0x00, 0x31))
MAX_CAPTIONS = 31
USER_DATA, DISPLAY_MESSAGE, LIGHT_MESSAGE = 4, 137, 144
# FFmpeg's structure: x and y of red, green, blue and white, least and most light, as fractions; two flags.
DISPLAY_NUMBERS, DISPLAY_BYTES = 20, 88
PRIMARY_UNIT, LIGHT_UNIT = 50_000, 10_000


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
        place = LENGTH_SIZE.get(codec)
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


class _Collector:
    """Takes side data of frames in, in their order; see `frames.Watcher`."""

    def __init__(self) -> None:
        self.frames: list[SideDataOfFrame] = []

    def watch(self, picture: VideoFrame, pts: int, aspect: Fraction | None) -> None:  # noqa: ARG002
        """Take one frame in."""
        self.frames.append(_side_data_of(picture))

    def watch_alpha(self, picture: VideoFrame) -> None:
        """Transparency is nobody's business here."""


def side_data_to_carry(film: Film) -> tuple[SideDataOfFrame, ...]:
    """What each frame of the source carries, where the film's codec can: the source is read once more."""
    wanted = any(text.startswith(tuple(_names())) for text in film.first_pass.lost)
    if not wanted or film.target.codec not in LENGTH_SIZE:
        return ()
    collector = _Collector()
    for _ in FrameReader(film.facts, watcher=collector):
        pass
    return tuple(collector.frames)


def still_lost(film: Film, carried: tuple[SideDataOfFrame, ...], part: Path) -> tuple[str, ...]:
    """What of the frames the finished film does not hold, in words: values are compared, frame by frame."""
    if not carried:
        return film.first_pass.lost
    with open_film(part) as container:
        made = [_side_data_of(picture) for picture in container.decode(main_video_stream(container))]
    kept = [
        f"{WORDS[name]} in "
        for name in CARRIED
        if len(made) == len(carried)
        and all(_same(name, own.get(name), now.get(name)) for own, now in zip(carried, made, strict=True))
    ]
    return tuple(text for text in film.first_pass.lost if not text.startswith(tuple(kept or "\0")))


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
            if (packet.is_keyframe or name not in LASTING) and (payload := _payload(name, data)) is not None
        ]
        if not messages:
            return packet
        whole: Packet[Stream] = av.Packet(b"".join(_before_slices(bytes(packet), self._coding, messages)))
        whole.is_keyframe = packet.is_keyframe
        return whole


def _names() -> Iterator[str]:
    """How losses begin of what can be carried."""
    return (f"{WORDS[name]} in " for name in CARRIED)


def _side_data_of(picture: VideoFrame) -> SideDataOfFrame:
    found = {}
    # PyAV's stubs take side data for a dictionary.
    for data in cast("Iterator[SideData]", picture.side_data):
        try:
            name = data.type.name
        except ValueError:
            continue
        if name in CARRIED:
            found[name] = bytes(data)
    return found


def _same(name: str, own: bytes | None, now: bytes | None) -> bool:
    if own is None or now is None or name != DISPLAY:
        return own == now
    return _display_numbers(own) == _display_numbers(now)


def _payload(name: str, data: bytes) -> tuple[int, bytes] | None:
    """Kind and body of the message for side data; None where it does not fit in one."""
    if name == CAPTIONS:
        count = len(data) // 3
        if count > MAX_CAPTIONS:
            return None
        return USER_DATA, ATSC + b"GA94\x03" + bytes((0x40 | count, 0xFF)) + data[: 3 * count] + b"\xff"
    if name == FORMAT:
        return USER_DATA, ATSC + b"DTG1" + bytes((0x41, 0xF0 | data[0] & 15))
    if name == LIGHT:
        return LIGHT_MESSAGE, struct.pack(">HH", *struct.unpack_from("=II", data))
    numbers = _display_numbers(data)
    if numbers is None:
        return None
    red, green, blue, white = (numbers[at : at + 2] for at in (0, 2, 4, 6))
    colours = [round(value * PRIMARY_UNIT) for value in (*green, *blue, *red, *white)]
    least, most = (round(value * LIGHT_UNIT) for value in numbers[8:])
    return DISPLAY_MESSAGE, struct.pack(">8HII", *colours, most, least)


def _display_numbers(data: bytes) -> tuple[Fraction, ...] | None:
    """The ten numbers of a mastering display; None where not all are told."""
    if len(data) < DISPLAY_BYTES:
        return None
    *parts, has_primaries, has_light = struct.unpack_from(f"={DISPLAY_NUMBERS + 2}i", data)
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
