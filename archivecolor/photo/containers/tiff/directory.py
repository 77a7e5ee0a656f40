"""TIFF, classic and BigTIFF: tags added by a new directory at the end of the file.

The picture, its other pages and every offset stay where they are; only the header then points to the
new directory. An Exif block is a small TIFF file, so the same reader and writer serve it.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.blocks import MetadataBlocks, MetadataUpdate

# Bytes of a value of each type, and of the unit that byte order turns.
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SIZES |= {16: 8, 17: 8, 18: 8}
UNITS = {**SIZES, 5: 4, 10: 4}
LONG, _LONG8, UNDEFINED, _BYTE = 4, 16, 7, 1
XMP, IPTC, ORIENTATION = 700, 33723, 274
_EXIF_DIRECTORY, _GPS_DIRECTORY, _INTEROP_DIRECTORY, MAKER_NOTE = 34665, 34853, 40965, 37500
DIRECTORIES = (_EXIF_DIRECTORY, _GPS_DIRECTORY, _INTEROP_DIRECTORY)
# What describes the picture, not how this file stores it: names, makers, times, rights, places (GeoTIFF).
DESCRIPTIVE = frozenset(
    {269, 270, 271, 272, 285, 305, 306, 315, 316, 33432, 40091, 40092, 40093, 40094, 40095, 18246, 18249}
    | {33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113}
    | set(DIRECTORIES)
)
RESOLUTION = frozenset({282, 283, 296})
TEXTS, _RESTORED = (2, 7), (2, 5, 7, 10)  # restored: texts and fractions
_MAX_VALUE_BYTES, _MAX_OFFSET = 1 << 26, (1 << 63) - 1
# Main, Exif, interoperability; a file whose directories hold each other goes on for ever.
MAX_DEPTH = 2
_MAX_ENTRIES = 4096
# A book is some hundred pages; a bomb of directories takes the decoder a millisecond each.
MAX_DIRECTORIES = 10_000


@dataclass(frozen=True)
class TagValue:
    """One tag: its type, and its values as little-endian bytes; a sub-directory where it points to one."""

    kind: int
    data: bytes
    directory: Mapping[int, TagValue] = field(default_factory=dict)

    @property
    def integers(self) -> tuple[int, ...]:
        """The values where they are whole numbers."""
        code = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q"}.get(self.kind)
        return () if code is None else tuple(value for (value,) in struct.iter_unpack("<" + code, self.data))

    @property
    def floats(self) -> tuple[float, ...]:
        """The values where they are floats that are finite."""
        code = {11: "f", 12: "d"}.get(self.kind)
        values = () if code is None else struct.iter_unpack("<" + code, self.data)
        return tuple(value for (value,) in values if math.isfinite(value))

    @property
    def ratio(self) -> tuple[int, int] | None:
        """Numerator and denominator of the first value, where it is a ratio."""
        code = {5: "II", 10: "ii"}.get(self.kind)
        if code is None:
            return None
        top, bottom = struct.unpack_from("<" + code, self.data)
        return top, bottom


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

    @property
    def pointer(self) -> int:
        """Where the header says the place of the first directory."""
        return 8 if self.big else 4

    @property
    def count_size(self) -> int:
        """Bytes of the number of entries."""
        return 8 if self.big else 2

    @property
    def entry_size(self) -> int:
        """Bytes of an entry."""
        return 20 if self.big else 12

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


@dataclass(frozen=True)
class _Directory:
    """One directory of the chain: where it stands, its entries as they stand."""

    offset: int
    entries: tuple[bytes, ...]


@dataclass(frozen=True)
class TiffStructure:
    """A TIFF's chain of directories, parsed once.

    Attributes:
        file: where the values are read from.
        layout: byte order and width of offsets.
        chain: all directories, thumbnails among them, in order.
        notes: what of the chain was not plain.
    """

    file: BinaryIO
    layout: ByteLayout
    chain: tuple[_Directory, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, file: BinaryIO) -> TiffStructure:
        """Walk the chain.

        Raises:
            ItemError: TRUNCATED where a directory lies beyond the end of the file, UNREADABLE where there is
                none, UNSUPPORTED where the chain is longer than any scan's.
        """
        nbytes = file.seek(0, 2)
        file.seek(0)
        head = file.read(16).ljust(16, b"\0")
        layout = ByteLayout.of(head[:4])
        if layout is None:
            raise ItemError(Reason.UNREADABLE, "the tiff's header is damaged")
        (at,) = layout.unpack("O", head[layout.pointer :][: layout.offset_size])
        chain: dict[int, _Directory] = {}
        notes: tuple[str, ...] = ()
        while at:
            if at in chain:
                notes = ("the list of pages goes round in circles: each taken once",)
                break
            if len(chain) == MAX_DIRECTORIES:
                raise ItemError(Reason.UNSUPPORTED, f"a tiff of more than {MAX_DIRECTORIES} pages")
            chain[at], at = _directory_at(file, layout, at, nbytes)
        if not chain:
            raise ItemError(Reason.UNREADABLE, "the tiff has no pages")
        return cls(file, layout, tuple(chain.values()), notes)

    def tags(self, offset: int) -> dict[int, TagValue]:
        """The tags of the directory at `offset`, values too large to be metadata left out."""
        return _read_directory(self.file, self.layout, offset)

    def metadata(self) -> MetadataBlocks:
        """The blocks of the first page."""
        tags = self.tags(self.chain[0].offset)
        described = {code: entry for code, entry in tags.items() if code in DESCRIPTIVE | RESOLUTION}
        xmp, iptc = (tags[code].data if code in tags else None for code in (XMP, IPTC))
        return MetadataBlocks(exif_block(described) if described else None, iptc, xmp)


def _directory_at(file: BinaryIO, layout: ByteLayout, at: int, nbytes: int) -> tuple[_Directory, int]:
    """The directory at `at`, and where the next one stands."""
    (count,) = layout.unpack("N", _read(file, at, layout.count_size, nbytes))
    start, size = at + layout.count_size, count * layout.entry_size
    following = _read(file, start + size, layout.offset_size, nbytes)
    table = _read(file, start, min(size, _MAX_ENTRIES * layout.entry_size), nbytes)
    entries = tuple(table[i : i + layout.entry_size] for i in range(0, len(table), layout.entry_size))
    return _Directory(at, entries), layout.unpack("O", following)[0]


def _read(file: BinaryIO, at: int, size: int, nbytes: int) -> bytes:
    if at + size > nbytes:
        raise ItemError(Reason.TRUNCATED, "the tiff ends before its pages do")
    file.seek(at)
    return file.read(size)


def tags_of(block: bytes) -> dict[int, TagValue]:
    """The tags of an Exif block, a small TIFF; none where it makes no sense."""
    layout = ByteLayout.of(block[:4])
    if layout is None or len(block) < layout.pointer + layout.offset_size:
        return {}
    (offset,) = layout.unpack("O", block[layout.pointer :][: layout.offset_size])
    return _read_directory(io.BytesIO(block), layout, offset)


def _read_directory(file: BinaryIO, layout: ByteLayout, offset: int, depth: int = 0) -> dict[int, TagValue]:
    """The tags of the directory at `offset`, sub-directories read in.

    Maker notes stay out: what they point to would not come along.
    """
    tags = {}
    entered: set[int] = set()
    left = _MAX_VALUE_BYTES
    for raw in raw_entries(file, layout, offset):
        code, kind = layout.unpack("HH", raw[:4])
        (count,) = layout.unpack("O", raw[4 : 4 + layout.offset_size])
        nbytes = SIZES.get(kind, 0) * count
        if not 0 < nbytes <= left or code == MAKER_NOTE:
            continue
        data = raw[4 + layout.offset_size :][:nbytes]
        if nbytes > layout.offset_size:
            left -= nbytes
            data = read_at(file, layout.unpack("O", data)[0], nbytes)
        entry = TagValue(kind, layout.swapped(kind, data))
        if code in DIRECTORIES:
            # One of each kind: a file may list itself a thousand times, and each of those lists it again.
            if depth == MAX_DEPTH or code in entered:
                continue
            entered.add(code)
            start = int.from_bytes(entry.data, "little")
            entry = TagValue(LONG, b"", _read_directory(file, layout, start, depth + 1))
        if len(data) == nbytes:
            tags[code] = entry
    return tags


def read_at(file: BinaryIO, at: int, size: int) -> bytes:
    """Bytes at any offset that a damaged file may name; fewer where the file has not so many."""
    if at > _MAX_OFFSET:
        return b""
    file.seek(at)
    return file.read(size)


def raw_entries(file: BinaryIO, layout: ByteLayout, offset: int) -> list[bytes]:
    """The entries of the directory at `offset` as they stand; none where it lies beyond the file."""
    head = read_at(file, offset, layout.count_size)
    if len(head) < layout.count_size:
        return []
    (count,) = layout.unpack("N", head)
    if count > _MAX_ENTRIES:
        return []
    table = file.read(count * layout.entry_size)
    return [
        table[i : i + layout.entry_size]
        for i in range(0, len(table) - layout.entry_size + 1, layout.entry_size)
    ]


def restore_values(file: BinaryIO, source: Mapping[int, TagValue]) -> bool:
    """Write values of an open TIFF or Exif block again as `source` has them, where they have the same room.

    For what a program wrote as it would: fractions of equal value, texts without their blanks.

    Returns:
        Whether anything was changed.
    """
    file.seek(0)
    head = file.read(16)
    layout = ByteLayout.of(head[:4])
    if layout is None or len(head) < layout.pointer + layout.offset_size:
        return False
    (offset,) = layout.unpack("O", head[layout.pointer :][: layout.offset_size])
    return _restore_in(file, layout, offset, source)


def _restore_in(file: BinaryIO, layout: ByteLayout, offset: int, source: Mapping[int, TagValue]) -> bool:
    """See `restore_values`, for the directory at `offset`."""
    changed = False
    for number, raw in enumerate(raw_entries(file, layout, offset)):
        code, kind = layout.unpack("HH", raw[:4])
        (count,) = layout.unpack("O", raw[4 : 4 + layout.offset_size])
        value = source.get(code)
        if value is None or code in RESOLUTION:
            continue
        if value.directory:
            (start,) = layout.unpack("O", raw[-layout.offset_size :])
            changed = _restore_in(file, layout, start, value.directory) or changed
        elif (kind, count * SIZES.get(kind, 0)) == (value.kind, len(value.data)) and kind in _RESTORED:
            at = offset + layout.count_size + (number + 1) * layout.entry_size - layout.offset_size
            if len(value.data) > layout.offset_size:
                (at,) = layout.unpack("O", raw[-layout.offset_size :])
            data = layout.swapped(kind, value.data)
            if read_at(file, at, len(data)) != data:
                file.seek(at)
                file.write(data)
                changed = True
        elif kind == value.kind and kind in TEXTS and len(value.data) > max(count, layout.offset_size):
            # A longer text goes to the end of the file.
            end = file.seek(0, 2)
            end += file.write(b"\0" * (end % 2))
            file.write(value.data)
            file.seek(offset + layout.count_size + number * layout.entry_size)
            file.write(layout.pack("HHOO", code, kind, len(value.data), end))
            changed = True
    return changed


def exif_block(tags: Mapping[int, TagValue]) -> bytes:
    """The tags as an Exif block: a little-endian classic TIFF without a picture."""
    layout = ByteLayout("<", big=False)
    return b"II" + layout.pack("HO", 42, 8) + _directory_bytes(tags, layout, 8)


def _directory_bytes(
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
    end = offset + layout.count_size + layout.entry_size * len({*entries, *tags})
    end += layout.offset_size
    values = b""
    for code, entry in sorted(tags.items()):
        at = end + len(values)
        raw, value = _encoded(code, entry, layout, at)
        entries[code] = raw
        values += value + b"\0" * (len(value) % 2)
    table = layout.pack("N", len(entries)) + b"".join(entries[code] for code in sorted(entries))
    return table + layout.pack("O", next_offset) + values


def _encoded(code: int, entry: TagValue, layout: ByteLayout, at: int) -> tuple[bytes, bytes]:
    """The entry's row, and the bytes that stand at `at` where it does not hold them itself."""
    if entry.directory:
        kind = _LONG8 if layout.big else LONG
        return layout.pack("HHOO", code, kind, 1, at), _directory_bytes(entry.directory, layout, at)
    data = layout.swapped(entry.kind, entry.data)
    head = layout.pack("HHO", code, entry.kind, len(data) // SIZES[entry.kind])
    if len(data) <= layout.offset_size:
        return head + data.ljust(layout.offset_size, b"\0"), b""
    return head + layout.pack("O", at), data


def embed(part: Path, update: MetadataUpdate) -> tuple[str, ...]:
    """Add the blocks' tags to the first page of a TIFF; the part's own orientation stays."""
    tags = {XMP: TagValue(_BYTE, update.xmp.packet())}
    if update.iptc:
        tags[IPTC] = TagValue(UNDEFINED, update.iptc)
    if update.exif:
        tags |= {code: entry for code, entry in tags_of(update.exif).items() if code in DESCRIPTIVE}
    with part.open("rb+") as file:
        _add_tags(file, tags)
    return ()


def _add_tags(file: BinaryIO, tags: Mapping[int, TagValue]) -> None:
    """Append the open TIFF's first directory anew with `tags` in it, and point the header there."""
    structure = TiffStructure.read(file)
    layout, (first, *others) = structure.layout, structure.chain
    kept = {layout.unpack("H", entry[:2])[0]: entry for entry in first.entries}
    end = file.seek(0, 2)
    end += file.write(b"\0" * (end % 2))
    file.write(_directory_bytes(tags, layout, end, kept, others[0].offset if others else 0))
    file.seek(layout.pointer)
    file.write(layout.pack("O", end))
