"""Chunks of a PNG (ISO/IEC 15948): read, told apart, and the blocks of metadata that stand in them."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from archivecolor.photo.containers import exif
from archivecolor.photo.containers.blocks import MetadataBlocks
from archivecolor.photo.containers.photoshop import iptc_in
from archivecolor.photo.containers.reading import MAX_UNPACKED, SourceFile, check_parts

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP")
PIXELS = (b"IDAT", b"fdAT")
# Significant bits and a background, in grey codes.
_OF_SAMPLES = (b"sBIT", b"bKGD")
# Structure, colour, density and transparency, which the writer sees to.
STRUCTURAL = frozenset(
    {*COLOUR_CHUNKS, *PIXELS, b"IHDR", b"PLTE", b"IEND", b"tRNS", b"iCCP", b"sBIT", b"pHYs", b"bKGD"}
)
TEXTS = (b"iTXt", b"zTXt", b"tEXt")
XMP_KEYWORD = b"XML:com.adobe.xmp"
# Where programs kept Exif before there was a chunk for it.
_EXIF_KEYWORDS = (b"Raw profile type exif", b"Raw profile type APP1")
# Where ImageMagick keeps XMP.
_XMP_PROFILE_KEYWORD = b"Raw profile type xmp"
IPTC_KEYWORD = b"Raw profile type iptc"


@dataclass(frozen=True)
class Chunk:
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
        known = self.keyword == XMP_KEYWORD or self.keyword.lower().startswith(b"raw profile type ")
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


def read_chunks(file: SourceFile) -> tuple[tuple[Chunk, ...], tuple[str, ...]]:
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
        chunk = Chunk(name, file.read(size) if is_read else b"")
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


def block_kind(chunk: Chunk) -> str:
    """Which block of metadata a chunk holds: exif, xmp, iptc, or the keyword of another; empty for none."""
    if chunk.name == b"eXIf" or (chunk.name in TEXTS and chunk.keyword in _EXIF_KEYWORDS):
        return "exif"
    if chunk.name not in TEXTS or chunk.is_text:
        return ""
    known = {XMP_KEYWORD: "xmp", _XMP_PROFILE_KEYWORD: "xmp", IPTC_KEYWORD: "iptc"}
    return known.get(chunk.keyword) or chunk.keyword.decode("latin-1")


def blocks_of(chunks: Sequence[Chunk]) -> MetadataBlocks:
    """What the chunks say of the picture; large text is packed, so they are asked once."""
    block = older = iptc = xmp = None
    for chunk in chunks:
        if chunk.name == b"eXIf":
            block = exif.bare(chunk.body)
        elif chunk.name in (b"zTXt", b"tEXt") and chunk.keyword in _EXIF_KEYWORDS:
            profile = _raw_profile(chunk) or b""
            older = exif.bare(profile) if profile.startswith((exif.PREAMBLE, b"II", b"MM")) else older
        elif chunk.name in TEXTS and chunk.keyword in (XMP_KEYWORD, _XMP_PROFILE_KEYWORD):
            xmp = _xmp_of(chunk) or xmp
        elif chunk.name in (b"zTXt", b"tEXt") and chunk.keyword == IPTC_KEYWORD:
            profile = _raw_profile(chunk) or b""
            iptc = iptc_in(profile.removeprefix(b"Photoshop 3.0\0")) or profile or None
    return MetadataBlocks(block or older, iptc, xmp)


def inflated(data: bytes) -> bytes | None:
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
    return inflated(text) if compressed == b"\1" else text


def _xmp_of(chunk: Chunk) -> bytes | None:
    """The packet of a text chunk of any kind; None where it is damaged."""
    if chunk.name == b"iTXt":
        return _international_text(chunk.body)
    if chunk.keyword == _XMP_PROFILE_KEYWORD:
        return _raw_profile(chunk)
    text = chunk.body.partition(b"\0")[2]
    return inflated(text[1:]) if chunk.name == b"zTXt" else text


def _raw_profile(chunk: Chunk) -> bytes | None:
    """The bytes of a raw profile: a name, a length and hex digits, as ImageMagick writes it."""
    _, _, text = chunk.body.partition(b"\0")
    plain = inflated(text[1:]) if chunk.name == b"zTXt" else text
    match = re.match(rb"\n[^\n]*\n\s*(\d+)\s+([0-9a-fA-F\s]+)", plain or b"")
    if match is None:
        return None
    digits = b"".join(match[2].split())
    data = bytes.fromhex(digits.decode()) if len(digits) % 2 == 0 else b""
    return data or None
