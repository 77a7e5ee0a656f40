"""PNG at 1 to 16 bits, palettes and transparency included.

libpng through imagecodecs, because Pillow cuts 16-bit samples to 8. The colour chunks that say how
codes are meant (gAMA, cHRM, sRGB) and the density go over verbatim: codes stay, and so does their meaning.
Metadata: Exif in `eXIf`, XMP in an `iTXt` chunk, IPTC as ImageMagick's raw profile in `zTXt`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import exif, png_stream
from archivecolor.photo.containers.bands import WholeImageReader, split_samples
from archivecolor.photo.containers.base import DATA_BEHIND, Band, PageFacts, PagePlan, WritableFormat
from archivecolor.photo.containers.blocks import MetadataBlocks, MetadataUpdate
from archivecolor.photo.containers.photoshop import iptc_resource
from archivecolor.photo.containers.png_chunks import (
    COLOUR_CHUNKS,
    IPTC_KEYWORD,
    SIGNATURE,
    STRUCTURAL,
    XMP_KEYWORD,
    Chunk,
    block_kind,
    blocks_of,
    inflated,
    read_chunks,
)
from archivecolor.photo.containers.reading import DamagedError, SourceFile, decoder_call, unpack
from archivecolor.photo.facts import Density

CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
# zlib level: on photographs, level 6 takes four times as long for two percent.
_LEVEL = 1


class PngReader(WholeImageReader):
    """An open PNG: its chunks are read, all but the pixels.

    Attributes:
        chunks: all that are whole, in order; bodies of pixels are empty.
    """

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self.chunks, self._warnings = read_chunks(file)
        if self.is_truncated():
            # Its rows may all be there: the decoder misses those that are not.
            self._warnings += ("every row is there, though the end chunk is missing",)
        if int.from_bytes((self._first(b"acTL") or b"")[:4], "big") > 1:
            raise ItemError(Reason.UNSUPPORTED, "an animated png")
        critical = [chunk.name for chunk in self.chunks if chunk.is_foreign and not chunk.name[0] & 32]
        if critical and not self._warnings:
            # By the specification (5.4) the picture cannot be understood without it.
            name = critical[0].decode("latin-1")
            raise ItemError(Reason.UNSUPPORTED, f"a png with the chunk {name!a}, which is not known here")
        self._blocks = blocks_of(self.chunks)
        self.pages = (self._facts(),)
        unsafe = [chunk for chunk in self.chunks if chunk.is_unsafe]
        self.dropped = tuple(f"chunk {chunk.name.decode('latin-1')}" for chunk in unsafe)
        if not self.is_truncated() and file.read(1):
            self.dropped += (DATA_BEHIND,)
        if self._first(b"gAMA") is not None and self._first(b"sRGB") is None:
            self.notes = ("gAMA kept, not applied",)
        self.notes += self._warnings

    def _first(self, name: bytes) -> bytes | None:
        """Body of the first chunk of a name."""
        return next((chunk.body for chunk in self.chunks if chunk.name == name), None)

    def _facts(self) -> PageFacts:
        header = self._first(b"IHDR") or b""
        if len(header) != 13:
            raise ItemError(Reason.TRUNCATED, "the png ends in its header")
        width, height, depth, kind = unpack(">IIBB", header)
        if kind not in CHANNELS or not width or not height:
            raise ItemError(Reason.UNREADABLE, "the png's header is damaged")
        transparent = self._first(b"tRNS") is not None and kind in (0, 2, 3)
        return PageFacts(
            width=width,
            height=height,
            depth=depth,
            channels=CHANNELS[kind] + transparent,
            code_depth=16 if depth == 16 else 8,
            alpha=transparent or kind in (4, 6),
            orientation=exif.orientation_of(self._blocks.exif),
            bilevel=depth == 1 and kind == 0 and not transparent,
            density=_density(self._first(b"pHYs")) or exif.density_of(self._blocks.exif),
            icc=_profile(self._first(b"iCCP")),
        )

    @property
    def carried(self) -> list[Chunk]:
        """Texts and chunks of programs that say of themselves that they may be copied, byte for byte."""
        return [chunk for chunk in self.chunks if chunk.is_text or (chunk.is_foreign and chunk.name[3] & 32)]

    @property
    def texts(self) -> tuple[str, ...]:
        """See `ImageReader.texts`."""
        return tuple(chunk.keyword.decode("latin-1") for chunk in self.chunks if chunk.is_text)

    @property
    def foreign(self) -> tuple[str, ...]:
        """See `ImageReader.foreign`."""
        return tuple(chunk.name.decode("latin-1") for chunk in self.chunks if chunk.is_foreign)

    @property
    def uncarried(self) -> tuple[str, ...]:
        """See `ImageReader.uncarried`: blocks beyond the last of their kind, and other raw profiles."""
        kinds = [kind for kind in map(block_kind, self.chunks) if kind]
        further = (f"further {kind}" for kind in ("exif", "xmp", "iptc") if kinds.count(kind) > 1)
        others = (kind for kind in kinds if kind not in ("exif", "xmp", "iptc"))
        return tuple(dict.fromkeys((*super().uncarried, *further, *others)))

    @property
    def is_silent(self) -> bool:
        """See `ImageReader.is_silent`."""
        return all(chunk.name in STRUCTURAL for chunk in self.chunks)

    def metadata(self) -> MetadataBlocks:
        """See `ImageReader.metadata`: the blocks from before and behind the picture, the last of each."""
        return self._blocks

    def is_truncated(self) -> bool:
        """See `ImageReader.is_truncated`."""
        return all(chunk.name != b"IEND" for chunk in self.chunks)

    def decode(self) -> Band:
        """See `WholeImageReader.decode`."""
        import imagecodecs

        data = self._file.whole()
        try:
            with decoder_call():
                whole = imagecodecs.png_decode(data)
        except DamagedError:
            mended = None if self._file.strict else png_stream.with_right_checksums(data)
            if mended is None:
                raise
            with decoder_call():
                whole = imagecodecs.png_decode(mended)
            note = "every row is there, though a checksum of them is wrong"
            self.notes = tuple(dict.fromkeys((*self.notes, note)))
        if self._warnings and self._file.strict:
            raise DamagedError(self._warnings[0])
        return split_samples(whole)


class PngFormat(WritableFormat):
    """Still PNG."""

    name = "png"
    title = "PNG"
    supports_16_bit = True

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head.startswith(SIGNATURE)

    def open(self, file: SourceFile) -> PngReader:
        """See `Format.open`."""
        return PngReader(file)

    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """See `Format.write`."""
        import imagecodecs

        (plan,) = pages
        encoded = imagecodecs.png_encode(np.ascontiguousarray(plan.assemble()), level=_LEVEL)
        start = len(SIGNATURE) + 25
        ancillary = b"".join(chunk.encoded() for chunk in _ancillary_chunks(plan))
        part.write_bytes(encoded[:start] + ancillary + encoded[start:])
        return "exact"

    def embed(self, part: Path, update: MetadataUpdate) -> tuple[str, ...]:
        """See `WritableFormat.embed`; the blocks go before the picture."""
        added = {chunk.key: chunk.encoded() for chunk in _metadata_chunks(update)}
        data = part.read_bytes()
        before, at = [], len(SIGNATURE)
        while data[at + 4 : at + 8] != b"IDAT":
            (size,) = unpack(">I", data, at)
            chunk = Chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + size])
            if chunk.key not in added:
                before.append(data[at : at + 12 + size])
            at += 12 + size
        part.write_bytes(SIGNATURE + b"".join([*before, *added.values()]) + data[at:])
        return ()


def _density(body: bytes | None) -> Density | None:
    """Pixels per metre, as hundredths of pixels per centimetre."""
    if body is None or len(body) != 9:
        return None
    x, y, unit = struct.unpack(">IIB", body)
    if not x or not y:
        return None
    return Density((x, 100), (y, 100), "cm") if unit == 1 else Density((x, 1), (y, 1), "none")


def _phys(density: Density | None) -> list[Chunk]:
    if density is None:
        return []
    per_metre = {"none": 1, "cm": 100, "inch": 100 / 2.54}[density.unit]
    x, y = (round(top / bottom * per_metre) for top, bottom in (density.x, density.y))
    return [Chunk(b"pHYs", struct.pack(">IIB", x, y, density.unit != "none"))] if x and y else []


def _profile(body: bytes | None) -> bytes | None:
    """The profile of an iCCP chunk; one that cannot be unpacked comes back as one byte: damaged."""
    if body is None:
        return None
    return inflated(body.partition(b"\0")[2][1:]) or b"\0"


def _metadata_chunks(update: MetadataUpdate) -> Iterator[Chunk]:
    yield Chunk(b"iTXt", XMP_KEYWORD + b"\0" * 5 + update.xmp.packet())
    if update.exif:
        yield Chunk(b"eXIf", update.exif)
    if update.iptc:
        resource = iptc_resource(update.iptc)
        text = b"\niptc\n%8d\n%s\n" % (len(resource), resource.hex().encode())
        yield Chunk(b"zTXt", IPTC_KEYWORD + b"\0\0" + zlib.compress(text))


def _ancillary_chunks(plan: PagePlan) -> list[Chunk]:
    """Chunks that go right after the header: meaning of the codes, density, orientation."""
    ancillary = _colour_chunks(plan) + _phys(plan.facts.density)
    if isinstance(plan.source, PngReader):
        ancillary += plan.source.carried
    block = exif.orientation_block(plan.facts.orientation)
    return [*ancillary, Chunk(b"eXIf", block)] if block else ancillary


def _colour_chunks(plan: PagePlan) -> list[Chunk]:
    """The source's own gamma chunks where it is a PNG without a profile, else the profile."""
    if isinstance(plan.source, PngReader) and not plan.facts.icc:
        kept = [chunk for chunk in plan.source.chunks if chunk.name in COLOUR_CHUNKS]
        if kept:
            return kept
    if plan.icc is None:
        return []
    return [Chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(plan.icc, 9))]


FORMAT = PngFormat()
