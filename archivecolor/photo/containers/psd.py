"""The flat picture of a Photoshop file, which it holds behind its layers.

Adobe Photoshop file formats specification: header, colour modes, image resources, layers, image data.
Counts are compared with the size of the file before anything is read by them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import exif, photoshop
from archivecolor.photo.containers.bands import WholeImageReader
from archivecolor.photo.containers.base import Band, PageFacts
from archivecolor.photo.containers.blocks import MetadataBlocks
from archivecolor.photo.containers.colour_models import rgb_from_inks, rgb_from_lab_codes
from archivecolor.photo.containers.reading import DamagedError, SourceFile, decoder_call, unpack
from archivecolor.photo.facts import Codes, Density

HEADER = ">4sH6xHIIHH"
_MAX_CHANNELS, MAX_SIDE = 56, 30000
RESOLUTION, ICC, EXIF, XMP = 0x03ED, 0x040F, 0x0422, 0x0424
_INKS, _LAB = 4, 9
# Grey, RGB, four inks, duotone (grey with inks told beside it) and Lab: samples of a pixel.
_MODES, DEPTHS = {1: 1, 3: 3, _INKS: 4, 8: 1, _LAB: 3}, (8, 16)
# Bitmap, palette, inks of any number: depth and samples of what Pillow reads of the others.
_OTHER_MODES = {(0, 1): 1, (2, 8): 1, (7, 8): 1}
RAW, _RUN_LENGTHS = 0, 1
_LAYERS = ("layers of the Photoshop file",)


@dataclass(frozen=True)
class PsdStructure:
    """What a Photoshop file says of its picture.

    Attributes:
        channels: planes of samples, one after the other.
        height: rows.
        width: columns.
        depth: bits per sample.
        mode: of the colours.
        packing: RAW, or RUN_LENGTHS.
        resources: image resources by their numbers.
        has_layers: it holds more than the flat picture.
        start: where the flat picture begins.
    """

    channels: int
    height: int
    width: int
    depth: int
    mode: int
    packing: int
    resources: dict[int, bytes]
    has_layers: bool
    start: int

    @classmethod
    def read(cls, file: SourceFile) -> PsdStructure:
        """Walk the file.

        Raises:
            ItemError: UNSUPPORTED, TRUNCATED, or UNREADABLE where its counts cannot be.
            DamagedError: it ends in its header.
        """
        file.seek(0)
        _, _, channels, height, width, depth, mode = unpack(HEADER, file.read(struct.calcsize(HEADER)))
        if (mode not in _MODES or depth not in DEPTHS) and (mode, depth) not in _OTHER_MODES:
            raise ItemError(Reason.UNSUPPORTED, f"a Photoshop file of mode {mode}, {depth} bits")
        if not 1 <= channels <= _MAX_CHANNELS or max(height, width) > MAX_SIDE:
            detail = f"a Photoshop file of {width} x {height} pixels in {channels} channels"
            raise ItemError(Reason.UNREADABLE, f"{detail}: there is none")
        _section(file)
        resources = dict(photoshop.resources_in(_section(file)))
        has_layers, start = bool(_section(file)), file.tell()
        (packing,) = unpack(">H", file.read(2))
        if packing not in (RAW, _RUN_LENGTHS):
            raise ItemError(Reason.UNSUPPORTED, f"a Photoshop file of compression {packing}")
        row_bytes = 2 if packing == _RUN_LENGTHS else -(-width * depth // 8)
        if start + 2 + channels * height * row_bytes > file.nbytes:
            raise _truncated()
        return cls(channels, height, width, depth, mode, packing, resources, has_layers, start)

    @property
    def is_plain(self) -> bool:
        """Whether it is read here: samples of 8 or 16 bits in a mode that needs no palette."""
        return self.mode in _MODES and self.depth in DEPTHS

    @property
    def dropped(self) -> tuple[str, ...]:
        """What of it is not read."""
        taken = _MODES[self.mode] + 1 if self.is_plain else _OTHER_MODES[self.mode, self.depth]
        further = ("further channels of the Photoshop file",) if self.channels > taken else ()
        people = photoshop.set_by_people(self.resources.items())
        return (*(_LAYERS if self.has_layers else ()), *further, *people)

    @property
    def uncarried(self) -> tuple[str, ...]:
        """Names of the resources that describe it and are no blocks."""
        return photoshop.uncarried_resources(self.resources, (EXIF, photoshop.IPTC, XMP))

    def metadata(self) -> MetadataBlocks:
        """The blocks among its resources."""
        found = (self.resources.get(number) for number in (EXIF, photoshop.IPTC, XMP))
        return MetadataBlocks(*found)


class PsdReader(WholeImageReader):
    """An open Photoshop file of plain samples; channels besides colour and the first alpha are named."""

    notes = ("psd is written as png",)

    def __init__(self, file: SourceFile, structure: PsdStructure) -> None:
        self._file = file
        self._structure = structure
        self._sample = np.dtype(">u2" if structure.depth == 16 else "u1")
        self.dropped = structure.dropped
        colours = _MODES[structure.mode]
        alpha = structure.channels > colours
        block = structure.resources.get(EXIF)
        self.pages = (
            PageFacts(
                width=structure.width,
                height=structure.height,
                depth=structure.depth,
                channels=colours + alpha,
                code_depth=structure.depth,
                alpha=alpha,
                orientation=exif.orientation_of(block),
                density=_density(structure.resources.get(RESOLUTION, b"")) or exif.density_of(block),
                icc=structure.resources.get(ICC),
            ),
        )

    def metadata(self) -> MetadataBlocks:
        """See `ImageReader.metadata`."""
        return self._structure.metadata()

    @property
    def uncarried(self) -> tuple[str, ...]:
        """See `ImageReader.uncarried`."""
        return (*super().uncarried, *self._structure.uncarried)

    def is_truncated(self) -> bool:
        """See `ImageReader.is_truncated`."""
        try:
            self.decode()
        except DamagedError:
            return True
        return False

    def decode(self) -> Band:
        """See `WholeImageReader.decode`: planes one after the other."""
        facts = self.pages[0]
        read = self._packed_plane if self._structure.packing == _RUN_LENGTHS else self._raw_plane
        planes = [read(number) for number in range(facts.channels)]
        colours = _MODES[self._structure.mode]
        codes = planes[0] if colours == 1 else _rgb_of(np.dstack(planes[:colours]), self._structure.mode)
        return Band(codes, planes[colours] if facts.alpha else None)

    def _raw_plane(self, number: int) -> Codes:
        facts = self.pages[0]
        nbytes = self._sample.itemsize * facts.width * facts.height
        self._file.seek(self._structure.start + 2 + number * nbytes)
        return self._plane(self._file.read(nbytes))

    def _packed_plane(self, number: int) -> Codes:
        """A plane of rows in run lengths; the sizes of all rows stand before the first one."""
        import imagecodecs

        facts = self.pages[0]
        self._file.seek(self._structure.start + 2)
        sizes = np.frombuffer(self._file.read(2 * facts.height * self._structure.channels), ">u2").astype(int)
        first = number * facts.height
        self._file.seek(int(sizes[:first].sum()), 1)
        with decoder_call():
            rows = [
                imagecodecs.packbits_decode(self._file.read(int(size)))
                for size in sizes[first:][: facts.height]
            ]
        return self._plane(b"".join(rows))

    def _plane(self, data: bytes) -> Codes:
        facts = self.pages[0]
        if len(data) != self._sample.itemsize * facts.width * facts.height:
            raise DamagedError("samples are missing")
        plane = np.frombuffer(data, self._sample).reshape(facts.height, facts.width)
        return plane.astype(self._sample.newbyteorder("="))


def _rgb_of(codes: Codes, mode: int) -> Codes:
    """RGB of the colours of a mode; of inks the largest code is none, of a* and b* the middle one."""
    if mode == _INKS:
        return rgb_from_inks(np.invert(codes))
    return rgb_from_lab_codes(codes, signed=False) if mode == _LAB else codes


def _section(file: SourceFile) -> bytes:
    """A part of the file that begins with its length."""
    (size,) = unpack(">I", file.read(4))
    if file.tell() + size > file.nbytes:
        raise _truncated()
    return file.read(size)


def _truncated() -> ItemError:
    return ItemError(Reason.TRUNCATED, "the Photoshop file ends before its picture does")


def _density(body: bytes) -> Density | None:
    """Pixels per inch, 16 bits and as many of fraction."""
    if len(body) < 16:
        return None
    x, y = (struct.unpack_from(">I", body, at)[0] for at in (0, 8))
    fractions = [Fraction(value, 1 << 16) for value in (x, y)]
    ratios = [(fraction.numerator, fraction.denominator) for fraction in fractions]
    return Density(ratios[0], ratios[1], "inch") if x and y else None
