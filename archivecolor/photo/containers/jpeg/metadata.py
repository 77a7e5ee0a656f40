"""Metadata of a JPEG: Exif and XMP in APP1, IPTC in the Photoshop resources of APP13.

XMP beyond one segment goes into an extension (XMP specification part 3, section 1.1.3.1).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from pathlib import Path

from archivecolor.metadata.xmp import Xmp, merge_extension
from archivecolor.photo.containers import photoshop
from archivecolor.photo.containers.blocks import MetadataBlocks, MetadataUpdate
from archivecolor.photo.containers.jpeg import segments
from archivecolor.photo.containers.jpeg.segments import (
    APP0,
    APP1,
    APP2,
    APP13,
    APP14,
    COM,
    EXIF_NAME,
    ICC_NAME,
    Header,
    MarkerSegment,
)
from archivecolor.photo.containers.photoshop import (
    iptc_in,
    iptc_resource,
    resources_in,
    uncarried_resources,
)

_APPLICATION = range(0xE0, 0xF0)
# Density with its thumbnail, colour profile and colour transform, which the writer sees to.
STRUCTURAL = ((APP0, b"JFIF\0"), (APP0, b"JFXX\0"), (APP2, ICC_NAME), (APP14, b"Adobe"))
_XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION_NAME = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP_NAME = b"Photoshop 3.0\0"
BLOCKS = ((APP1, EXIF_NAME), (APP1, _XMP_NAME), (APP1, _EXTENSION_NAME), (APP13, _PHOTOSHOP_NAME))
# SPIFF and JUMBF; several pictures in a file, Flashpix, gain maps (ISO 21496-1), fields of a film's frame.
_STALE_MARKERS = (0xE8, 0xEB)
STALE_NAMES = ((APP2, b"MPF\0"), (APP2, b"FPXR"), (APP2, b"urn:iso:std:iso:ts:21496"), (APP0, b"AVI1"))
_MAX_SEGMENT_BODY = 65533
_EXTENSION_CHUNK = 65400


def blocks_of(header: Header) -> MetadataBlocks:
    """The blocks of a JPEG."""
    resources = b"".join(header.app(APP13, _PHOTOSHOP_NAME))
    packets = header.app(APP1, _XMP_NAME)
    xmp = packets[0] if packets else None
    extension = _joined_extension(header.app(APP1, _EXTENSION_NAME))
    return MetadataBlocks(
        header.exif, iptc_in(resources), merge_extension(xmp, extension) if extension else xmp
    )


def is_silent(described: Iterable[MarkerSegment]) -> bool:
    """Whether a JPEG has not one segment that could describe its picture."""
    return all(
        segment.marker != COM and (segment.marker not in _APPLICATION or _is_structural(segment))
        for segment in described
    )


def carried(described: Iterable[MarkerSegment]) -> list[MarkerSegment]:
    """Comments and the segments of programs, which a JPEG made from this one keeps byte for byte."""
    return [segment for segment in described if segment.marker == COM or _is_foreign(segment)]


def texts(described: Iterable[MarkerSegment]) -> tuple[str, ...]:
    """Names of the comments."""
    return tuple("comment" for segment in described if segment.marker == COM)


def foreign(described: Iterable[MarkerSegment]) -> tuple[str, ...]:
    """Names of the segments of programs that only they understand."""
    return tuple(f"APP{segment.marker - APP0}" for segment in described if _is_foreign(segment))


def uncarried(described: Iterable[MarkerSegment]) -> tuple[str, ...]:
    """Names of blocks beyond the first of their kind, and of Photoshop's resources beside IPTC."""
    found = [(segment, _kind(segment)) for segment in described]
    further = [
        name
        for kind, name in ((EXIF_NAME, "further exif"), (_XMP_NAME, "further xmp"))
        if sum(each == kind for _, each in found) > 1
    ]
    resources = b"".join(segment.body[len(kind) :] for segment, kind in found if kind == _PHOTOSHOP_NAME)
    numbers = (number for number, _ in resources_in(resources))
    return (*further, *uncarried_resources(numbers))


def set_by_people(described: Iterable[MarkerSegment]) -> tuple[str, ...]:
    """Names of what somebody set in Photoshop and its files say beside their picture."""
    bodies = (segment.body for segment in described if _is_named(segment, APP13, _PHOTOSHOP_NAME))
    return photoshop.set_by_people(resources_in(b"".join(body[len(_PHOTOSHOP_NAME) :] for body in bodies)))


