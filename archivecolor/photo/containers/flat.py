"""GIF, AVIF and Photoshop files, read through Pillow and never written: a still picture each, kept as PNG.

Of a Photoshop file the flat picture is read that it holds beside its layers. Pillow gives 8 bits of each;
deep AVIF is decoded by libavif itself, Photoshop files of most modes have a module of their own.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import bmff, exif
from archivecolor.photo.containers.bands import WholeImageReader, split_samples, to_full_range
from archivecolor.photo.containers.base import DATA_BEHIND, Band, Format, PageFacts
from archivecolor.photo.containers.blocks import MetadataBlocks
from archivecolor.photo.containers.pillow import SAMPLES, decode_with_pillow, open_with_pillow
from archivecolor.photo.containers.psd import PsdReader, PsdStructure
from archivecolor.photo.containers.reading import DamagedError, SourceFile, decoder_call

if TYPE_CHECKING:
    from PIL import Image

_GIF_HEADER, _EXTENSION, _IMAGE = 13, 0x21, 0x2C
# The packet stands between its name and what brings readers of blocks to their end.
_GIF_XMP, _GIF_XMP_TRAILER = b"!\xff\x0bXMP DataXMP", 258
_GIF_COMMENT, _GIF_APPLICATION = b"!\xfe", b"!\xff\x0b"
# How often pictures that move do so, and the profile, which the decoder has.
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")

# A colour box of codes: primaries and transfer characteristics follow.
_NCLX = b"colrnclx"


class FlatReader(WholeImageReader):
    """A picture that Pillow has open.

    Args:
        picture: its header is read.
        name: of its container.
        dropped: what of it is not read.
        blocks: what Pillow does not see of what the file says.
        depth: bits per sample.
        uncarried: see `ImageReader.uncarried`.
    """

    def __init__(
        self,
        picture: Image.Image,
        name: str,
        dropped: tuple[str, ...] = (),
        blocks: MetadataBlocks | None = None,
        depth: int = 8,
        uncarried: tuple[str, ...] = (),
    ) -> None:
        self._picture, self._blocks, self._uncarried = picture, blocks or MetadataBlocks(), uncarried
        with decoder_call():
            # Of a Photoshop file it counts the layers.
            frames = 1 if name == "psd" else getattr(picture, "n_frames", 1)
            self._about = dict(picture.info)
            self._mode = "RGBA" if picture.mode == "P" and "transparency" in self._about else picture.mode
            self._mode = {"P": "RGB", "1": "L", "CMYK": "RGB"}.get(self._mode, self._mode)
        if self._mode not in SAMPLES:
            raise ItemError(Reason.UNSUPPORTED, f"a {name} of mode {picture.mode}")
        if frames > 1:
            raise ItemError(Reason.UNSUPPORTED, f"an animated {name}")
        block = self.metadata().exif
        self.notes = (f"{name} is written as png",)
        self.dropped = dropped
        self.pages = (
            PageFacts(
                width=picture.size[0],
                height=picture.size[1],
                depth=depth,
                channels=SAMPLES[self._mode],
                code_depth=8 if depth == 8 else 16,
                alpha=self._mode in ("LA", "RGBA"),
                bilevel=picture.mode == "1",
                orientation=exif.orientation_of(block),
                density=exif.density_of(block),
                icc=self._about.get("icc_profile"),
            ),
        )

    def metadata(self) -> MetadataBlocks:
        """See `ImageReader.metadata`."""
        block = self._blocks.exif or exif.bare(self._about.get("exif"))
        return MetadataBlocks(block, self._blocks.iptc, self._blocks.xmp or self._about.get("xmp") or None)

    @property
    def uncarried(self) -> tuple[str, ...]:
        """See `ImageReader.uncarried`."""
        return (*super().uncarried, *self._uncarried)

    def is_truncated(self) -> bool:
        """See `ImageReader.is_truncated`: Pillow says so itself, in words."""
        return False

    def decode(self) -> Band:
        """See `WholeImageReader.decode`."""
        return decode_with_pillow(self._picture, self._mode)


class DeepAvifReader(FlatReader):
    """An AVIF of 10 or 12 bits: Pillow has its header, libavif gives its samples."""

    def __init__(self, file: SourceFile, picture: Image.Image, depth: int, dropped: tuple[str, ...]) -> None:
        super().__init__(picture, "avif", dropped, depth=depth)
        self._file = file

    def decode(self) -> Band:
        """See `WholeImageReader.decode`."""
        import imagecodecs

        data = self._file.whole()
        with decoder_call():
            samples = imagecodecs.avif_decode(data)
        channels = samples.shape[2] if samples.ndim == 3 else 1
        if channels != self.pages[0].channels:
            raise DamagedError(f"{channels} samples a pixel, not {self.pages[0].channels}")
        return split_samples(to_full_range(samples, (1 << self.pages[0].depth) - 1))


class GifFormat(Format):
    """GIF of one picture."""

    name = "gif"
    title = "GIF"

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[:6] in (b"GIF87a", b"GIF89a")

    def open(self, file: SourceFile) -> FlatReader:
        """See `Format.open`."""
        blocks = _GifBlocks.of(file.whole())
        file.seek(blocks.end)
        dropped = (*blocks.dropped, *((DATA_BEHIND,) if file.read().strip(b"\0") else ()))
        picture = open_with_pillow(file, "GIF")
        return FlatReader(
            picture, self.name, dropped, MetadataBlocks(xmp=blocks.xmp), uncarried=blocks.comments
        )


class AvifFormat(Format):
    """AVIF of one picture of 8, 10 or 12 bits; the container's own turn is told as an orientation."""

    name = "avif"
    title = "AVIF"

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[4:8] == b"ftyp" and b"avif" in (
            head[8:12],
            *(head[at : at + 4] for at in range(16, 40, 4)),
        )

    def open(self, file: SourceFile) -> FlatReader:
        """See `Format.open`."""
        depth = _avif_depth(file)
        picture = open_with_pillow(file, "AVIF")
        dropped = _avif_dropped(file.whole(), has_profile="icc_profile" in picture.info)
        if depth == 8:
            return FlatReader(picture, self.name, dropped)
        return DeepAvifReader(file, picture, depth, dropped)


