"""Colour put beside a JPEG's luma, and taken away from it, without decoding: scan by scan.

A grey JPEG of one scan codes its blocks row by row. That is also what a scan of one component codes in a
picture of three, whatever the others' sampling (ITU-T T.81, A.2.2), so the scan stands in the output byte for
byte; Cb and Cr follow in scans of their own, as they do in a progressive picture. Such a picture's first scan
is the grey one again.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from archivecolor.colour.arrays import UInt8
from archivecolor.photo.containers.jpeg.segments import (
    DHT,
    DQT,
    DRI,
    END,
    FRAMES,
    FULL_SPECTRUM,
    HUFFMAN_SEQUENTIAL,
    IN_SCANS,
    SOS,
    Header,
    MarkerSegment,
    assemble,
    encode,
    is_ancillary,
    parse,
)

# Heading of a scan of one component: marker, length, count, component, tables, the coefficients it holds.
_SOS_BYTES = 10
# Our chroma is smooth: a high quality costs little.
CHROMA_QUALITY = 95


@dataclass(frozen=True)
class JpegChroma:
    """Chroma codes, 128 neutral, uint8 (h, w) at full or half (rounded up) `size` of the picture."""

    cb: UInt8
    cr: UInt8
    size: tuple[int, int]

    @property
    def halved(self) -> bool:
        """Whether the planes have half the picture's rows and columns."""
        return self.cb.shape != self.size


@dataclass(frozen=True)
class SingleComponentScan:
    """A scan of one component: the ids of its Huffman tables as headings have them, and its coded blocks."""

    tables: int
    coded: bytes

    def sos_segment(self, component: int) -> MarkerSegment:
        """What stands before the scan when it codes `component`."""
        return MarkerSegment(SOS, bytes([1, component, self.tables]) + FULL_SPECTRUM)


def luma_scan(header: Header, data: bytes) -> SingleComponentScan | None:
    """The first scan of a JPEG, where it alone holds the first component and nothing else; None elsewhere."""
    frame = header.frame
    if frame.marker not in HUFFMAN_SEQUENTIAL or frame.precision != 8:
        return None
    coded = header.scan_start + _SOS_BYTES
    sos_segment = data[header.scan_start + 2 : coded]
    tables = sos_segment[4:5]
    if sos_segment != bytes([0, _SOS_BYTES - 2, 1, frame.components[0], *tables]) + FULL_SPECTRUM:
        return None
    end = IN_SCANS.search(data, coded)
    return SingleComponentScan(tables[0], data[coded : end.start()]) if end else None


def with_chroma_scans(header: Header, luma: SingleComponentScan, planes: JpegChroma) -> bytes:
    """A JPEG with this scan of luma as it is, and one for each chroma plane behind it.

    Args:
        header: of the picture that `luma` is from; its tables serve.
        luma: see `luma_scan`.
        planes: the chroma.
    """
    quantised = _chroma_table()
    cb, cr = (_encoded(plane, quantised) for plane in (planes.cb, planes.cr))
    luma_table = header.frame.quantisation[0]
    chroma_table = 0 if luma_table else 1
    factors = 0x22 if planes.halved else 0x11
    rows = bytes([1, factors, luma_table, 2, 0x11, chroma_table, 3, 0x11, chroma_table])
    parts = [
        _head(header, [MarkerSegment(DQT, bytes([chroma_table]) + cb.quantisation), _frame(header, rows)]),
        encode(luma.sos_segment(1)) + luma.coded,
    ]
    if any(part.marker == DRI for part in header.segments):
        parts.append(encode(MarkerSegment(DRI, b"\0\0")))
    for component, plane in ((2, cb), (3, cr)):
        parts += [*map(encode, (*plane.huffman, plane.scan.sos_segment(component))), plane.scan.coded]
    return b"".join([*parts, END])


def without_chroma_scans(header: Header, luma: SingleComponentScan) -> bytes:
    """A grey JPEG of this scan; as `with_chroma_scans`."""
    rows = bytes([1, 0x11, header.frame.quantisation[0]])
    return _head(header, [_frame(header, rows)]) + encode(luma.sos_segment(1)) + luma.coded + END


def has_same_luma(data: bytes, header: Header, luma: SingleComponentScan) -> bool:
    """Whether a JPEG's first component is coded as `luma` is: the same bytes, tables, restarts and size.

    Then its coefficients are the same, which nobody has to decode to know.

    Args:
        data: the JPEG.
        header: of the picture that `luma` is from.
        luma: see `luma_scan`.
    """
    made = parse(data)
    tables = _tables(header)
    added = _tables(made)[len(tables) :]
    own = header.frame.quantisation[0]
    return (
        luma_scan(made, data) == luma
        and _tables(made)[: len(tables)] == tables
        and all(part.marker == DQT and part.body[0] != own for part in added)
        and made.frame.quantisation[0] == own
        and (made.frame.height, made.frame.width) == (header.frame.height, header.frame.width)
        and made.frame.sampling[0]
        == tuple(max(factors) for factors in zip(*made.frame.sampling, strict=True))
    )


def _tables(header: Header) -> list[MarkerSegment]:
    """What stands before the first scan, but for the frame and what pictures decode alike without."""
    return [part for part in header.segments if part.marker not in FRAMES and not is_ancillary(part.marker)]


def _head(header: Header, more: list[MarkerSegment]) -> bytes:
    """Everything before the first scan: the tables that were there, and `more`."""
    return assemble([*_tables(header), *more])


def _frame(header: Header, rows: bytes) -> MarkerSegment:
    """The frame header with these components: id, sampling factors and quantisation table of each."""
    frame = header.frame
    body = struct.pack(">BHHB", frame.precision, frame.height, frame.width, len(rows) // 3)
    return MarkerSegment(frame.marker, body + rows)


@dataclass(frozen=True)
class _CodedPlane:
    """A chroma plane as the only component of a JPEG: its scan and what that needs."""

    quantisation: bytes
    huffman: tuple[MarkerSegment, ...]
    scan: SingleComponentScan


def _encoded(plane: UInt8, table: list[int]) -> _CodedPlane:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(plane).save(buffer, "JPEG", qtables=[table], optimize=True)
    data = buffer.getvalue()
    header = parse(data)
    (quantisation,) = (part.body[1:] for part in header.segments if part.marker == DQT)
    huffman = tuple(part for part in header.segments if part.marker == DHT)
    scan = luma_scan(header, data)
    assert scan is not None
    return _CodedPlane(quantisation, huffman, scan)


def _chroma_table() -> list[int]:
    """The encoder's own quantisation of chroma at `CHROMA_QUALITY`."""
    from PIL import Image, JpegImagePlugin

    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=CHROMA_QUALITY)
    with Image.open(buffer) as sample:
        assert isinstance(sample, JpegImagePlugin.JpegImageFile)
        return list(sample.quantization[1])
