"""What a strict decoder warns of although every block of a picture is there, taken out of the picture.

Harmless are header fields that every viewer passes over, a missing end marker, and what stands behind the
last block of a scan: padding of one or two values, or whole restart intervals that the frame has no room for.
Other bytes there cannot be told from blocks that damage in between has left over. A warning about anything
else is damage.
A picture is mended only where the decoder warned, and then decoded strictly again, so what comes out was
decoded whole and without a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from archivecolor.photo.containers.jpeg import progression, segments
from archivecolor.photo.containers.jpeg.segments import FULL_SPECTRUM, FrameHeader, Header, MarkerSegment
from archivecolor.photo.containers.reading import DamagedError

_EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker 0x([0-9a-f]{2})")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_SEQUENTIAL = segments.HUFFMAN_SEQUENTIAL | {0xC9}
# Distinct bytes that padding has at most.
_PADDING_VALUES = 2
# A picture with more kinds of trouble than this is damaged.
_MAX_DECODINGS = 12


@dataclass(frozen=True)
class _Piece:
    """A marker segment behind the header; a scan's has coded blocks behind it."""

    segment: MarkerSegment
    coded: bytes = b""


@dataclass(frozen=True)
class _Picture:
    """A picture in pieces; what stood between them is gone.

    Attributes:
        header: segments before the first scan.
        frame: among them.
        pieces: from the first scan on; the last one is the end marker, where there is one.
    """

    header: tuple[MarkerSegment, ...]
    frame: FrameHeader
    pieces: tuple[_Piece, ...]

    def assembled(self) -> bytes:
        """The picture as a file."""
        parts = [segments.assemble(self.header)]
        for piece in self.pieces:
            is_end = piece.segment.marker == segments.EOI
            parts += [segments.END if is_end else segments.encode(piece.segment), piece.coded]
        return b"".join(parts)


def mended(data: bytes, decode: Callable[[bytes], object]) -> bytes:
    """A picture without what is harmless in it.

    Args:
        data: the picture, of which `decode` complains.
        decode: a strict decoder.

    Raises:
        DamagedError: `decode` still complains.
    """
    return _search(_with_end(_plain_picture(data)), decode, [_MAX_DECODINGS])


def _search(picture: _Picture, decode: Callable[[bytes], object], left: list[int]) -> bytes:
    """The picture, or the first of what can be made of it that decodes; `left` counts the decodings down."""
    left[0] -= 1
    data = picture.assembled()
    try:
        decode(data)
    except DamagedError as error:
        for shorter in _without_extraneous(picture, str(error)):
            if left[0] <= 0:
                raise
            try:
                return _search(shorter, decode, left)
            except DamagedError:
                continue
        raise
    return data


def _plain_picture(data: bytes) -> _Picture:
    """The picture with the header fields that decide anything, as decoders understand them."""
    header = segments.parse(data)
    pieces = tuple(_pieces(data[header.scan_start :]))
    if header.frame.marker in _SEQUENTIAL:
        pieces = tuple(map(_with_full_spectrum, pieces))
    return _Picture(_plain_header(header), header.frame, pieces)


def _with_end(picture: _Picture) -> _Picture:
    """The picture with the end marker that it lacks, where all its scans are there.

    Whether the blocks are too, the decoder says; not one of arithmetic codes, which goes on with zeros.
    """
    *before, last = picture.pieces
    if last.segment.marker != segments.SOS or picture.frame.marker in segments.ARITHMETIC:
        return picture
    headings = [piece.segment.body for piece in picture.pieces if piece.segment.marker == segments.SOS]
    if not progression.has_all_scans(picture.frame, headings):
        return picture
    pieces = (
        *before,
        replace(last, coded=last.coded.rstrip(b"\xff")),
        _Piece(MarkerSegment(segments.EOI, b"")),
    )
    return replace(picture, pieces=pieces)


