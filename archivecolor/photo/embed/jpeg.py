"""JPEG: Exif and XMP in APP1, IPTC in the Photoshop resources of APP13.

XMP beyond one segment goes into an extension (XMP specification part 3, section 1.1.3.1).
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from archivecolor.metadata.xmp import Xmp, merge_extension
from archivecolor.photo.containers.jpeg_segments import (
    APP0,
    APP1,
    APP2,
    APP14,
    COM,
    EXIF_NAME,
    SOI,
    MarkerSegment,
    parse,
)
from archivecolor.photo.embed.blocks import MetadataBlocks, MetadataUpdate
from archivecolor.photo.embed.photoshop import iptc_in, iptc_resource

APP13 = 0xED
APPLICATION = range(0xE0, 0xF0)
# Density, colour profile and colour transform, which the writer sees to.
STRUCTURAL = frozenset({APP0, APP2, APP14})
XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION_NAME = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP_NAME = b"Photoshop 3.0\0"
MAX_SEGMENT_BODY = 65533
EXTENSION_CHUNK = 65400


def read(path: Path) -> MetadataBlocks:
    """The blocks of a JPEG."""
    header = parse(path.read_bytes())
    resources = b"".join(header.app(APP13, PHOTOSHOP_NAME))
    packets = header.app(APP1, XMP_NAME)
    xmp = packets[0] if packets else None
    extension = join_extension(header.app(APP1, EXTENSION_NAME))
    return MetadataBlocks(
        header.exif, iptc_in(resources), merge_extension(xmp, extension) if extension else xmp
    )


def has_no_metadata(path: Path) -> bool:
    """Whether a JPEG has not one segment that could describe its picture."""
    return all(
        segment.marker != COM and (segment.marker not in APPLICATION or segment.marker in STRUCTURAL)
        for segment in parse(path.read_bytes()).segments
    )


def join_extension(chunks: list[bytes]) -> bytes:
    """The XMP extension, its chunks put together by their offsets; empty without one."""
    pieces = {struct.unpack_from(">I", chunk, 36)[0]: chunk[40:] for chunk in chunks if len(chunk) >= 40}
    return b"".join(pieces[offset] for offset in sorted(pieces))


def embed(part: Path, update: MetadataUpdate) -> tuple[str, ...]:
    """Lay the blocks into a JPEG; returns the names of those that do not fit."""
    data = part.read_bytes()
    header = parse(data)
    added = [*exif_segments(update.exif), *iptc_segments(update.iptc)]
    xmp = xmp_segments(update.xmp)
    fitting = [segment for segment in added if len(segment.body) <= MAX_SEGMENT_BODY]
    lost = ["exif" if segment.marker == APP1 else "iptc" for segment in added if segment not in fitting]
    replaced = {(APP1, XMP_NAME), (APP1, EXTENSION_NAME)}
    replaced |= {
        (APP1, EXIF_NAME) if segment.marker == APP1 else (APP13, PHOTOSHOP_NAME) for segment in fitting
    }
    kept = [part for part in header.segments if not any(is_named(part, *name) for name in replaced)]
    first = 1 if kept and kept[0].marker == APP0 else 0
    segments = [*kept[:first], *fitting, *xmp, *kept[first:]]
    part.write_bytes(bytes([0xFF, SOI]) + b"".join(map(encoded, segments)) + data[header.scan_start :])
    return tuple(lost)


def is_named(segment: MarkerSegment, marker: int, name: bytes) -> bool:
    """Whether it is an application segment of that kind."""
    return segment.marker == marker and segment.body.startswith(name)


def encoded(segment: MarkerSegment) -> bytes:
    """The segment as it stands in a file."""
    return struct.pack(">BBH", 0xFF, segment.marker, len(segment.body) + 2) + segment.body


def exif_segments(exif: bytes | None) -> list[MarkerSegment]:
    """The Exif block as a segment."""
    return [MarkerSegment(APP1, EXIF_NAME + exif)] if exif else []


def iptc_segments(iptc: bytes | None) -> list[MarkerSegment]:
    """The IPTC records as the only image resource of a segment."""
    return [MarkerSegment(APP13, PHOTOSHOP_NAME + iptc_resource(iptc))] if iptc else []


def xmp_segments(xmp: Xmp) -> list[MarkerSegment]:
    """The XMP in one segment, or split into a packet and its extension."""
    whole = MarkerSegment(APP1, XMP_NAME + xmp.packet())
    if len(whole.body) <= MAX_SEGMENT_BODY:
        return [whole]
    rest = xmp.extension()
    digest = hashlib.md5(rest, usedforsecurity=False).hexdigest().upper()
    chunks = [
        digest.encode() + struct.pack(">II", len(rest), offset) + rest[offset : offset + EXTENSION_CHUNK]
        for offset in range(0, len(rest), EXTENSION_CHUNK)
    ]
    main = MarkerSegment(APP1, XMP_NAME + xmp.main_packet(digest))
    return [main, *(MarkerSegment(APP1, EXTENSION_NAME + chunk) for chunk in chunks)]
