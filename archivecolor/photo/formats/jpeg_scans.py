"""Colour put beside a grey JPEG's luma without decoding it: one more scan for each chroma component.

A grey JPEG of one scan codes its blocks row by row. That is also what a scan of one component codes in a
picture of three, whatever the others' sampling (ITU-T T.81, A.2.2), so the scan stands in the output byte for
byte; Cb and Cr follow in scans of their own, as they do in a progressive picture.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from archivecolor.photo.formats.jpeg_segments import (
    DHT,
    DQT,
    DRI,
    EOI,
    FRAMES,
    HUFFMAN_SEQUENTIAL,
    IN_SCANS,
    SOS,
    Header,
    Segment,
    encode,
    is_ancillary,
    parse,
)

END = bytes((0xFF, EOI))
# Heading of a scan of one component: marker, length, count, component, tables, the coefficients it holds.
GREY_SCAN_HEADING = 10
WHOLE_BLOCKS = bytes((0, 63, 0))
# Our chroma is smooth: a high quality costs little.
CHROMA_QUALITY = 95

Plane = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ChromaPlanes:
    """Chroma codes, 128 neutral, uint8 (h, w) at full or half (rounded up) `size` of the picture."""

    blue: Plane
    red: Plane
    size: tuple[int, int]

    @property
    def halved(self) -> bool:
        """Whether the planes have half the picture's rows and columns."""
        return self.blue.shape != self.size


def takes_scans(header: Header, data: bytes) -> bool:
    """Whether the picture is one whole sequential Huffman scan of grey, so that others can follow it."""
    frame = header.frame
    if frame.marker not in HUFFMAN_SEQUENTIAL or frame.precision != 8 or len(frame.components) != 1:
        return False
    coded = header.scan + GREY_SCAN_HEADING
    if data[coded - 3 : coded] != WHOLE_BLOCKS:
        return False
    end = IN_SCANS.search(data, coded)
    return end is not None and data[end.start() :] == END


def with_chroma_scans(header: Header, data: bytes, planes: ChromaPlanes) -> bytes:
    """The picture with its luma's scan as it is, and one for each chroma plane behind it.

    Args:
        header: of `data`.
        data: a JPEG that `takes_scans`.
        planes: the chroma.
    """
    quantised = _chroma_table()
    blue, red = (_encoded(plane, quantised) for plane in (planes.blue, planes.red))
    scan = _Scan.of(header, data)
    luma_table = _luma_table(header)
    chroma_table = 0 if luma_table else 1
    tables = [part for part in header.segments if part.marker not in FRAMES and not is_ancillary(part.marker)]
    head = [
        *tables,
        Segment(DQT, bytes([chroma_table]) + blue.quantisation),
        _frame(header, planes, (luma_table, chroma_table)),
        scan.heading(1),
    ]
    parts = [b"\xff\xd8", *map(encode, head), scan.coded]
    if any(part.marker == DRI for part in tables):
        parts.append(encode(Segment(DRI, b"\0\0")))
    for component, plane in ((2, blue), (3, red)):
        parts += [*map(encode, (*plane.huffman, plane.scan.heading(component))), plane.scan.coded]
    return b"".join([*parts, END])


@dataclass(frozen=True)
class _Scan:
    """The scan of a picture of one component: the ids of its Huffman tables, and its coded blocks."""

    huffman: int
    coded: bytes

    @classmethod
    def of(cls, header: Header, data: bytes) -> _Scan:
        coded = header.scan + GREY_SCAN_HEADING
        return cls(data[coded - 4], data[coded : -len(END)])

    def heading(self, component: int) -> Segment:
        """What stands before the scan when it codes `component`."""
        return Segment(SOS, bytes([1, component, self.huffman]) + WHOLE_BLOCKS)


@dataclass(frozen=True)
class _CodedPlane:
    """A chroma plane as the only component of a JPEG: its scan and what that needs."""

    quantisation: bytes
    huffman: tuple[Segment, ...]
    scan: _Scan


def _encoded(plane: Plane, table: list[int]) -> _CodedPlane:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(plane).save(buffer, "JPEG", qtables=[table], optimize=True)
    data = buffer.getvalue()
    header = parse(data)
    (quantisation,) = (part.body[1:] for part in header.segments if part.marker == DQT)
    huffman = tuple(part for part in header.segments if part.marker == DHT)
    return _CodedPlane(quantisation, huffman, _Scan.of(header, data))


def _chroma_table() -> list[int]:
    """The encoder's own quantisation of chroma at `CHROMA_QUALITY`."""
    from PIL import Image, JpegImagePlugin

    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=CHROMA_QUALITY)
    with Image.open(buffer) as sample:
        assert isinstance(sample, JpegImagePlugin.JpegImageFile)
        return list(sample.quantization[1])


def _luma_table(header: Header) -> int:
    """Id of the grey component's quantisation table: the last byte of its frame header."""
    (body,) = (part.body for part in header.segments if part.marker in FRAMES)
    return body[8]


def _frame(header: Header, planes: ChromaPlanes, tables: tuple[int, int]) -> Segment:
    """The frame header of three components."""
    frame = header.frame
    factors = 0x22 if planes.halved else 0x11
    body = struct.pack(">BHHB", 8, frame.height, frame.width, 3)
    luma, chroma = tables
    body += bytes([1, factors, luma, 2, 0x11, chroma, 3, 0x11, chroma])
    return Segment(frame.marker, body)
