"""The flat picture of a Photoshop file of 16 bits, which it holds behind its layers.

Adobe Photoshop file formats specification: header, colour modes, image resources, layers, image data.
"""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import exif, photoshop
from archivecolor.photo.containers.bands import WholeImageReader, split_samples
from archivecolor.photo.containers.base import Band, PageFacts
from archivecolor.photo.containers.blocks import MetadataBlocks
from archivecolor.photo.containers.reading import DamagedError, SourceFile, decoder_call, unpack
from archivecolor.photo.facts import Codes, Density

HEADER = ">4sH6xHIIHH"
RESOLUTION, ICC, EXIF, XMP = 0x03ED, 0x040F, 0x0422, 0x0424
# Grey, RGB and duotone, which is grey with inks told beside it: samples of a pixel.
MODES = {1: 1, 3: 3, 8: 1}
RAW, RUN_LENGTHS = 0, 1
LAYERS = ("layers of the Photoshop file",)


class PsdReader(WholeImageReader):
    """An open Photoshop file of 16 bits; channels besides colour and the first alpha are named."""

    notes = ("psd is written as png",)

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        file.seek(0)
        _, _, self._channels, height, width, depth, mode = unpack(HEADER, file.read(struct.calcsize(HEADER)))
        if mode not in MODES or depth != 16:
            raise ItemError(Reason.UNSUPPORTED, f"a Photoshop file of mode {mode}, {depth} bits")
        _section(file)
        self._resources = dict(photoshop.resources_in(_section(file)))
        has_layers = bool(_section(file))
        self._start = file.tell()
        colours = MODES[mode]
        alpha = self._channels > colours
        self.dropped = LAYERS if has_layers else ()
        if self._channels > colours + 1:
            self.dropped += ("further channels of the Photoshop file",)
        block = self._resources.get(EXIF)
        self.pages = (
            PageFacts(
                width=width,
                height=height,
                depth=16,
                channels=colours + alpha,
                code_depth=16,
                alpha=alpha,
                orientation=exif.orientation_of(block),
                density=_density(self._resources.get(RESOLUTION, b"")) or exif.density_of(block),
                icc=self._resources.get(ICC),
            ),
        )

    def metadata(self) -> MetadataBlocks:
        """See `ImageReader.metadata`."""
        found = (self._resources.get(number) for number in (EXIF, photoshop.IPTC, XMP))
        return MetadataBlocks(*found)

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
        self._file.seek(self._start)
        (packing,) = unpack(">H", self._file.read(2))
        if packing not in (RAW, RUN_LENGTHS):
            raise ItemError(Reason.UNSUPPORTED, f"a Photoshop file of compression {packing}")
        read = self._packed_plane if packing == RUN_LENGTHS else self._raw_plane
        planes = [read(number) for number in range(facts.channels)]
        return split_samples(planes[0] if len(planes) == 1 else np.dstack(planes))

    def _raw_plane(self, number: int) -> Codes:
        facts = self.pages[0]
        nbytes = 2 * facts.width * facts.height
        self._file.seek(self._start + 2 + number * nbytes)
        return self._plane(self._file.read(nbytes))

    def _packed_plane(self, number: int) -> Codes:
        """A plane of rows in run lengths; the sizes of all rows stand before the first one."""
        import imagecodecs

        facts = self.pages[0]
        self._file.seek(self._start + 2)
        table = self._file.read(2 * facts.height * self._channels)
        if len(table) < 2 * facts.height * self._channels:
            raise DamagedError("sizes of rows are missing")
        sizes = np.frombuffer(table, ">u2").astype(int)
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
        if len(data) != 2 * facts.width * facts.height:
            raise DamagedError("samples are missing")
        return np.frombuffer(data, ">u2").reshape(facts.height, facts.width).astype(np.uint16)


def _section(file: SourceFile) -> bytes:
    """A part of the file that begins with its length."""
    (size,) = unpack(">I", file.read(4))
    if file.tell() + size > file.nbytes:
        raise ItemError(Reason.TRUNCATED, "the Photoshop file ends before its picture")
    return file.read(size)


def _density(body: bytes) -> Density | None:
    """Pixels per inch, 16 bits and as many of fraction."""
    if len(body) < 16:
        return None
    x, y = (struct.unpack_from(">I", body, at)[0] for at in (0, 8))
    fractions = [Fraction(value, 1 << 16) for value in (x, y)]
    ratios = [(fraction.numerator, fraction.denominator) for fraction in fractions]
    return Density(ratios[0], ratios[1], "inch") if x and y else None
