"""WebP, still. Outputs are always lossless: the lossy kind cannot keep a code exactly.

Metadata: `EXIF` and `XMP ` chunks of the extended format; IPTC has no place in one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import exif
from archivecolor.photo.containers.bands import WholeImageReader, split_samples
from archivecolor.photo.containers.base import DATA_BEHIND, Band, PageFacts, PagePlan, WritableFormat
from archivecolor.photo.containers.blocks import MetadataBlocks, MetadataUpdate
from archivecolor.photo.containers.reading import DamagedError, SourceFile, decoder_call
from archivecolor.photo.facts import Codes

_ANIMATION, XMP, EXIF, _ALPHA = 0x02, 0x04, 0x08, 0x10
MAX_SIDE = 16383
# What a decoder needs.
PICTURE = (b"VP8X", b"ALPH", b"VP8 ", b"VP8L")
_KNOWN = (*PICTURE, b"ICCP", b"EXIF", b"XMP ")


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    alpha: bool

    @classmethod
    def of(cls, chunks: Mapping[bytes, bytes]) -> _Header:
        extended, lossless, lossy = (chunks.get(name, b"") for name in (b"VP8X", b"VP8L", b"VP8 "))
        if extended and extended[0] & _ANIMATION:
            raise ItemError(Reason.UNSUPPORTED, "an animated webp")
        if len(extended) >= 10:
            width, height = (int.from_bytes(extended[i : i + 3], "little") + 1 for i in (4, 7))
            return cls(width, height, bool(extended[0] & _ALPHA))
        if len(lossless) >= 5:
            (bits,) = struct.unpack_from("<I", lossless, 1)
            return cls((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1))
        if len(lossy) >= 10:
            width, height = struct.unpack_from("<HH", lossy, 6)
            return cls(width & 0x3FFF, height & 0x3FFF, False)
        raise ItemError(Reason.TRUNCATED, "the webp ends in its header")

    def extended(self) -> bytes:
        """Body of the extended header that says so."""
        sides = b"".join((side - 1).to_bytes(3, "little") for side in (self.width, self.height))
        return bytes([_ALPHA if self.alpha else 0, 0, 0, 0]) + sides


class WebpReader(WholeImageReader):
    """An open WebP: its chunks are known, its bytes are held."""

    def __init__(self, file: SourceFile) -> None:
        self._data = file.whole()
        self._strict = file.strict
        chunks = list(_chunks(self._data[: _picture_end(self._data)]))
        self._chunks = dict(chunks)
        names = [name for name, _ in chunks]
        self._further = tuple(
            f"further {kind}" for name, kind in ((b"EXIF", "exif"), (b"XMP ", "xmp")) if names.count(name) > 1
        )
        # By the chunks: the size that the file says of itself is wrong at times.
        self._is_cut = not any(name in (b"VP8 ", b"VP8L") for name, _ in chunks) or _ends_early(self._data)
        unknown = (name.decode("latin-1").strip() for name, _ in chunks if name not in _KNOWN)
        self.dropped = tuple(dict.fromkeys(f"chunk {name}" for name in unknown if name.isalnum()))
        if self._data[_picture_end(self._data) :].strip(b"\0"):
            self.dropped += (DATA_BEHIND,)
        header = _Header.of(self._chunks)
        block = self.metadata().exif
        self.pages = (
            PageFacts(
                width=header.width,
                height=header.height,
                depth=8,
                channels=3 + header.alpha,
                code_depth=8,
                alpha=header.alpha,
                orientation=exif.orientation_of(block),
                density=exif.density_of(block),
                icc=self._chunks.get(b"ICCP"),
            ),
        )

    def metadata(self) -> MetadataBlocks:
        """See `ImageReader.metadata`."""
        return MetadataBlocks(exif.bare(self._chunks.get(b"EXIF")), None, self._chunks.get(b"XMP "))

    @property
    def uncarried(self) -> tuple[str, ...]:
        """See `ImageReader.uncarried`."""
        return (*super().uncarried, *self._further)

    def is_truncated(self) -> bool:
        """See `ImageReader.is_truncated`."""
        return len(self._data) < 20 or self._is_cut

    def decode(self) -> Band:
        """See `WholeImageReader.decode`."""
        import imagecodecs

        def decode(data: bytes) -> Band:
            with decoder_call():
                return split_samples(imagecodecs.webp_decode(data, hasalpha=self.pages[0].alpha))

        try:
            return decode(self._data)
        except DamagedError as warning:
            if self._strict or self.is_truncated():
                raise
            self.notes = (f"the container is damaged, the picture in it is not: {warning}",)
            return decode(_riff((name, body) for name, body in self._chunks.items() if name in PICTURE))


class WebpFormat(WritableFormat):
    """Still WebP, lossy and lossless."""

    name = "webp"
    title = "WebP"

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[:4] == b"RIFF" and head[8:12] == b"WEBP"

    def open(self, file: SourceFile) -> WebpReader:
        """See `Format.open`."""
        return WebpReader(file)

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
                exif=exif.orientation_block(plan.facts.orientation, plan.facts.density) or b"",
            )
        return "exact"

    def embed(self, part: Path, update: MetadataUpdate) -> tuple[str, ...]:
        """See `WritableFormat.embed`."""
        found = dict(_chunks(part.read_bytes()))
        header = bytearray(found.pop(b"VP8X", b"") or _Header.of(found).extended())
        found[b"XMP "] = update.xmp.packet()
        header[0] |= XMP
        if update.exif:
            found[b"EXIF"] = update.exif
            header[0] |= EXIF
        # The order of the container specification: profile, picture, Exif, XMP.
        late = [(name, found.pop(name)) for name in (b"EXIF", b"XMP ") if name in found]
        part.write_bytes(_riff([(b"VP8X", bytes(header)), *found.items(), *late]))
        return ("iptc",) if update.iptc else ()


def _as_rgb(plan: PagePlan) -> Codes:
    """The whole picture; WebP has no grey, so grey stands three times."""
    whole = plan.assemble()
    if plan.samples >= 3:
        return whole
    grey = whole if plan.samples == 1 else whole[..., 0]
    planes = [grey, grey, grey, *([whole[..., 1]] if plan.samples == 2 else [])]
    return np.dstack(planes)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and bodies of the chunks, the last one as far as it goes."""
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _picture_end(data: bytes) -> int:
    """Where the file ends by its own word; all of it where its chunks say otherwise."""
    at, end, has_picture = 12, 8 + int.from_bytes(data[4:8], "little"), False
    while at + 8 <= min(end, len(data)):
        has_picture = has_picture or data[at : at + 4] in (b"VP8 ", b"VP8L")
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return end if at == end and has_picture else len(data)


def _ends_early(data: bytes) -> bool:
    """Whether the last chunk ends after the file does."""
    at = 12
    while at + 8 <= len(data):
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        if at > len(data):
            return True
        at += at % 2
    return False


def _riff(chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A file of these chunks."""
    body = b"".join(
        name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for name, body in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


FORMAT = WebpFormat()