def _plain_header(header: Header) -> tuple[MarkerSegment, ...]:
    """The tables and the frame, and what says how the components are meant."""
    four, jfif = len(header.frame.components) == 4, bool(header.app(segments.APP0, b"JFIF\0"))
    transform = header.adobe_transform
    kept = [
        part
        for part in header.segments
        if not segments.is_ancillary(part.marker) and part.marker != segments.APP14
    ]
    if transform is not None and (four or not jfif):
        known = transform if transform in (0, 1, 2) else 2 if four else 1
        kept.insert(0, MarkerSegment(segments.APP14, b"Adobe\0\x64\0\0\0\0" + bytes([known])))
    return (segments.jfif(None), *kept) if jfif else tuple(kept)


def _pieces(scans: bytes) -> Iterator[_Piece]:
    """What a picture holds from its first scan on.

    Raises:
        DamagedError: a scan's heading does not name as many components as it says.
    """
    at = 0
    while found := segments.IN_SCANS.search(scans, at):
        marker, at = found[0][1], found.end()
        if marker == segments.EOI:
            yield _Piece(MarkerSegment(marker, b""))
            return
        size = int.from_bytes(scans[at : at + 2], "big")
        segment = MarkerSegment(marker, scans[at + 2 : at + size])
        at += size
        start = at
        if marker == segments.SOS:
            if len(segment.body) != 4 + 2 * int.from_bytes(segment.body[:1], "big"):
                raise DamagedError("the heading of a scan is damaged")
            following = segments.IN_SCANS.search(scans, at)
            at = following.start() if following else len(scans)
        yield _Piece(segment, scans[start:at])


def _with_full_spectrum(piece: _Piece) -> _Piece:
    """A scan of a sequential picture holds whole blocks, whatever its heading says."""
    if piece.segment.marker != segments.SOS:
        return piece
    body = piece.segment.body[: -len(FULL_SPECTRUM)] + FULL_SPECTRUM
    return replace(piece, segment=MarkerSegment(segments.SOS, body))


def _without_extraneous(picture: _Picture, warning: str) -> Iterator[_Picture]:
    """What the picture may be without the bytes a decoder warns of; nothing after another warning."""
    found = _EXTRANEOUS.search(warning)
    if found is None:
        return
    count, marker = int(found[1]), int(found[2], 16)
    interval = _restart_interval(picture.header)
    for number, piece in enumerate(picture.pieces[:-1]):
        interval = _restart_interval((piece.segment,)) or interval
        shorter = []
        is_last = picture.pieces[number + 1].segment.marker == marker
        if is_last and len(set(piece.coded[-count:])) <= _PADDING_VALUES:
            shorter.append(piece.coded[:-count])
        if interval and piece.coded and (is_last or 0xD0 <= marker <= 0xD7):
            intervals = -(-_units(picture.frame, piece.segment.body) // interval)
            shorter.append(_without_surplus(piece.coded, intervals))
        for coded in shorter:
            if coded and coded != piece.coded:
                pieces = (
                    *picture.pieces[:number],
                    replace(piece, coded=coded),
                    *picture.pieces[number + 1 :],
                )
                yield replace(picture, pieces=pieces)


def _without_surplus(coded: bytes, intervals: int) -> bytes:
    """A scan without the restart intervals that the frame has no room for."""
    restarts = list(_RESTART.finditer(coded))
    return coded[: restarts[intervals - 1].start()] if intervals <= len(restarts) else coded


def _restart_interval(parts: tuple[MarkerSegment, ...]) -> int:
    """Units between two restarts, as the last of the segments that say so does; else 0."""
    intervals = [int.from_bytes(part.body[:2], "big") for part in parts if part.marker == segments.DRI]
    return intervals[-1] if intervals else 0


def _units(frame: FrameHeader, heading: bytes) -> int:
    """Minimum coded units of a scan (ITU-T T.81, A.2): those of a single component are its own blocks."""
    across = max(factors[0] for factors in frame.sampling)
    down = max(factors[1] for factors in frame.sampling)
    components = heading[1 : 1 + 2 * heading[0] : 2]
    if len(components) == 1 and components[0] in frame.components:
        own = frame.sampling[frame.components.index(components[0])]
        width, height = -(-frame.width * own[0] // across), -(-frame.height * own[1] // down)
        return -(-width // 8) * -(-height // 8)
    return -(-frame.width // (8 * across)) * -(-frame.height // (8 * down))
