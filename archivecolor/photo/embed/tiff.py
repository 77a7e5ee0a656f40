"""TIFF, classic and BigTIFF: tags added by a new directory at the end of the file.

The picture, its other pages and every offset stay where they are; only the header then points to the
new directory. An Exif block is a small TIFF file, so the same reader and writer serve it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from archivecolor.photo.embed.blocks import MetadataBlocks, MetadataUpdate

# Bytes of a value of each type, and of the unit that byte order turns.
SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
UNITS = {**SIZES, 5: 4, 10: 4}
LONG, LONG8, UNDEFINED, BYTE = 4, 16, 7, 1
XMP, IPTC, ORIENTATION = 700, 33723, 274
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY, MAKER_NOTE = 34665, 34853, 40965, 37500
DIRECTORIES = (EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY)
# What describes the picture, not how this file stores it: names, makers, times, rights, places (GeoTIFF).
DESCRIPTIVE = frozenset(
    {269, 270, 271, 272, 285, 305, 306, 315, 316, 33432, 40091, 40092, 40093, 40094, 40095, 18246, 18249}
    | {33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113}
    | set(DIRECTORIES)
)
RESOLUTION = frozenset({282, 283, 296})
MAX_VALUE_BYTES = 1 << 26
# Main, Exif, interoperability; a file whose directories hold each other goes on for ever.
MAX_DEPTH = 2


@dataclass(frozen=True)
class TagValue:
    """One tag: its type, and its values as little-endian bytes; a sub-directory where it points to one."""

    kind: int
    data: bytes
    directory: Mapping[int, TagValue] = field(default_factory=dict)


@dataclass(frozen=True)
class ByteLayout:
    """Byte order and width of offsets."""

    order: str
    big: bool

    @classmethod
    def of(cls, head: bytes) -> ByteLayout | None:
        """The layout by a file's first four bytes; None where it is no TIFF."""
        orders = {b"II": "<", b"MM": ">"}
        order = orders.get(head[:2])
        if order is None or len(head) < 4:
            return None
        (version,) = struct.unpack(order + "H", head[2:4])
        return cls(order, version == 43) if version in (42, 43) else None

    @property
    def offset_size(self) -> int:
        """Bytes of an offset."""
        return 8 if self.big else 4

    def pack(self, code: str, *values: int) -> bytes:
        """Values in this byte order; `O` is an offset, `N` the number of entries."""
        wide = {"O": "Q" if self.big else "I", "N": "Q" if self.big else "H"}
        return struct.pack(self.order + "".join(wide.get(letter, letter) for letter in code), *values)

    def unpack(self, code: str, data: bytes) -> tuple[int, ...]:
        """The opposite of `pack`."""
        wide = {"O": "Q" if self.big else "I", "N": "Q" if self.big else "H"}
        return struct.unpack(self.order + "".join(wide.get(letter, letter) for letter in code), data)

    def swapped(self, kind: int, data: bytes) -> bytes:
        """Values between little-endian and this byte order."""
        unit = UNITS[kind]
        if self.order == "<" or unit == 1:
            return data
        return b"".join(data[at : at + unit][::-1] for at in range(0, len(data), unit))


def read(path: Path) -> MetadataBlocks:
    """The blocks of a TIFF's first page."""
    with path.open("rb") as file:
        return blocks_in(file)


def blocks_in(file: BinaryIO) -> MetadataBlocks:
    """The blocks of an open TIFF's first page."""
    tags = first_directory(file)
    described = {code: entry for code, entry in tags.items() if code in DESCRIPTIVE | RESOLUTION}
    xmp, iptc = (tags[code].data if code in tags else None for code in (XMP, IPTC))
    return MetadataBlocks(exif_block(described) if described else None, iptc, xmp)


def first_directory(file: BinaryIO) -> dict[int, TagValue]:
    """The tags of an open TIFF's first directory, values too large to be metadata left out."""
    file.seek(0)
    head = file.read(16)
    layout = ByteLayout.of(head)
    if layout is None:
        return {}
    at = 8 if layout.big else 4
    (offset,) = layout.unpack("O", head[at : at + layout.offset_size])
    return read_directory(file, layout, offset)


def read_directory(file: BinaryIO, layout: ByteLayout, offset: int, depth: int = 0) -> dict[int, TagValue]:
    """The tags of the directory at `offset`, sub-directories read in.

    Maker notes stay out: what they point to would not come along.
    """
    tags = {}
    for raw in raw_entries(file, layout, offset):
        code, kind = layout.unpack("HH", raw[:4])
        (count,) = layout.unpack("O", raw[4 : 4 + layout.offset_size])
        nbytes = SIZES.get(kind, 0) * count
        if not 0 < nbytes <= MAX_VALUE_BYTES or code == MAKER_NOTE:
            continue
        data = raw[4 + layout.offset_size :][:nbytes]
        if nbytes > layout.offset_size:
            file.seek(layout.unpack("O", data)[0])
            data = file.read(nbytes)
        entry = TagValue(kind, layout.swapped(kind, data))
        if code in DIRECTORIES:
            if depth == MAX_DEPTH:
                continue
            start = int.from_bytes(entry.data, "little")
            entry = TagValue(LONG, b"", read_directory(file, layout, start, depth + 1))
        if len(data) == nbytes:
            tags[code] = entry
    return tags


