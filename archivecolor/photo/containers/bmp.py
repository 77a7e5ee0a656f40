"""Windows bitmaps, through Pillow. Alpha is rare in them and not written."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from archivecolor.photo.containers.base import (
    Band,
    ImageReader,
    PageFacts,
    PagePlan,
    WholeImageReader,
    WritableFormat,
    split_samples,
)
from archivecolor.photo.facts import Density

# Offsets in the file: its length, the kind of header, bits per pixel in the two kinds, pixels per metre.
LENGTH, HEADER, BITS, OLD_BITS, PER_METRE = 2, 14, 28, 24, 38
OLD_HEADER = 12
SAMPLES = {"1": 1, "L": 1, "RGB": 3, "RGBA": 4}


class BmpFormat(WritableFormat):
    """BMP of 1 to 32 bits per pixel, palettes and run lengths included."""

    name = "bmp"
    supports_alpha = False

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[:2] == b"BM" and len(head) > 26 and head[6:10] == bytes(4)

    def open(self, path: Path) -> ImageReader:
        """See `Format.open`."""
        with path.open("rb") as file:
            head = file.read(64).ljust(64, b"\0")
        with _pillow(path) as picture:
            size, mode = picture.size, _mode(picture)
        bits = struct.unpack_from("<H", head, OLD_BITS if head[HEADER] == OLD_HEADER else BITS)[0]
        facts = PageFacts(
            width=size[0],
            height=size[1],
            depth=1 if bits == 1 else 8,
            channels=SAMPLES[mode],
            code_depth=8,
            alpha=mode == "RGBA",
            bilevel=mode == "1",
            density=_density(head),
        )
        return WholeImageReader(facts, lambda: _decode(path, mode))

    def is_truncated(self, path: Path) -> bool:
        """See `Format.is_truncated`."""
        with path.open("rb") as file:
            head = file.read(6)
        return path.stat().st_size < max(26, int.from_bytes(head[LENGTH : LENGTH + 4], "little"))

    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """See `Format.write`."""
        from PIL import Image

        (plan,) = pages
        with part.open("wb") as file:
            Image.fromarray(plan.assemble()).save(file, "BMP")
            if plan.facts.density:
                file.seek(PER_METRE)
                file.write(_per_metre(plan.facts.density))
        return "exact"


@contextmanager
def _pillow(path: Path) -> Iterator[Any]:
    """An open Pillow image without Pillow's own limit of size: ours is looked at before any decoding."""
    from PIL import Image

    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with path.open("rb") as file, Image.open(file, formats=["BMP"]) as picture:
            yield picture
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _mode(picture: Any) -> str:
    if picture.mode == "P":
        # As it stands in the header: `getpalette` would decode the picture, whatever its size.
        entries, step = picture.palette.palette, len(picture.palette.rawmode)
        palette = np.frombuffer(bytes(entries), np.uint8).reshape(-1, step)[:, :3]
        return "L" if (palette == palette[:, :1]).all() else "RGB"
    return str(picture.mode)


def _decode(path: Path, mode: str) -> Band:
    with _pillow(path) as picture:
        return split_samples(np.asarray(picture if picture.mode == mode else picture.convert(mode)))


def _density(head: bytes) -> Density | None:
    """Pixels per metre as hundredths of pixels per centimetre."""
    if head[HEADER] == OLD_HEADER:
        return None
    x, y = struct.unpack_from("<ii", head, PER_METRE)
    return Density((x, 100), (y, 100), "cm") if x > 0 and y > 0 else None


def _per_metre(density: Density) -> bytes:
    factor = {"none": 0, "cm": 100, "inch": 100 / 2.54}[density.unit]
    return struct.pack("<ii", *(round(top / bottom * factor) for top, bottom in (density.x, density.y)))


FORMAT = BmpFormat()
