"""PNG: Exif in `eXIf`, XMP in an `iTXt` chunk, IPTC as ImageMagick's raw profile in `zTXt`."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from archivecolor.photo.embed.blocks import MetadataBlocks, MetadataUpdate, copy_rest, rewrite_file
from archivecolor.photo.embed.photoshop import iptc_in, iptc_resource

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = b"XML:com.adobe.xmp"
IPTC_KEYWORD = b"Raw profile type iptc"
MAX_TEXT = 1 << 26
# Structure, colour, density and transparency, which the writer sees to.
STRUCTURAL = frozenset(
    {
        b"IHDR",
        b"PLTE",
        b"IEND",
        b"tRNS",
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"iCCP",
        b"cICP",
        b"sBIT",
        b"pHYs",
        b"bKGD",
    }
)


def read(path: Path) -> MetadataBlocks:
    """The blocks of a PNG, from before and behind its picture."""
    exif = iptc = xmp = None
    with path.open("rb") as file:
        for name, body in chunks(file, skip=b"IDAT"):
            keyword = body.partition(b"\0")[0]
            if name == b"eXIf":
                exif = body
            elif name == b"iTXt" and keyword == XMP_KEYWORD:
                xmp = international_text(body)
            elif name in (b"zTXt", b"tEXt") and keyword == IPTC_KEYWORD:
                iptc = raw_profile(name, body)
    return MetadataBlocks(exif, iptc, xmp)


def has_no_metadata(path: Path) -> bool:
    """Whether a PNG has not one chunk that could describe its picture."""
    with path.open("rb") as file:
        return all(name in STRUCTURAL for name, _ in chunks(file, skip=b"IDAT"))


def chunks(file: BinaryIO, skip: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each chunk; those named `skip` are passed over, the body of vast ones unread."""
    file.seek(len(SIGNATURE))
    while len(head := file.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        body = b"" if name == skip or size > MAX_TEXT else file.read(size)
        file.seek(size - len(body) + 4, 1)
        if name != skip:
            yield name, body


def international_text(body: bytes) -> bytes | None:
    """The text of an `iTXt` chunk (PNG specification, 11.3.3.4)."""
    _, _, rest = body.partition(b"\0")
    compressed, rest = rest[:1], rest[2:]
    _, _, rest = rest.partition(b"\0")
    _, _, text = rest.partition(b"\0")
    return inflate(text) if compressed == b"\1" else text


def inflate(data: bytes) -> bytes | None:
    """The unpacked text; None where it is damaged or unreasonably large."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, MAX_TEXT)
    except zlib.error:
        return None
    return text if unpacker.eof else None


def raw_profile(name: bytes, body: bytes) -> bytes | None:
    """The bytes of a raw profile: a name, a length and hex digits, as ImageMagick writes it."""
    _, _, text = body.partition(b"\0")
    plain = inflate(text[1:]) if name == b"zTXt" else text
    match = re.match(rb"\n[^\n]*\n\s*(\d+)\s+([0-9a-fA-F\s]+)", plain or b"")
    if match is None:
        return None
    digits = b"".join(match[2].split())
    data = bytes.fromhex(digits.decode()) if len(digits) % 2 == 0 else b""
    return iptc_in(data.removeprefix(b"Photoshop 3.0\0")) or data or None


def embed(part: Path, update: MetadataUpdate) -> tuple[str, ...]:
    """Lay the blocks into a PNG, before its picture."""
    added = {b"iTXt" + XMP_KEYWORD: chunk(b"iTXt", XMP_KEYWORD + b"\0" * 5 + update.xmp.packet())}
    if update.exif:
        added[b"eXIf"] = chunk(b"eXIf", update.exif)
    if update.iptc:
        resource = iptc_resource(update.iptc)
        text = b"\niptc\n%8d\n%s\n" % (len(resource), resource.hex().encode())
        added[b"zTXt" + IPTC_KEYWORD] = chunk(b"zTXt", IPTC_KEYWORD + b"\0\0" + zlib.compress(text))
    with rewrite_file(part) as (old, new):
        new.write(old.read(len(SIGNATURE)))
        while True:
            head = old.read(8)
            size, name = struct.unpack(">I4s", head)
            if name == b"IDAT":
                break
            body = old.read(size + 4)
            if chunk_key(name, body) not in added:
                new.write(head + body)
        new.write(b"".join(added.values()) + head)
        copy_rest(old, new)
    return ()


def chunk_key(name: bytes, body: bytes) -> bytes:
    """What makes a chunk the one of its kind: its name, with the keyword of text."""
    return name + body.partition(b"\0")[0] if name in (b"iTXt", b"zTXt", b"tEXt") else name


def chunk(name: bytes, body: bytes) -> bytes:
    """A whole chunk."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
