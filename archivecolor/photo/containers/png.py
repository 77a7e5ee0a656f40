"""PNG at 1 to 16 bits, palettes and transparency included.

libpng through imagecodecs, because Pillow cuts 16-bit samples to 8. The colour chunks that say how
codes are meant (gAMA, cHRM, sRGB) and the density go over verbatim: codes stay, and so does their meaning.
Metadata: Exif in `eXIf`, XMP in an `iTXt` chunk, IPTC as ImageMagick's raw profile in `zTXt`.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import exif
from archivecolor.photo.containers.bands import WholeImageReader, split_samples
from archivecolor.photo.containers.base import DATA_BEHIND, Band, PageFacts, PagePlan, WritableFormat
from archivecolor.photo.containers.blocks import MetadataBlocks, MetadataUpdate
from archivecolor.photo.containers.photoshop import iptc_in, iptc_resource
from archivecolor.photo.containers.reading import (
    MAX_UNPACKED,
    DamagedError,
    SourceFile,
    check_parts,
    decoder_call,
    unpack,
)
from archivecolor.photo.facts import Density

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP")
PIXELS = (b"IDAT", b"fdAT")
# Significant bits and a background, in grey codes.
_OF_SAMPLES = (b"sBIT", b"bKGD")
# Structure, colour, density and transparency, which the writer sees to.
STRUCTURAL = frozenset(
    {*_COLOUR_CHUNKS, *PIXELS, b"IHDR", b"PLTE", b"IEND", b"tRNS", b"iCCP", b"sBIT", b"pHYs", b"bKGD"}
)
TEXTS = (b"iTXt", b"zTXt", b"tEXt")
_XMP_KEYWORD = b"XML:com.adobe.xmp"
# Where programs kept Exif before there was a chunk for it.
_EXIF_KEYWORDS = (b"Raw profile type exif", b"Raw profile type APP1")
# Where ImageMagick keeps XMP.
_XMP_PROFILE_KEYWORD = b"Raw profile type xmp"
_IPTC_KEYWORD = b"Raw profile type iptc"
# zlib level: on photographs, level 6 takes four times as long for two percent.
_LEVEL = 1


@dataclass(frozen=True)
class _Chunk:
    """A chunk's four letters and its body."""

    name: bytes
    body: bytes

    @property
    def keyword(self) -> bytes:
        """What a text chunk is about."""
        return self.body.partition(b"\0")[0]

    @property
    def key(self) -> bytes:
        """What makes a chunk the one of its kind: its name, with the keyword of text."""
        return self.name + self.keyword if self.name in TEXTS else self.name

    @property
    def is_text(self) -> bool:
        """Whether it is a text for people, not a block of metadata."""
        known = self.keyword == _XMP_KEYWORD or self.keyword.lower().startswith(b"raw profile type ")
        return self.name in TEXTS and not known

    @property
    def is_foreign(self) -> bool:
        """Whether it is a program's own."""
        return self.name not in STRUCTURAL and self.name not in TEXTS and self.name != b"eXIf"

    @property
    def is_unsafe(self) -> bool:
        """Whether it is true of the source's own samples: by its name, or by what it says of them."""
        return self.name in _OF_SAMPLES or (self.is_foreign and not self.name[3] & 32)

    def encoded(self) -> bytes:
        """With length and checksum."""
        tail = self.name + self.body
        return struct.pack(">I", len(self.body)) + tail + struct.pack(">I", zlib.crc32(tail))