class PhotoshopFormat(Format):
    """The flat picture of a Photoshop file, of 8 bits, and of 16 where its mode needs no palette."""

    name = "psd"
    title = "PSD"

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head.startswith(b"8BPS\0\1")

    def open(self, file: SourceFile) -> WholeImageReader:
        """See `Format.open`."""
        structure = PsdStructure.read(file)
        if structure.is_plain:
            return PsdReader(file, structure)
        picture = open_with_pillow(file, "PSD")
        blocks = structure.metadata()
        return FlatReader(picture, self.name, structure.dropped, blocks, uncarried=structure.uncarried)


@dataclass(frozen=True)
class _GifBlocks:
    """What a GIF says besides its picture.

    Attributes:
        xmp: the packet (XMP specification part 3, 1.1.2).
        comments: a name for each.
        dropped: names of other programs' blocks.
        end: where its blocks end; behind all of the file where they do not end.
    """

    xmp: bytes | None
    comments: tuple[str, ...]
    dropped: tuple[str, ...]
    end: int

    @classmethod
    def of(cls, data: bytes) -> _GifBlocks:
        """Walk the blocks."""
        xmp, comments, dropped = None, [], []
        at = _GIF_HEADER + _colour_table(data[10:11])
        while at < len(data) and data[at] in (_EXTENSION, _IMAGE):
            start = at
            at += 2 if data[at] == _EXTENSION else 11 + _colour_table(data[at + 9 : at + 10])
            while at < len(data) and data[at]:
                at += 1 + data[at]
            at += 1
            if data.startswith(_GIF_XMP, start):
                xmp = data[start + len(_GIF_XMP) : at - _GIF_XMP_TRAILER]
            elif data.startswith(_GIF_COMMENT, start):
                comments.append("comment")
            elif data.startswith(_GIF_APPLICATION, start) and not data.startswith(_GIF_LOOPS, start + 3):
                name = data[start + 3 : start + 14].decode("latin-1")
                dropped.append(f"block {name}" if name.isprintable() else "a program's block")
        end = at + 1 if data[at : at + 1] == b";" else len(data)
        return cls(xmp, tuple(comments), tuple(dict.fromkeys(dropped)), end)


def _colour_table(flags: bytes) -> int:
    """Bytes of the colour table that the flags of a screen or an image speak of."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 128 else 0


def _avif_depth(file: SourceFile) -> int:
    """Bits per sample by the AV1 configuration of the first picture (AV1-ISOBMFF, 2.3.3); 8 without one."""
    file.seek(0)
    head = file.read(1 << 16)
    at = head.find(b"av1C")
    flags = head[at + 6] if 0 <= at < len(head) - 6 else 0
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


def _avif_dropped(data: bytes, *, has_profile: bool) -> tuple[str, ...]:
    """What of an AVIF is not read: the meaning of codes that are not those of sRGB, and boxes."""
    boxes = list(bmff.boxes_in(data))
    about = b"".join(body for name, body in boxes if name == b"meta")
    at = about.find(_NCLX) + len(_NCLX)
    codes = struct.unpack_from(">HH", about, at) if len(_NCLX) <= at <= len(about) - 4 else (2, 2)
    space = () if has_profile or bmff.is_srgb(*codes) else ("colour space",)
    return (*space, *bmff.left_out(boxes, bmff.STILL))


FORMATS: tuple[Format, ...] = (GifFormat(), AvifFormat(), PhotoshopFormat())
