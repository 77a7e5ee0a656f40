"""Portable float maps, through netpbmfile; never written, kept as PNG.

Rows stand from the bottom up; the sign of the scale tells the byte order. Which float is white is found out
as for a TIFF of floats.
"""

from __future__ import annotations

import numpy as np

from archivecolor.photo.containers.bands import WholeImageReader
from archivecolor.photo.containers.base import DATA_BEHIND, Band, Format, PageFacts
from archivecolor.photo.containers.reading import DamagedError, SourceFile, decoder_call
from archivecolor.photo.containers.tiff.samples import (
    BLACK_IS_ZERO,
    RGB,
    Raw,
    SampleLayout,
    decode_samples,
    float_range,
)

_FLOAT_BYTES = 4


class PfmReader(WholeImageReader):
    """An open float map."""

    notes: tuple[str, ...] = ("pfm is written as png",)

    def __init__(self, file: SourceFile) -> None:
        import netpbmfile

        file.seek(0)
        with decoder_call():
            self._picture = netpbmfile.NetpbmFile(file)
            colours = 3 if self._picture.magicnumber == "PF" else 1
            width, height = int(self._picture.width), int(self._picture.height)
            end = len(self._picture.header) + _FLOAT_BYTES * colours * width * height
        self._is_truncated = file.nbytes < end
        if file.nbytes > end:
            file.seek(end)
            self.dropped = (DATA_BEHIND,) if file.read().strip(b"\0") else ()
        self._samples = SampleLayout(
            photometric=RGB if colours == 3 else BLACK_IS_ZERO,
            bits=8 * _FLOAT_BYTES,
            floating=True,
            colours=colours,
            alpha=False,
        )
        self.pages = (PageFacts(width, height, depth=8 * _FLOAT_BYTES, channels=colours, code_depth=16),)

    def is_truncated(self) -> bool:
        """See `ImageReader.is_truncated`."""
        return self._is_truncated

    def decode(self) -> Band:
        """See `WholeImageReader.decode`."""
        if self._is_truncated:
            raise DamagedError("samples are missing")
        page = self.pages[0]
        with decoder_call():
            rows: Raw = np.asarray(self._picture.asarray())
            rows = rows.reshape(page.height, page.width, page.channels)[::-1]
        samples, note = float_range([rows], self._samples)
        self.notes = (PfmReader.notes[0], note)
        return decode_samples(rows, samples)


class PfmFormat(Format):
    """Portable float maps, grey and RGB."""

    name = "pfm"
    title = "PFM"

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[:2] in (b"Pf", b"PF") and head[2:3] in (b"\n", b"\r", b" ", b"\t")

    def open(self, file: SourceFile) -> PfmReader:
        """See `Format.open`."""
        return PfmReader(file)


FORMAT = PfmFormat()
