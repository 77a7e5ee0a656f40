"""Where a source's page lies in an output that is larger than it, or is a part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from archivecolor.colour.arrays import UInt8
from archivecolor.photo.facts import Codes

# The strip's codes with the depth and samples of a band.
_Fill: TypeAlias = Callable[[UInt8, Codes], Codes]
# Side of a JPEG's blocks.
BLOCK = 8
NEUTRAL = 128


@dataclass(frozen=True)
class Strip:
    """What stands beside the page.

    Attributes:
        codes: uint8 grey (rows, columns), as stored.
        corner: its first row and column in the output.
    """

    codes: UInt8
    corner: tuple[int, int]


@dataclass(frozen=True)
class Placement:
    """A page in an output of another size; all as stored, rows before columns.

    Attributes:
        size: of the page in the output.
        offset: of its first row and column there; negative where those before it are cut off.
        strip: what stands beside it; None where the output is a part of the page.
    """

    size: tuple[int, int]
    offset: tuple[int, int]
    strip: Strip | None = None

    @property
    def whole(self) -> tuple[int, int]:
        """Rows and columns of the output."""
        if self.strip is None:
            return self.size
        rows, columns = (
            max(offset + side, corner + strip_side)
            for offset, side, corner, strip_side in zip(
                self.offset, self.size, self.strip.corner, self.strip.codes.shape, strict=True
            )
        )
        return rows, columns

    def codes(self, bands: Iterable[Codes]) -> Iterator[Codes]:
        """The output's codes from those of the page (rows, columns[, samples]), in bands from the top.

        Between the page and its strip the last row, or column, is repeated. Alpha is full in the strip.
        """
        return self._cut(bands) if self.strip is None else self._beside(bands, self.strip, _grey_samples)

    def chroma(self, bands: Iterable[UInt8]) -> Iterator[UInt8]:
        """The same of Cb and Cr codes (2, rows, columns); the strip is neutral."""
        pixels = (np.moveaxis(band, 0, -1) for band in bands)
        placed = self._cut(pixels) if self.strip is None else self._beside(pixels, self.strip, _neutral)
        for band in placed:
            yield np.ascontiguousarray(np.moveaxis(band, -1, 0), np.uint8)

    def _cut(self, bands: Iterable[Codes]) -> Iterator[Codes]:
        top, left = -self.offset[0], -self.offset[1]
        for band in bands:
            rows = slice(max(0, top), max(0, top + self.size[0]))
            top -= len(band)
            kept = band[rows, left : left + self.size[1]]
            if len(kept):
                yield np.ascontiguousarray(kept)

    def _beside(self, bands: Iterable[Codes], strip: Strip, fill: _Fill) -> Iterator[Codes]:
        if strip.corner[1] or self.offset[1]:
            return self._at_a_side(bands, strip, fill)
        return self._above_or_below(bands, strip, fill)

    def _above_or_below(self, bands: Iterable[Codes], strip: Strip, fill: _Fill) -> Iterator[Codes]:
        last: Codes | None = None
        for band in bands:
            if last is None and self.offset[0]:
                yield fill(strip.codes, band)
            last = band
            yield band
        if last is not None and not self.offset[0]:
            yield np.repeat(last[-1:], strip.corner[0] - self.size[0], axis=0)
            yield fill(strip.codes, last)

    def _at_a_side(self, bands: Iterable[Codes], strip: Strip, fill: _Fill) -> Iterator[Codes]:
        top = 0
        for band in bands:
            beside = fill(strip.codes[top : top + len(band)], band)
            top += len(band)
            gap = np.repeat(band[:, -1:], max(0, strip.corner[1] - self.size[1]), axis=1)
            yield np.concatenate((beside, band) if self.offset[1] else (band, gap, beside), axis=1)


def _grey_samples(grey: UInt8, like: Codes) -> Codes:
    """Grey codes with the depth and the samples of a band."""
    codes: Codes = grey.astype(like.dtype) * like.dtype.type(np.iinfo(like.dtype).max // 255)
    if like.ndim == 2:
        return codes
    samples = np.repeat(codes[..., None], like.shape[2], axis=2)
    if like.shape[2] in (2, 4):
        samples[..., -1] = np.iinfo(like.dtype).max
    return samples


def _neutral(grey: UInt8, like: Codes) -> Codes:
    return np.full((*grey.shape, like.shape[2]), NEUTRAL, like.dtype)
