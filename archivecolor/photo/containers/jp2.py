"""JPEG 2000: JP2 files and bare codestreams; outputs are reversible (5/3) JP2.

Boxes are those of ISO/IEC 15444-1 annex I; XMP, Exif and IPTC stand in `uuid` boxes of well-known numbers.
OpenJPEG decodes what is left of a cut codestream without a word, so the end marker is looked for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import exif
from archivecolor.photo.containers.bands import WholeImageReader, is_too_much_for_one_value
from archivecolor.photo.containers.base import DATA_BEHIND, Band, PageFacts, PagePlan, WritableFormat
from archivecolor.photo.containers.blocks import MetadataBlocks, MetadataUpdate
from archivecolor.photo.containers.jp2_channels import Channels, Component, channels_of
from archivecolor.photo.containers.jp2_stream import has_all_tiles
from archivecolor.photo.containers.reading import DamagedError, SourceFile, decoder_call, unpack
from archivecolor.photo.facts import Density

SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
CODESTREAM = b"\xff\x4f\xff\x51"
TILE, END = b"\xff\x90", b"\xff\xd9"
_RESTRICTED_ICC, _MOST_16_BITS = 2, 65535
_KNOWN_BOXES = (b"jP  ", b"ftyp", b"jp2h", b"jp2c", b"xml ", b"uuid", b"free")
XMP = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
EXIF = b"JpgTiffExif->JP2"
IPTC = UUID("33c7a4d2-b81d-4723-a0ba-f1a3e097ad38").bytes

Box = tuple[bytes, bytes]


class Jp2Reader(WholeImageReader):
    """An open JPEG 2000.

    Attributes:
        boxes: name and body of the outer boxes; none of a bare codestream.
        header: bodies of the header's boxes by name, the first of each.
        codestream: the picture.
    """

    def __init__(self, file: SourceFile) -> None:
        data = file.whole()
        self.boxes: tuple[Box, ...] = () if data.startswith(CODESTREAM) else tuple(_boxes_of(data))
        self.header: dict[bytes, bytes] = {}
        self.codestream = data
        if not data.startswith(CODESTREAM):
            # Of several the first counts, as the standard has it; so does the first colour specification.
            outer = dict(reversed(self.boxes))
            if b"jp2h" not in outer or b"jp2c" not in outer:
                raise ItemError(Reason.TRUNCATED, "the jp2 ends before its picture")
            self.codestream = outer[b"jp2c"]
            for name, body in _boxes_of(outer[b"jp2h"]):
                self.header.setdefault(name, body)
        end = _stream_end(self.codestream)
        behind, self.codestream = self.codestream[end:], self.codestream[:end]
        if not file.strict and self.is_truncated() and has_all_tiles(self.codestream):
            self.codestream += END
            self.notes = ("every tile is there, though the end marker is missing",)
        self._channels = channels_of(_components(self.codestream), self.header)
        facts = _facts(self.codestream, self.header, self._channels)
        facts = replace(facts, orientation=exif.orientation_of(self.metadata().exif))
        self.pages = (facts,)
        unknown = [name.decode("latin-1") for name, _ in self.boxes if name not in _KNOWN_BOXES]
        self.dropped = tuple(f"{name.strip()} box" for name in unknown if name.strip().isalnum())
        if len(self.dropped) < len(unknown) or (behind + data[_boxes_end(data) :]).strip(b"\0"):
            self.dropped += (DATA_BEHIND,)
        if sum(name == b"jp2c" for name, _ in self.boxes) > 1:
            self.dropped += ("pictures besides the first one",)
        self.dropped += self._channels.dropped
        if facts.depth not in (1, 8, 16):
            self.notes += (f"{facts.depth}-bit samples brought to {facts.code_depth} bits",)

    def metadata(self) -> MetadataBlocks:
        """See `ImageReader.metadata`."""
        found = {body[:16]: body[16:] for name, body in self.boxes if name == b"uuid"}
        return MetadataBlocks(found.get(EXIF), found.get(IPTC), found.get(XMP))

    @property
    def carried(self) -> list[Box]:
        """Boxes of XML and of programs, which a JP2 made from this one keeps byte for byte."""
        blocks = (XMP, EXIF, IPTC)
        return [
            box
            for box in self.boxes
            if box[0] == b"xml " or (box[0] == b"uuid" and box[1][:16] not in blocks)
        ]

    @property
    def foreign(self) -> tuple[str, ...]:
        """See `ImageReader.foreign`."""
        return tuple(f"{name.decode('latin-1').strip()} box" for name, _ in self.carried)

    @property
    def uncarried(self) -> tuple[str, ...]:
        """See `ImageReader.uncarried`."""
        numbers = [body[:16] for name, body in self.boxes if name == b"uuid"]
        kinds = ((EXIF, "exif"), (IPTC, "iptc"), (XMP, "xmp"))
        further = (f"further {kind}" for number, kind in kinds if numbers.count(number) > 1)
        return (*super().uncarried, *further)

    def is_truncated(self) -> bool:
        """See `ImageReader.is_truncated`."""
        return not self.codestream.rstrip(b"\0").endswith(END)

    def decode(self) -> Band:
        """Decode the codestream alone: given the file, the decoder would convert codes by its profile."""
        import imagecodecs

        if self.is_truncated():
            raise DamagedError("no end marker")
        with decoder_call():
            samples = imagecodecs.jpeg2k_decode(self.codestream)
        facts = self.pages[0]
        suspicious = is_too_much_for_one_value(len(self.codestream), facts.width * facts.height)
        if suspicious and (samples == samples.flat[0]).all():
            raise ItemError(Reason.UNREADABLE, "the picture decodes to a single value")
        return self._channels.band(samples)


class Jp2Format(WritableFormat):
    """JPEG 2000 of 1 to 16 bits, grey or RGB, with or without alpha."""

    name = "jp2"
    title = "JPEG 2000"
    supports_16_bit = True

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head.startswith((SIGNATURE, CODESTREAM))

    def open(self, file: SourceFile) -> Jp2Reader:
        """See `Format.open`."""
        return Jp2Reader(file)

    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """See `Format.write`."""
        import imagecodecs

        (plan,) = pages
        encoded = imagecodecs.jpeg2k_encode(
            np.ascontiguousarray(plan.assemble()),
            level=0,
            reversible=True,
            codecformat="jp2",
            colorspace="SRGB" if plan.samples >= 3 else "GRAY",
        )
        part.write_bytes(_with_header_boxes(bytes(encoded), plan))
        return "exact"

    def embed(self, part: Path, update: MetadataUpdate) -> tuple[str, ...]:
        """See `WritableFormat.embed`; before the codestream, which may run to the end of the file."""
        bodies = {XMP: update.xmp.packet(), EXIF: update.exif, IPTC: update.iptc}
        added = {number: body for number, body in bodies.items() if body}
        boxes = list(_boxes_of(part.read_bytes()))
        picture = next(at for at, (name, _) in enumerate(boxes) if name == b"jp2c")
        before = [box for box in boxes[:picture] if not (box[0] == b"uuid" and box[1][:16] in added)]
        ours = [(b"uuid", number + body) for number, body in added.items()]
        part.write_bytes(b"".join(_box(*box) for box in [*before, *ours, *boxes[picture:]]))
        return ()


def _boxes_of(data: bytes) -> Iterator[Box]:
    """Names and bodies of a row of boxes; the last one as far as it goes."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            (size,) = unpack(">Q", data, start)
            start += 8
        end = at + size if size else len(data)
        if end < start:
            raise ItemError(Reason.UNREADABLE, "the jp2's boxes are damaged")
        yield name, data[start:end]
        at = end


