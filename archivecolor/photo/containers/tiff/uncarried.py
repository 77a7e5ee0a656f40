"""Tags of a TIFF, or of an Exif block, that our own code leaves behind, by name.

Where exiftool carries the metadata it also compares; without it nobody else would name them.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from typing import BinaryIO

from archivecolor.photo.containers.tiff import directory
from archivecolor.photo.containers.tiff.directory import ByteLayout, TagValue, TiffStructure

_PHOTOSHOP, _ICC, _LAYERS = 34377, 34675, 37724
# How a file stores its picture (TIFF 6.0, its supplements), and what other code carries or names.
_STORAGE = frozenset(
    {
        *range(254, 260),
        262,
        *range(264, 267),
        273,
        274,
        *range(277, 280),
        *range(282, 285),
        288,
        289,
        292,
        293,
    }
    | {296, *range(317, 326), 330, 332, 334, 338, 339, *range(342, 348), *range(512, 522), *range(529, 533)}
    | {directory.XMP, directory.IPTC, _PHOTOSHOP, _ICC, _LAYERS, 59932, 59933}
)
_BLOCKS = {directory.XMP: "xmp", directory.IPTC: "iptc"}
_CARRIED = directory.DESCRIPTIVE | directory.RESOLUTION
MAKER_NOTES = "maker notes"


def uncarried_tags(block: bytes | None) -> tuple[str, ...]:
    """Names of what of an Exif block is not carried; its second directory is the grey thumbnail's."""
    layout = ByteLayout.of(block[:4]) if block else None
    if block is None or layout is None or len(block) < layout.pointer + layout.offset_size:
        return ("exif",) if block else ()
    (offset,) = layout.unpack("O", block[layout.pointer :][: layout.offset_size])
    return _each_once(_left_in(io.BytesIO(block), layout, offset, directory.tags_of(block), _CARRIED))


def uncarried_of_pages(structure: TiffStructure, offsets: Collection[int]) -> tuple[str, ...]:
    """The same of a TIFF's pages.

    Args:
        structure: of the TIFF.
        offsets: of the directories of its pages; of all but the first one what describes it stays behind too.
    """
    first, *others = (part.offset for part in structure.chain)
    left = list(_left_in_page(structure, first, _CARRIED))
    for number, offset in enumerate(others, 2):
        if offset in offsets:
            left += (f"{name} of page {number}" for name in _left_in_page(structure, offset, ()))
    return _each_once(left)


def _left_in_page(structure: TiffStructure, offset: int, carried: Collection[int]) -> Iterator[str]:
    tags = structure.tags(offset)
    yield from _left_in(structure.file, structure.layout, offset, tags, carried)
    if not carried:
        yield from (name for code, name in _BLOCKS.items() if code in tags)


def _left_in(
    file: BinaryIO,
    layout: ByteLayout,
    offset: int,
    tags: Mapping[int, TagValue],
    carried: Collection[int] | None,
) -> Iterator[str]:
    """Names of the tags of a directory that were not read, or are not carried (None: all are)."""
    entered: set[int] = set()
    for raw in directory.raw_entries(file, layout, offset):
        (code,) = layout.unpack("H", raw[:2])
        if code == directory.MAKER_NOTE:
            yield MAKER_NOTES
        elif code in tags and (carried is None or code in carried):
            (start,) = layout.unpack("O", raw[-layout.offset_size :])
            if code in directory.DIRECTORIES and code not in entered:
                entered.add(code)
                yield from _left_in(file, layout, start, tags[code].directory, None)
        elif carried is None or code not in _STORAGE | directory.RESOLUTION:
            yield f"tag {code}"


def _each_once(names: Iterator[str] | list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