class PngReader(WholeImageReader):
    """An open PNG: its chunks are read, all but the pixels.

    Attributes:
        chunks: all that are whole, in order; bodies of pixels are empty.
    """

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self.chunks, self._warnings = _read_chunks(file)
        if self.is_truncated():
            # Its rows may all be there: the decoder misses those that are not.
            self._warnings += ("every row is there, though the end chunk is missing",)
        if self._first(b"acTL") is not None:
            raise ItemError(Reason.UNSUPPORTED, "an animated png")
        critical = [chunk.name for chunk in self.chunks if chunk.is_foreign and not chunk.name[0] & 32]
        if critical and not self._warnings:
            # By the specification (5.4) the picture cannot be understood without it.
            name = critical[0].decode("latin-1")
            raise ItemError(Reason.UNSUPPORTED, f"a png with the chunk {name!a}, which is not known here")
        self._blocks = _blocks_of(self.chunks)
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
    def carried(self) -> list[_Chunk]:
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
        kinds = [kind for kind in map(_block_kind, self.chunks) if kind]
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
        with decoder_call():
            whole = imagecodecs.png_decode(data)
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
            chunk = _Chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + size])
            if chunk.key not in added:
                before.append(data[at : at + 12 + size])
            at += 12 + size
        part.write_bytes(SIGNATURE + b"".join([*before, *added.values()]) + data[at:])
        return ()


