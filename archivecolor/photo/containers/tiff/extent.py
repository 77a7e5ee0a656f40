"""Where a TIFF ends by all that its directories point to: what stands behind that is no part of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archivecolor.photo.containers.reading import SourceFile
from archivecolor.photo.containers.tiff import directory
from archivecolor.photo.containers.tiff.directory import ByteLayout, TagValue, TiffStructure

_SUB_DIRECTORIES = 330
BELOW = (_SUB_DIRECTORIES, *directory.DIRECTORIES)
# Offsets of strips, tiles and JPEGs, and their byte counts.
_PIECES = ((273, 279), (324, 325), (513, 514))
_NUMBERS = frozenset({*BELOW, *(code for pair in _PIECES for code in pair)})
CHUNK_BYTES = 1 << 20


def has_data_behind(file: SourceFile, structure: TiffStructure, pictures: Iterable[tuple[int, int]]) -> bool:
    """Whether anything but zeros stands behind all that a TIFF points to.

    Args:
        file: the TIFF.
        structure: of it.
        pictures: offset and byte count of each strip and tile that is read, as put right.
    """
    end = max((offset + count for offset, count in pictures), default=0)
    waiting, seen = [part.offset for part in structure.chain], set[int]()
    while waiting and len(seen) < directory.MAX_DIRECTORIES:
        offset = waiting.pop()
        if offset in seen:
            continue
        seen.add(offset)
        found = _Directory.read(file, structure.layout, offset)
        end = max(end, found.end)
        waiting += found.below
    file.seek(min(end, file.nbytes))
    while chunk := file.read(CHUNK_BYTES):
        if chunk.strip(b"\0"):
            return True
    return False


@dataclass(frozen=True)
class _Directory:
    """Where a directory and what it points to end, and where those below it begin."""

    end: int
    below: tuple[int, ...]

    @classmethod
    def read(cls, file: SourceFile, layout: ByteLayout, offset: int) -> _Directory:
        entries = directory.raw_entries(file, layout, offset)
        ends = [offset + layout.count_size + len(entries) * layout.entry_size + layout.offset_size]
        numbers: dict[int, tuple[int, ...]] = {}
        for raw in entries:
            code, kind = layout.unpack("HH", raw[:4])
            (count,) = layout.unpack("O", raw[4 : 4 + layout.offset_size])
            nbytes, data = directory.SIZES.get(kind, 0) * count, raw[4 + layout.offset_size :]
            if nbytes > layout.offset_size:
                (start,) = layout.unpack("O", data)
                ends.append(start + nbytes)
                data = directory.read_at(file, start, nbytes) if code in _NUMBERS else b""
            # Damage may have made a kind of it that there is none of.
            if code in _NUMBERS and kind in directory.SIZES and len(data) >= nbytes:
                numbers[code] = TagValue(kind, layout.swapped(kind, data[:nbytes])).integers
        for offsets, counts in _PIECES:
            ends += map(sum, zip(numbers.get(offsets, ()), numbers.get(counts, ()), strict=False))
        return cls(max(ends), tuple(start for code in BELOW for start in numbers.get(code, ())))
