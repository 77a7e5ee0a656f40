"""Marker segments of a JPEG file: found, read and replaced without touching the picture."""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.reading import check_parts, unpack
from archivecolor.photo.facts import Density

_SOI, EOI, SOS, _DAC = 0xD8, 0xD9, 0xDA, 0xCC
DHT, DQT, DNL, DRI = 0xC4, 0xDB, 0xDC, 0xDD
APP0, APP1, APP2, APP13, APP14, COM = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE
START, END = bytes((0xFF, _SOI)), bytes((0xFF, EOI))
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, _DAC}
HUFFMAN_SEQUENTIAL = frozenset({0xC0, 0xC1})
ARITHMETIC = frozenset(range(0xC9, 0xD0)) - {_DAC}
LOSSLESS_OR_HIERARCHICAL = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF})
ICC_NAME, EXIF_NAME = b"ICC_PROFILE\0", b"Exif\0\0"
# Which coefficients a scan holds: all of them, whole.
FULL_SPECTRUM = bytes((0, 63, 0))
_ICC_CHUNK = 65519
# No encoder makes more scans; each costs the decoder a visit to every block.
_MAX_SCANS, _MAX_SCANNED_MEGAPIXELS = 64, 2000.0
# Markers among the scans: not stuffed zeros, not restarts, not fill bytes.
IN_SCANS = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
UNITS = {0: "none", 1: "inch", 2: "cm"}


@dataclass(frozen=True)
class MarkerSegment:
    """A marker's second byte and what follows its length field."""

    marker: int
    body: bytes


@dataclass(frozen=True)
class FrameHeader:
    """The frame header; per component (horizontal, vertical) sampling factors and quantisation table."""

    marker: int
    precision: int
    height: int
    width: int
    components: tuple[int, ...]
    sampling: tuple[tuple[int, int], ...]
    quantisation: tuple[int, ...]


@dataclass(frozen=True)
class Header:
    """Everything before the first scan, and where that scan begins."""

    segments: tuple[MarkerSegment, ...]
    frame: FrameHeader
    scan_start: int

    def app(self, marker: int, name: bytes) -> list[bytes]:
        """Bodies of the application segments that begin with `name`, without it."""
        return [
            part.body[len(name) :]
            for part in self.segments
            if part.marker == marker and part.body.startswith(name)
        ]

    @property
    def adobe_transform(self) -> int | None:
        """0 none, 1 YCbCr, 2 YCCK; None without an Adobe segment."""
        bodies = self.app(APP14, b"Adobe")
        return bodies[0][6] if bodies and len(bodies[0]) >= 7 else None

    @property
    def icc(self) -> bytes | None:
        """The embedded profile, its chunks joined."""
        chunks = sorted(self.app(APP2, ICC_NAME), key=lambda chunk: chunk[:1])
        return b"".join(chunk[2:] for chunk in chunks) or None

    @property
    def density(self) -> Density | None:
        """Density of the JFIF segment; square pixels without a unit are none."""
        bodies = self.app(APP0, b"JFIF\0")
        if not bodies or len(bodies[0]) < 7:
            return None
        unit, x, y = struct.unpack_from(">BHH", bodies[0], 2)
        if unit not in UNITS or not x or not y or (unit == 0 and x == y):
            return None
        return Density((x, 1), (y, 1), UNITS[unit])

    @property
    def exif(self) -> bytes | None:
        """The first Exif block: a small TIFF file."""
        bodies = self.app(APP1, EXIF_NAME)
        return bodies[0] if bodies else None


def parse(data: bytes) -> Header:
    """Read the segments before the first scan.

    Raises:
        ItemError: TRUNCATED where the file ends before a scan, UNREADABLE where there is no frame
            or a segment without a length, TOO_LARGE where there are too many of them.
    """
    segments: list[MarkerSegment] = []
    frame: FrameHeader | None = None
    at = 2
    while True:
        at, marker = _next_marker(data, at)
        size = int.from_bytes(data[at : at + 2], "big")
        if at + max(size, 2) > len(data):
            raise ItemError(Reason.TRUNCATED, "the jpeg ends in its header")
        if size < 2:
            raise ItemError(Reason.UNREADABLE, "the jpeg's header is damaged")
        body = data[at + 2 : at + size]
        if marker == SOS:
            break
        if marker in FRAMES:
            frame = _frame(marker, body)
        segments.append(MarkerSegment(marker, body))
        check_parts(len(segments))
        at += size
    if frame is None:
        raise ItemError(Reason.UNREADABLE, "the jpeg has no frame header")
    return Header(tuple(segments), frame, at - 2)


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    """Position after the next marker that has a length, and its second byte."""
    at = data.find(b"\xff", at)
    while 0 <= at < len(data) - 1 and (data[at + 1] in (0xFF, 0x00, 0x01) or 0xD0 <= data[at + 1] <= _SOI):
        at = data.find(b"\xff", at + (1 if data[at + 1] == 0xFF else 2))
    if at < 0 or at >= len(data) - 1 or data[at + 1] == EOI:
        raise ItemError(Reason.TRUNCATED, "the jpeg ends before its picture")
    return at + 2, data[at + 1]


def _frame(marker: int, body: bytes) -> FrameHeader:
    precision, height, width, count = unpack(">BHHB", body)
    parts = [body[6 + 3 * i : 9 + 3 * i] for i in range(count)]
    if any(len(part) < 3 for part in parts):
        raise ItemError(Reason.UNREADABLE, "the jpeg's frame header is damaged")
    sampling = tuple((part[1] >> 4, part[1] & 15) for part in parts)
    components, tables = tuple(part[0] for part in parts), tuple(part[2] for part in parts)
    return FrameHeader(marker, precision, height, width, components, sampling, tables)