def _read_chunks(file: SourceFile) -> tuple[tuple[_Chunk, ...], tuple[str, ...]]:
    """All chunks to the end chunk, with the bodies of what could be metadata; fewer where the file is cut.

    The file stands behind the last one. Also says which chunks beside the picture have a wrong checksum: they
    count none the less, but for transparency, where the decoder leaves it aside.
    """
    nbytes, found, warnings, beside = file.nbytes, [], [], 0
    file.seek(len(SIGNATURE))
    while len(head := file.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        following = file.tell() + size + 4
        if following > nbytes:
            break
        is_read = name not in PIXELS and size <= MAX_UNPACKED
        chunk = _Chunk(name, file.read(size) if is_read else b"")
        is_wrong = is_read and file.read(4) != chunk.encoded()[-4:]
        if is_wrong:
            warnings.append(f"the checksum of chunk {name.decode('latin-1')} is wrong")
        if not (is_wrong and name == b"tRNS"):
            found.append(chunk)
            beside += name not in PIXELS
            check_parts(beside)
        file.seek(following)
        if name == b"IEND":
            break
    return tuple(found), tuple(warnings)


def _block_kind(chunk: _Chunk) -> str:
    """Which block of metadata a chunk holds: exif, xmp, iptc, or the keyword of another; empty for none."""
    if chunk.name == b"eXIf" or (chunk.name in TEXTS and chunk.keyword in _EXIF_KEYWORDS):
        return "exif"
    if chunk.name not in TEXTS or chunk.is_text:
        return ""
    known = {_XMP_KEYWORD: "xmp", _XMP_PROFILE_KEYWORD: "xmp", _IPTC_KEYWORD: "iptc"}
    return known.get(chunk.keyword) or chunk.keyword.decode("latin-1")


def _blocks_of(chunks: Sequence[_Chunk]) -> MetadataBlocks:
    """What the chunks say of the picture; large text is packed, so they are asked once."""
    block = older = iptc = xmp = None
    for chunk in chunks:
        if chunk.name == b"eXIf":
            block = exif.bare(chunk.body)
        elif chunk.name in (b"zTXt", b"tEXt") and chunk.keyword in _EXIF_KEYWORDS:
            profile = _raw_profile(chunk) or b""
            older = exif.bare(profile) if profile.startswith((exif.PREAMBLE, b"II", b"MM")) else older
        elif chunk.name in TEXTS and chunk.keyword in (_XMP_KEYWORD, _XMP_PROFILE_KEYWORD):
            xmp = _xmp_of(chunk) or xmp
        elif chunk.name in (b"zTXt", b"tEXt") and chunk.keyword == _IPTC_KEYWORD:
            profile = _raw_profile(chunk) or b""
            iptc = iptc_in(profile.removeprefix(b"Photoshop 3.0\0")) or profile or None
    return MetadataBlocks(block or older, iptc, xmp)


def _density(body: bytes | None) -> Density | None:
    """Pixels per metre, as hundredths of pixels per centimetre."""
    if body is None or len(body) != 9:
        return None
    x, y, unit = struct.unpack(">IIB", body)
    if not x or not y:
        return None
    return Density((x, 100), (y, 100), "cm") if unit == 1 else Density((x, 1), (y, 1), "none")


def _phys(density: Density | None) -> list[_Chunk]:
    if density is None:
        return []
    per_metre = {"none": 1, "cm": 100, "inch": 100 / 2.54}[density.unit]
    x, y = (round(top / bottom * per_metre) for top, bottom in (density.x, density.y))
    return [_Chunk(b"pHYs", struct.pack(">IIB", x, y, density.unit != "none"))] if x and y else []


def _profile(body: bytes | None) -> bytes | None:
    """The profile of an iCCP chunk; one that cannot be unpacked comes back as one byte: damaged."""
    if body is None:
        return None
    return _inflated(body.partition(b"\0")[2][1:]) or b"\0"


def _inflated(data: bytes) -> bytes | None:
    """The unpacked bytes; None where they are damaged or unreasonably many."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, MAX_UNPACKED)
    except zlib.error:
        return None
    return text if unpacker.eof else None


def _international_text(body: bytes) -> bytes | None:
    """The text of an `iTXt` chunk (PNG specification, 11.3.3.4)."""
    _, _, rest = body.partition(b"\0")
    compressed, rest = rest[:1], rest[2:]
    _, _, rest = rest.partition(b"\0")
    _, _, text = rest.partition(b"\0")
    return _inflated(text) if compressed == b"\1" else text


def _xmp_of(chunk: _Chunk) -> bytes | None:
    """The packet of a text chunk of any kind; None where it is damaged."""
    if chunk.name == b"iTXt":
        return _international_text(chunk.body)
    if chunk.keyword == _XMP_PROFILE_KEYWORD:
        return _raw_profile(chunk)
    text = chunk.body.partition(b"\0")[2]
    return _inflated(text[1:]) if chunk.name == b"zTXt" else text


def _raw_profile(chunk: _Chunk) -> bytes | None:
    """The bytes of a raw profile: a name, a length and hex digits, as ImageMagick writes it."""
    _, _, text = chunk.body.partition(b"\0")
    plain = _inflated(text[1:]) if chunk.name == b"zTXt" else text
    match = re.match(rb"\n[^\n]*\n\s*(\d+)\s+([0-9a-fA-F\s]+)", plain or b"")
    if match is None:
        return None
    digits = b"".join(match[2].split())
    data = bytes.fromhex(digits.decode()) if len(digits) % 2 == 0 else b""
    return data or None


def _metadata_chunks(update: MetadataUpdate) -> Iterator[_Chunk]:
    yield _Chunk(b"iTXt", _XMP_KEYWORD + b"\0" * 5 + update.xmp.packet())
    if update.exif:
        yield _Chunk(b"eXIf", update.exif)
    if update.iptc:
        resource = iptc_resource(update.iptc)
        text = b"\niptc\n%8d\n%s\n" % (len(resource), resource.hex().encode())
        yield _Chunk(b"zTXt", _IPTC_KEYWORD + b"\0\0" + zlib.compress(text))


def _ancillary_chunks(plan: PagePlan) -> list[_Chunk]:
    """Chunks that go right after the header: meaning of the codes, density, orientation."""
    ancillary = _colour_chunks(plan) + _phys(plan.facts.density)
    if isinstance(plan.source, PngReader):
        ancillary += plan.source.carried
    block = exif.orientation_block(plan.facts.orientation)
    return [*ancillary, _Chunk(b"eXIf", block)] if block else ancillary


def _colour_chunks(plan: PagePlan) -> list[_Chunk]:
    """The source's own gamma chunks where it is a PNG without a profile, else the profile."""
    if isinstance(plan.source, PngReader) and not plan.facts.icc:
        kept = [chunk for chunk in plan.source.chunks if chunk.name in _COLOUR_CHUNKS]
        if kept:
            return kept
    if plan.icc is None:
        return []
    return [_Chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(plan.icc, 9))]


FORMAT = PngFormat()