def _boxes_end(data: bytes) -> int:
    """Where the last box ends; all of a bare codestream."""
    at = 0
    while not data.startswith(CODESTREAM) and at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            (size,) = unpack(">Q", data, at + 8)
        at = at + size if size else len(data)
    return min(at, len(data)) if at else len(data)


def _stream_end(stream: bytes) -> int:
    """Behind the end marker, which no packet of a tile can hold; all of a stream without one."""
    found = stream.find(END, max(0, stream.find(TILE)))
    return found + len(END) if found >= 0 else len(stream)


def _components(stream: bytes) -> list[Component]:
    """The components by the size segment of a codestream (ISO/IEC 15444-1, A.5.1).

    Raises:
        ItemError: TRUNCATED where it ends before them.
    """
    (count,) = struct.unpack_from(">H", stream, 40) if len(stream) >= 42 else (0,)
    if not stream.startswith(CODESTREAM) or len(stream) < 42 + 3 * count:
        raise ItemError(Reason.TRUNCATED, "the jpeg 2000 ends in its header")
    parts = struct.iter_unpack("3B", stream[42 : 42 + 3 * count])
    return [Component((bits & 127) + 1, bool(bits & 128), (across, down)) for bits, across, down in parts]


def _facts(stream: bytes, header: dict[bytes, bytes], channels: Channels) -> PageFacts:
    right, bottom, left, top = struct.unpack_from(">4I", stream, 8)
    return PageFacts(
        width=right - left,
        height=bottom - top,
        depth=channels.depth,
        channels=channels.count,
        code_depth=8 if channels.depth <= 8 else 16,
        alpha=bool(channels.order.alpha),
        premultiplied=channels.order.premultiplied,
        bilevel=channels.depth == 1 and channels.count == 1 and channels.palette is None,
        density=_density(header.get(b"res ", b"")),
        icc=_profile(header.get(b"colr", b"")),
    )