def with_number_of_lines(data: bytes, header: Header) -> bytes:
    """The picture with the height in its frame that stands behind its first scan (ITU-T T.81, B.2.5).

    Decoders want it there; `data` itself where it stands nowhere else.
    """
    start = header.scan_start + 2
    found = IN_SCANS.search(data, start + int.from_bytes(data[start : start + 2], "big"))
    if header.frame.height or found is None or found[0][1] != DNL:
        return data
    end = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    lines = data[found.end() + 2 : end]
    if len(lines) != 2:
        return data
    parts = [
        replace(part, body=part.body[:1] + lines + part.body[3:]) if part.marker in FRAMES else part
        for part in header.segments
    ]
    return assemble(parts, data[header.scan_start : found.start()] + data[end:])


def scan_segments(data: bytes, header: Header) -> tuple[int, tuple[MarkerSegment, ...]]:
    """Walk the scans of the first picture, to its end marker.

    Returns:
        Where the picture ends, without what comes behind it (other pictures, films): all of `data` where
        there is no end marker. And comments and application segments that stand among the scans.

    Raises:
        ItemError: UNSUPPORTED where a few bytes ask for hours of decoding, TOO_LARGE as `parse`.
    """
    at, scans = header.scan_start, 0
    late: list[MarkerSegment] = []
    megapixels = header.frame.width * header.frame.height / 1e6
    while found := IN_SCANS.search(data, at):
        at = found.end()
        if data[at - 1] == EOI:
            return at, tuple(late)
        scans += data[at - 1] == SOS
        if scans > _MAX_SCANS and scans * megapixels > _MAX_SCANNED_MEGAPIXELS:
            raise ItemError(
                Reason.UNSUPPORTED, f"a jpeg of more than {scans - 1} scans, each over the whole picture"
            )
        size = int.from_bytes(data[at : at + 2], "big")
        if is_ancillary(data[at - 1]) and 2 <= size <= len(data) - at:
            late.append(MarkerSegment(data[at - 1], data[at + 2 : at + size]))
            check_parts(len(late))
        at += size
    return len(data), tuple(late)


def with_standard_tables(data: bytes, header: Header) -> bytes:
    """The picture with the Huffman tables of ITU-T T.81, K.3, where it has none, as single frames of films.

    Decoders know them by heart, but not all of them.
    """
    has_tables = any(segment.marker == DHT for segment in header.segments)
    if has_tables or header.frame.marker not in HUFFMAN_SEQUENTIAL:
        return data
    if data.find(bytes((0xFF, DHT)), header.scan_start) >= 0:
        return data
    return data[: header.scan_start] + b"".join(map(encode, _standard_tables())) + data[header.scan_start :]


@functools.cache
def _standard_tables() -> tuple[MarkerSegment, ...]:
    """The tables that an encoder writes which does not make its own."""
    import simplejpeg

    plain = simplejpeg.encode_jpeg(np.zeros((8, 8, 3), np.uint8), 90, "RGB", "444")
    return tuple(segment for segment in parse(bytes(plain)).segments if segment.marker == DHT)


def strip_app_segments(data: bytes) -> bytes:
    """The picture alone: application segments (but Adobe's) and comments left out."""
    header = parse(data)
    kept = [part for part in header.segments if not is_ancillary(part.marker)]
    return assemble(kept, data[header.scan_start :])


def is_ancillary(marker: int) -> bool:
    """Whether the picture decodes alike without such a segment."""
    return marker == COM or (APP0 <= marker <= 0xEF and marker != APP14)


def with_app_segments(data: bytes, segments: Iterable[MarkerSegment]) -> bytes:
    """A JPEG with `segments` in place of its own application segments and comments."""
    header = parse(data)
    kept = [part for part in header.segments if not is_ancillary(part.marker) and part.marker != APP14]
    return assemble([*segments, *kept], data[header.scan_start :])


def assemble(segments: Iterable[MarkerSegment], rest: bytes = b"") -> bytes:
    """A file of these segments, and of what follows them."""
    return START + b"".join(map(encode, segments)) + rest


def encode(part: MarkerSegment) -> bytes:
    """The segment as it stands in a file."""
    return struct.pack(">BBH", 0xFF, part.marker, len(part.body) + 2) + part.body


def jfif(density: Density | None) -> MarkerSegment:
    """The JFIF segment with this density (square pixels without a unit where None)."""
    codes = {unit: code for code, unit in UNITS.items()}
    unit, x, y = codes["none"], 1, 1
    if density:
        unit = codes[density.unit]
        x, y = (max(1, min(65535, round(a / b))) for a, b in (density.x, density.y))
    return MarkerSegment(APP0, b"JFIF\0" + struct.pack(">BBBHHBB", 1, 1, unit, x, y, 0, 0))


def icc_segments(icc: bytes | None) -> list[MarkerSegment]:
    """A profile in as many segments as it takes."""
    chunks = [icc[i : i + _ICC_CHUNK] for i in range(0, len(icc), _ICC_CHUNK)] if icc else []
    return [
        MarkerSegment(APP2, ICC_NAME + bytes([number, len(chunks)]) + chunk)
        for number, chunk in enumerate(chunks, 1)
    ]


def exif_segments(exif: bytes | None) -> list[MarkerSegment]:
    """An Exif block as a segment."""
    return [MarkerSegment(APP1, EXIF_NAME + exif)] if exif else []
