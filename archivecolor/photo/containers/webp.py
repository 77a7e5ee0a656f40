"""WebP, still. Outputs are always lossless: the lossy kind cannot keep a code exactly."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo import exif
from archivecolor.photo.containers.base import (
    Band,
    Codes,
    ImageReader,
    PageFacts,
    PagePlan,
    WholeImageReader,
    WritableFormat,
    split_samples,
)

ANIMATION, ALPHA = 0x02, 0x10
MAX_SIDE = 16383


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    alpha: bool


class WebpFormat(WritableFormat):
    """Still WebP, lossy and lossless."""

    name = "webp"

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[:4] == b"RIFF" and head[8:12] == b"WEBP"

    def open(self, path: Path) -> ImageReader:
        """See `Format.open`."""
        chunks = dict(_chunks(path.read_bytes()))
        header = _header(chunks)
        block = chunks.get(b"EXIF")
        plain = block.removeprefix(b"Exif\0\0") if block else None
        facts = PageFacts(
            width=header.width,
            height=header.height,
            depth=8,
            channels=3 + header.alpha,
            code_depth=8,
            alpha=header.alpha,
            orientation=exif.orientation_of(plain),
            density=exif.density_of(plain),
            icc=chunks.get(b"ICCP"),
        )
        return WholeImageReader(facts, lambda: _decode(path, header.alpha))

    def is_truncated(self, path: Path) -> bool:
        """See `Format.is_truncated`."""
        data = path.read_bytes()
        return len(data) < 20 or len(data) < int.from_bytes(data[4:8], "little") + 8

    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """See `Format.write`."""
        from PIL import Image

        (plan,) = pages
        if max(plan.facts.width, plan.facts.height) > MAX_SIDE:
            raise ItemError(Reason.TOO_LARGE, f"webp holds {MAX_SIDE} pixels a side, no more")
        with part.open("wb") as file:
            Image.fromarray(_as_rgb(plan)).save(
                file,
                "WEBP",
                lossless=True,
                exact=True,
                method=2,
                icc_profile=plan.icc or b"",
                exif=exif.orientation_block(plan.facts.orientation) or b"",
            )
        return "exact"


def _as_rgb(plan: PagePlan) -> Codes:
    """The whole picture; WebP has no grey, so grey stands three times."""
    whole = plan.assemble()
    if plan.samples >= 3:
        return whole
    grey = whole if plan.samples == 1 else whole[..., 0]
    planes = [grey, grey, grey, *([whole[..., 1]] if plan.samples == 2 else [])]
    return np.dstack(planes)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and bodies of the chunks that are whole, and the last one as far as it goes."""
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _header(chunks: dict[bytes, bytes]) -> _Header:
    extended, lossless, lossy = (chunks.get(name, b"") for name in (b"VP8X", b"VP8L", b"VP8 "))
    if extended and extended[0] & ANIMATION:
        raise ItemError(Reason.UNSUPPORTED, "an animated webp")
    if len(extended) >= 10:
        width, height = (int.from_bytes(extended[i : i + 3], "little") + 1 for i in (4, 7))
        return _Header(width, height, bool(extended[0] & ALPHA))
    if len(lossless) >= 5:
        (bits,) = struct.unpack_from("<I", lossless, 1)
        return _Header((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1))
    if len(lossy) >= 10:
        width, height = struct.unpack_from("<HH", lossy, 6)
        return _Header(width & 0x3FFF, height & 0x3FFF, False)
    raise ItemError(Reason.TRUNCATED, "the webp ends in its header")


def _decode(path: Path, alpha: bool) -> Band:
    import imagecodecs

    return split_samples(imagecodecs.webp_decode(path.read_bytes(), hasalpha=alpha))


FORMAT = WebpFormat()
