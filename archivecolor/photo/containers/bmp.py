"""Windows bitmaps, through Pillow. Alpha is rare in them and not written."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archivecolor.photo.containers.bands import WholeImageReader
from archivecolor.photo.containers.base import DATA_BEHIND, Band, PageFacts, PagePlan, WritableFormat
from archivecolor.photo.containers.pillow import SAMPLES, decode_with_pillow, open_with_pillow
from archivecolor.photo.containers.reading import SourceFile, decoder_call
from archivecolor.photo.facts import Density

if TYPE_CHECKING:
    from PIL import Image

# Offsets in the file: its length, that of the rows, the kind of header, bits per pixel in the two kinds, how
# rows are packed, pixels per metre.
LENGTH, PIXELS, HEADER, BITS, _OLD_BITS, _PACKING, _PER_METRE = 2, 10, 14, 28, 24, 30, 38
_OLD_HEADER, _NEWEST_HEADER = 12, 124
# The reserved fields before them are anything, with some writers.
_HEADER_SIZES = [struct.pack("<I", size) for size in (_OLD_HEADER, 16, 40, 52, 56, 64, 108, 124)]


class BmpReader(WholeImageReader):
    """An open bitmap."""

    def __init__(self, file: SourceFile) -> None:
        file.seek(0)
        head = file.read(HEADER + _NEWEST_HEADER)
        self._is_truncated = file.nbytes < max(26, int.from_bytes(head[LENGTH : LENGTH + 4], "little"))
        head = head.ljust(HEADER + _NEWEST_HEADER, b"\0")
        self._picture = open_with_pillow(file, "BMP")
        with decoder_call():
            self._mode = _mode(self._picture)
        profile = _profile_place(head)
        if profile[1]:
            file.seek(profile[0])
        icc = file.read(profile[1]) if profile[1] else None
        bits = struct.unpack_from("<H", head, _OLD_BITS if head[HEADER] == _OLD_HEADER else BITS)[0]
        self.pages = (
            PageFacts(
                width=self._picture.size[0],
                height=self._picture.size[1],
                depth=1 if bits == 1 else 8,
                channels=SAMPLES[self._mode],
                code_depth=8,
                alpha=self._mode == "RGBA",
                bilevel=self._mode == "1",
                density=_density(head),
                icc=icc,
            ),
        )
        end = _picture_end(head, bits, sum(profile))
        if 0 < end < file.nbytes:
            file.seek(end)
            self.dropped = (DATA_BEHIND,) if file.read().strip(b"\0") else ()

    def is_truncated(self) -> bool:
        """See `ImageReader.is_truncated`."""
        return self._is_truncated

    def decode(self) -> Band:
        """See `WholeImageReader.decode`."""
        return decode_with_pillow(self._picture, self._mode)


class BmpFormat(WritableFormat):
    """BMP of 1 to 32 bits per pixel, palettes and run lengths included."""

    name = "bmp"
    title = "BMP"
    supports_alpha = False
    supports_metadata = False

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[:2] == b"BM" and head[HEADER : HEADER + 4] in _HEADER_SIZES

    def open(self, file: SourceFile) -> BmpReader:
        """See `Format.open`."""
        return BmpReader(file)

    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """See `Format.write`."""
        from PIL import Image

        (plan,) = pages
        with part.open("wb") as file:
            Image.fromarray(plan.assemble()).save(file, "BMP")
            # Pillow says 96 dpi where it is told nothing.
            file.seek(_PER_METRE)
            file.write(_per_metre(plan.facts.density) if plan.facts.density else bytes(8))
        return "exact"


def _mode(picture: Image.Image) -> str:
    """The mode of the codes; a palette of greys is grey."""
    if picture.mode == "P" and picture.palette is not None:
        # As it stands in the header: `getpalette` would decode the picture, whatever its size.
        step = len(picture.palette.rawmode or "")
        palette = np.frombuffer(bytes(picture.palette.palette), np.uint8).reshape(-1, step)[:, :3]
        return "L" if (palette == palette[:, :1]).all() else "RGB"
    return picture.mode


def _profile_place(head: bytes) -> tuple[int, int]:
    """Offset and size of the profile of a header of version 5, zeros without one."""
    if struct.unpack_from("<I", head, HEADER)[0] != _NEWEST_HEADER:
        return 0, 0
    if head[HEADER + 56 : HEADER + 60] != b"DEBM":
        return 0, 0
    offset, size = struct.unpack_from("<II", head, HEADER + 112)
    return HEADER + offset, size


def _picture_end(head: bytes, bits: int, profile_end: int) -> int:
    """Where the file should end, 0 where its rows are packed, so that this is not known."""
    if head[HEADER] == _OLD_HEADER:
        return 0
    start, width, height = struct.unpack_from("<I4xii", head, PIXELS)
    (packing,) = struct.unpack_from("<I", head, _PACKING)
    if packing not in (0, 3):
        return 0
    rows = -(-width * bits // 32) * 4 * abs(height)
    return int(max(start + rows, profile_end, *struct.unpack_from("<I", head, LENGTH)))


def _density(head: bytes) -> Density | None:
    """Pixels per metre as hundredths of pixels per centimetre."""
    if head[HEADER] == _OLD_HEADER:
        return None
    x, y = struct.unpack_from("<ii", head, _PER_METRE)
    return Density((x, 100), (y, 100), "cm") if x > 0 and y > 0 else None


def _per_metre(density: Density) -> bytes:
    factor = {"none": 0, "cm": 100, "inch": 100 / 2.54}[density.unit]
    return struct.pack("<ii", *(round(top / bottom * factor) for top, bottom in (density.x, density.y)))


FORMAT = BmpFormat()
