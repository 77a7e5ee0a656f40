"""PNG at 1 to 16 bits, palettes and transparency included.

libpng through imagecodecs, because Pillow cuts 16-bit samples to 8. The colour chunks that say how
codes are meant (gAMA, cHRM, sRGB) and the density go over verbatim: codes stay, and so does their meaning.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo import exif
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

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
PALETTE = 3
COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB")
# A profile larger than this when unpacked is a bomb.
MAX_PROFILE = 1 << 26
# zlib level: on photographs, level 6 takes four times as long for two percent.
LEVEL = 1


@dataclass(frozen=True)
class Chunk:
    """A chunk's four letters and its body."""

    name: bytes
    body: bytes

    def encoded(self) -> bytes:
        """With length and checksum."""
        tail = self.name + self.body
        return struct.pack(">I", len(self.body)) + tail + struct.pack(">I", zlib.crc32(tail))


class PngFormat(WritableFormat):
    """Still PNG."""

    name = "png"
    supports_16_bit = True

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head.startswith(SIGNATURE)

    def open(self, path: Path) -> ImageReader:
        """See `Format.open`."""
        chunks = _head(path)
        if b"acTL" in chunks:
            raise ItemError(Reason.UNSUPPORTED, "an animated png")
        return WholeImageReader(_facts(chunks), lambda: _decode(path), _notes(chunks))

    def is_truncated(self, path: Path) -> bool:
        """See `Format.is_truncated`."""
        return not _has_end(path)

    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """See `Format.write`."""
        import imagecodecs

        (plan,) = pages
        encoded = imagecodecs.png_encode(np.ascontiguousarray(plan.assemble()), level=LEVEL)
        start = len(SIGNATURE) + 25
        ancillary = b"".join(chunk.encoded() for chunk in _ancillary_chunks(plan))
        part.write_bytes(encoded[:start] + ancillary + encoded[start:])
        return "exact"


def _chunks(path: Path) -> Iterator[Chunk]:
    """All chunks; the body of picture data stays unread and empty.

    Ends early where the file does.
    """
    nbytes = path.stat().st_size
    with path.open("rb") as file:
        file.seek(len(SIGNATURE))
        while len(head := file.read(8)) == 8:
            size, name = struct.unpack(">I4s", head)
            if file.tell() + size + 4 > nbytes:
                return
            data = name in (b"IDAT", b"fdAT")
            body = b"" if data else file.read(size)
            file.seek(size + 4 if data else 4, 1)
            yield Chunk(name, body)


def _head(path: Path) -> dict[bytes, bytes]:
    """Bodies of the chunks by name, the first of each."""
    found: dict[bytes, bytes] = {}
    for chunk in _chunks(path):
        found.setdefault(chunk.name, chunk.body)
    return found


def _facts(chunks: dict[bytes, bytes]) -> PageFacts:
    if len(chunks.get(b"IHDR", b"")) != 13:
        raise ItemError(Reason.TRUNCATED, "the png ends in its header")
    width, height, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    if kind not in CHANNELS or not width or not height:
        raise ItemError(Reason.UNREADABLE, "the png's header is damaged")
    transparent = b"tRNS" in chunks and kind in (0, 2, 3)
    return PageFacts(
        width=width,
        height=height,
        depth=depth,
        channels=CHANNELS[kind] + transparent,
        code_depth=16 if depth == 16 else 8,
        alpha=transparent or kind in (4, 6),
        orientation=exif.orientation_of(chunks.get(b"eXIf")),
        bilevel=depth == 1 and kind == 0 and not transparent,
        density=_density(chunks.get(b"pHYs")),
        icc=_profile(chunks.get(b"iCCP")),
    )


def _density(body: bytes | None) -> Density | None:
    """Pixels per metre, as hundredths of pixels per centimetre."""
    if body is None or len(body) != 9:
        return None
    x, y, unit = struct.unpack(">IIB", body)
    if not x or not y:
        return None
    return Density((x, 100), (y, 100), "cm") if unit == 1 else Density((x, 1), (y, 1), "none")


def _phys(density: Density | None) -> list[Chunk]:
    if density is None:
        return []
    per_metre = {"none": 1, "cm": 100, "inch": 100 / 2.54}[density.unit]
    x, y = (round(top / bottom * per_metre) for top, bottom in (density.x, density.y))
    return [Chunk(b"pHYs", struct.pack(">IIB", x, y, density.unit != "none"))] if x and y else []


def _profile(body: bytes | None) -> bytes | None:
    """The profile of an iCCP chunk; one that cannot be unpacked comes back as one byte: damaged."""
    if body is None:
        return None
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(body[body.index(b"\0") + 2 :], MAX_PROFILE)
    except (ValueError, zlib.error):
        return b"\0"
    return profile if unpacker.eof else b"\0"


def _notes(chunks: dict[bytes, bytes]) -> tuple[str, ...]:
    return ("gAMA kept, not applied",) if b"gAMA" in chunks and b"sRGB" not in chunks else ()


def _decode(path: Path) -> Band:
    import imagecodecs

    whole = imagecodecs.png_decode(path.read_bytes())
    if not _has_end(path):
        raise EOFError("no end chunk")
    return split_samples(whole)


def _has_end(path: Path) -> bool:
    return any(chunk.name == b"IEND" for chunk in _chunks(path))


def _ancillary_chunks(plan: PagePlan) -> list[Chunk]:
    """Chunks that go right after the header: meaning of the codes, density, orientation."""
    ancillary = _colour_chunks(plan) + _phys(plan.facts.density)
    block = exif.orientation_block(plan.facts.orientation)
    return [*ancillary, Chunk(b"eXIf", block)] if block else ancillary


def _colour_chunks(plan: PagePlan) -> list[Chunk]:
    """The source's own gamma chunks where it is a PNG without a profile, else the profile."""
    with plan.source.open("rb") as file:
        is_png = file.read(len(SIGNATURE)) == SIGNATURE
    if is_png and not plan.facts.icc:
        kept = [chunk for chunk in _chunks(plan.source) if chunk.name in COLOUR_CHUNKS]
        if kept:
            return kept
    if plan.icc is None:
        return []
    return [Chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(plan.icc, 9))]


FORMAT = PngFormat()
