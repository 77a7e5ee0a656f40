"""WebP: `EXIF` and `XMP ` chunks of the extended format."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from archivecolor.photo.embed.blocks import MetadataBlocks, MetadataUpdate

EXIF_FLAG, XMP_FLAG, ALPHA_FLAG = 0x08, 0x04, 0x10


def read(path: Path) -> MetadataBlocks:
    """The blocks of a WebP."""
    with path.open("rb") as file:
        found = dict(chunks(file))
    exif = found.get(b"EXIF")
    return MetadataBlocks(exif.removeprefix(b"Exif\0\0") if exif else None, None, found.get(b"XMP "))


def chunks(file: BinaryIO) -> list[tuple[bytes, bytes]]:
    """Name and body of every chunk."""
    file.seek(12)
    found = []
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        found.append((name, file.read(size)))
        file.seek(size % 2, 1)
    return found


def embed(part: Path, update: MetadataUpdate) -> tuple[str, ...]:
    """Lay the blocks into a WebP; IPTC has no place in one."""
    with part.open("rb") as file:
        found = dict(chunks(file))
    header = bytearray(found.pop(b"VP8X", b"") or extended_header(found))
    found[b"XMP "] = update.xmp.packet()
    header[0] |= XMP_FLAG
    if update.exif:
        found[b"EXIF"] = update.exif
        header[0] |= EXIF_FLAG
    # The order of the container specification: profile, picture, Exif, XMP.
    late = [(name, found.pop(name)) for name in (b"EXIF", b"XMP ") if name in found]
    body = b"".join(encoded(*each) for each in [(b"VP8X", bytes(header)), *found.items(), *late])
    part.write_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)
    return ("iptc",) if update.iptc else ()


def extended_header(found: dict[bytes, bytes]) -> bytes:
    """The extended header of a plain WebP."""
    if b"VP8L" in found:
        (bits,) = struct.unpack_from("<I", found[b"VP8L"], 1)
        width, height = bits & 0x3FFF, bits >> 14 & 0x3FFF
        flags = ALPHA_FLAG if bits >> 28 & 1 else 0
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", found[b"VP8 "], 6))
        width, height, flags = width - 1, height - 1, 0
    return bytes([flags, 0, 0, 0]) + b"".join(int(side).to_bytes(3, "little") for side in (width, height))


def encoded(name: bytes, body: bytes) -> bytes:
    """A whole chunk."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