def _kind(segment: MarkerSegment) -> bytes:
    """The name of the block that a segment holds; empty where it holds none."""
    return next((name for marker, name in BLOCKS if _is_named(segment, marker, name)), b"")


def stale(described: Iterable[MarkerSegment]) -> tuple[str, ...]:
    """Names of the segments that are true of this file alone: places in it, signatures over it."""
    found = [segment for segment in described if _is_stale(segment)]
    return tuple(f"APP{segment.marker - APP0} {_name(segment)}".strip() for segment in found)


def late_blocks(late: Iterable[MarkerSegment]) -> tuple[str, ...]:
    """Names of the blocks that stand among the scans, where nobody reads them."""
    found = [segment for segment in late if any(_is_named(segment, *name) for name in BLOCKS)]
    return tuple(f"APP{segment.marker - APP0} behind the first scan" for segment in found)


def _name(segment: MarkerSegment) -> str:
    """The word that a segment begins with."""
    word = segment.body.partition(b"\0")[0][:20]
    return word.decode("ascii") if word.isascii() and word.decode("ascii").isprintable() else ""


def _is_stale(segment: MarkerSegment) -> bool:
    return segment.marker in _STALE_MARKERS or any(_is_named(segment, *name) for name in STALE_NAMES)


def _is_structural(segment: MarkerSegment) -> bool:
    return any(_is_named(segment, *name) for name in STRUCTURAL)


def _is_foreign(segment: MarkerSegment) -> bool:
    """Whether a segment is a program's own: not structure, none of the blocks, not of this file alone."""
    if segment.marker not in _APPLICATION or _is_structural(segment) or _is_stale(segment):
        return False
    return not any(_is_named(segment, *name) for name in BLOCKS)


def embed(part: Path, update: MetadataUpdate) -> tuple[str, ...]:
    """Lay the blocks into a JPEG; returns the names of those that do not fit."""
    data = part.read_bytes()
    header = segments.parse(data)
    added = [*segments.exif_segments(update.exif), *_iptc_segments(update.iptc)]
    fitting = [segment for segment in added if len(segment.body) <= _MAX_SEGMENT_BODY]
    lost = ["exif" if segment.marker == APP1 else "iptc" for segment in added if segment not in fitting]
    replaced = {(APP1, _XMP_NAME), (APP1, _EXTENSION_NAME)}
    replaced |= {
        (APP1, EXIF_NAME) if segment.marker == APP1 else (APP13, _PHOTOSHOP_NAME) for segment in fitting
    }
    kept = [segment for segment in header.segments if not any(_is_named(segment, *name) for name in replaced)]
    first = 1 if kept and kept[0].marker == APP0 else 0
    whole = [*kept[:first], *fitting, *_xmp_segments(update.xmp), *kept[first:]]
    part.write_bytes(segments.assemble(whole, data[header.scan_start :]))
    return tuple(lost)


def _joined_extension(chunks: list[bytes]) -> bytes:
    """The XMP extension, its chunks put together by their offsets; empty without one."""
    pieces = {struct.unpack_from(">I", chunk, 36)[0]: chunk[40:] for chunk in chunks if len(chunk) >= 40}
    return b"".join(pieces[offset] for offset in sorted(pieces))


def _is_named(segment: MarkerSegment, marker: int, name: bytes) -> bool:
    return segment.marker == marker and segment.body.startswith(name)


def _iptc_segments(iptc: bytes | None) -> list[MarkerSegment]:
    """The IPTC records as the only image resource of a segment."""
    return [MarkerSegment(APP13, _PHOTOSHOP_NAME + iptc_resource(iptc))] if iptc else []


def _xmp_segments(xmp: Xmp) -> list[MarkerSegment]:
    """The XMP in one segment, or split into a packet and its extension."""
    whole = MarkerSegment(APP1, _XMP_NAME + xmp.packet())
    if len(whole.body) <= _MAX_SEGMENT_BODY:
        return [whole]
    rest = xmp.extension()
    digest = hashlib.md5(rest, usedforsecurity=False).hexdigest().upper()
    chunks = [
        digest.encode() + struct.pack(">II", len(rest), offset) + rest[offset : offset + _EXTENSION_CHUNK]
        for offset in range(0, len(rest), _EXTENSION_CHUNK)
    ]
    main = MarkerSegment(APP1, _XMP_NAME + xmp.main_packet(digest))
    return [main, *(MarkerSegment(APP1, _EXTENSION_NAME + chunk) for chunk in chunks)]