def _profile(colr: bytes) -> bytes | None:
    return colr[3:] if colr[:1] == bytes([_RESTRICTED_ICC]) and len(colr) > 3 else None


def _density(res: bytes) -> Density | None:
    """Capture or display resolution: pixels per metre as hundredths of pixels per centimetre."""
    boxes = dict(_boxes_of(res))
    body = boxes.get(b"resc") or boxes.get(b"resd") or b""
    if len(body) < 10:
        return None
    y_top, y_bottom, x_top, x_bottom, y_power, x_power = struct.unpack(">HHHHbb", body[:10])
    x, y = (_scaled(*parts) for parts in ((x_top, x_bottom, x_power), (y_top, y_bottom, y_power)))
    return Density(x, y, "cm") if all((*x, *y)) else None


def _scaled(top: int, bottom: int, power: int) -> tuple[int, int]:
    return top * 10 ** max(power, 0), bottom * 100 * 10 ** max(-power, 0)


def _resolution(density: Density | None) -> bytes | None:
    """The body of a resolution box; None where there is none, or only the shape of pixels is known."""
    if density is None or density.unit == "none":
        return None
    metres = Fraction(100) if density.unit == "cm" else Fraction(10000, 254)
    ratios, powers = zip(
        *(_in_16_bits(Fraction(*ratio) * metres) for ratio in (density.y, density.x)), strict=True
    )
    body = b"".join(struct.pack(">HH", ratio.numerator, ratio.denominator) for ratio in ratios)
    return _box(b"resc", body + struct.pack(">bb", *powers))


def _in_16_bits(value: Fraction) -> tuple[Fraction, int]:
    """A number as a fraction of 16 bits and a power of ten."""
    power = 0
    while value > _MOST_16_BITS:
        value, power = value / 10, power + 1
    return value.limit_denominator(max(1, int(_MOST_16_BITS / max(float(value), 1.0)) - 1)), power


def _with_header_boxes(encoded: bytes, plan: PagePlan) -> bytes:
    """The file with the profile that follows the source's and its resolution, from a JPEG 2000 as it stands.

    Without a profile in the source the encoder's own word, sRGB, stands.
    """
    source = plan.source
    own = source.header.get(b"res ") if isinstance(source, Jp2Reader) else _resolution(plan.facts.density)
    kept = {b"res ": own} if own else {}
    out = b""
    for name, body in _boxes_of(encoded):
        if name == b"jp2c":
            out += b"".join(_box(*box) for box in _before_picture(plan))
        if name == b"jp2h":
            inner = dict(_boxes_of(body)) | kept
            if plan.icc and plan.facts.icc:
                inner[b"colr"] = bytes((_RESTRICTED_ICC, 0, 0)) + plan.icc
            out += _box(name, b"".join(_box(*part) for part in inner.items()))
        else:
            out += _box(name, body)
    return out


def _before_picture(plan: PagePlan) -> list[Box]:
    """What a JPEG 2000 source has besides its picture, and how the picture lies."""
    carried = plan.source.carried if isinstance(plan.source, Jp2Reader) else []
    block = exif.orientation_block(plan.facts.orientation)
    return [*carried, (b"uuid", EXIF + block)] if block else carried


def _box(name: bytes, body: bytes) -> bytes:
    if len(body) + 8 < 1 << 32:
        return struct.pack(">I4s", len(body) + 8, name) + body
    return struct.pack(">I4sQ", 1, name, len(body) + 16) + body


FORMAT = Jp2Format()