def raw_entries(file: BinaryIO, layout: ByteLayout, offset: int) -> list[bytes]:
    """The entries of the directory at `offset` as they stand; none where it lies beyond the file."""
    file.seek(offset)
    head = file.read(8 if layout.big else 2)
    size = 20 if layout.big else 12
    if len(head) < (8 if layout.big else 2):
        return []
    (count,) = layout.unpack("N", head)
    if count > 4096:
        return []
    entries = [file.read(size) for _ in range(count)]
    return [entry for entry in entries if len(entry) == size]


def exif_block(tags: Mapping[int, TagValue]) -> bytes:
    """The tags as an Exif block: a little-endian classic TIFF without a picture."""
    layout = ByteLayout("<", big=False)
    return b"II" + layout.pack("HO", 42, 8) + directory_bytes(tags, layout, 8)


def tags_of(exif: bytes) -> dict[int, TagValue]:
    """The tags of an Exif block."""
    return first_directory(io.BytesIO(exif))


def directory_bytes(
    tags: Mapping[int, TagValue],
    layout: ByteLayout,
    offset: int,
    kept: Mapping[int, bytes] | None = None,
    next_offset: int = 0,
) -> bytes:
    """A directory that will stand at `offset`, its values behind it.

    Args:
        tags: to write.
        layout: of the file.
        offset: of the directory in the file.
        kept: raw entries of the file that go along as they are.
        next_offset: where the file's next directory stands.
    """
    entries = dict(kept or {})
    end = offset + len(layout.pack("N", 0)) + (20 if layout.big else 12) * len({*entries, *tags})
    end += layout.offset_size
    values = b""
    for code, entry in sorted(tags.items()):
        at = end + len(values)
        raw, value = encoded(code, entry, layout, at)
        entries[code] = raw
        values += value + b"\0" * (len(value) % 2)
    table = layout.pack("N", len(entries)) + b"".join(entries[code] for code in sorted(entries))
    return table + layout.pack("O", next_offset) + values


def encoded(code: int, entry: TagValue, layout: ByteLayout, at: int) -> tuple[bytes, bytes]:
    """The entry's row, and the bytes that stand at `at` where it does not hold them itself."""
    if entry.directory:
        kind = LONG8 if layout.big else LONG
        return layout.pack("HHOO", code, kind, 1, at), directory_bytes(entry.directory, layout, at)
    data = layout.swapped(entry.kind, entry.data)
    head = layout.pack("HHO", code, entry.kind, len(data) // SIZES[entry.kind])
    if len(data) <= layout.offset_size:
        return head + data.ljust(layout.offset_size, b"\0"), b""
    return head + layout.pack("O", at), data


def embed(part: Path, update: MetadataUpdate) -> tuple[str, ...]:
    """Add the blocks' tags to the first page of a TIFF; the part's own orientation stays."""
    tags = {XMP: TagValue(BYTE, update.xmp.packet())}
    if update.iptc:
        tags[IPTC] = TagValue(UNDEFINED, update.iptc)
    if update.exif:
        tags |= {code: entry for code, entry in tags_of(update.exif).items() if code in DESCRIPTIVE}
    with part.open("rb+") as file:
        add_tags(file, tags)
    return ()


def count_pages(path: Path) -> int:
    """Directories in the chain of a TIFF, thumbnails among them; up to 65,536."""
    with path.open("rb") as file:
        head = file.read(16)
        layout = ByteLayout.of(head)
        if layout is None:
            return 0
        start = 8 if layout.big else 4
        (offset,) = layout.unpack("O", head[start : start + layout.offset_size])
        seen: set[int] = set()
        while offset and offset not in seen and len(seen) < 65536:
            seen.add(offset)
            raw_entries(file, layout, offset)
            following = file.read(layout.offset_size)
            offset = layout.unpack("O", following)[0] if len(following) == layout.offset_size else 0
    return len(seen)


def add_tags(file: BinaryIO, tags: Mapping[int, TagValue]) -> None:
    """Append the open TIFF's first directory anew with `tags` in it, and point the header there."""
    file.seek(0)
    layout = ByteLayout.of(file.read(4))
    if layout is None:
        raise ValueError("not a TIFF")
    pointer = 8 if layout.big else 4
    file.seek(pointer)
    (old,) = layout.unpack("O", file.read(layout.offset_size))
    raw = raw_entries(file, layout, old)
    (next_offset,) = layout.unpack("O", file.read(layout.offset_size))
    kept = {layout.unpack("H", entry[:2])[0]: entry for entry in raw}
    end = file.seek(0, 2)
    end += file.write(b"\0" * (end % 2))
    file.write(directory_bytes(tags, layout, end, kept, next_offset))
    file.seek(pointer)
    file.write(layout.pack("O", end))
