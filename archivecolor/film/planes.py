"""Chroma planes of a film picture, in the film's own matrix and range, beside an untouched Y plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.film.pixels import LUMA_WEIGHTS, Plane, SampleFormat, chroma_matrix

# MPEG chroma samples sit on the left of the luma samples they belong to when halved across, a quarter
# of their own width from the middle (H.273, chroma sample location type 0).
_LEFT_SITING = 0.25
TINY = np.float32(1e-6)
# Samples of a plane that are worked on at once: some of them fit into a processor's cache.
_AT_ONCE = 24_000


@dataclass(frozen=True)
class ChromaPlanes:
    """Cb and Cr codes (h, w), uint8 or uint16."""

    cb: Plane
    cr: Plane


@dataclass(frozen=True)
class ChromaPlaneRenderer:
    """Lays a coarse grid of BT.601 chroma beside luma planes of one size, matrix and range.

    Attributes:
        matrix: H.273 code point of the film.
        sample_format: depth and range of luma and chroma written.
        subsampling: luma samples per chroma sample, across and down.
    """

    matrix: int
    sample_format: SampleFormat
    subsampling: tuple[int, int]

    def render(self, luma: Plane, cbcr: Float32) -> ChromaPlanes:
        """Chroma planes for one frame.

        Args:
            luma: (h, w) codes in `sample_format`.
            cbcr: float32 (gh, gw, 2), BT.601 fractions, over the picture as it is coded.
        """
        from archivecolor.opencv import cv2

        across, down = self.subsampling
        height, width = -(-luma.shape[0] // down), -(-luma.shape[1] // across)
        own_matrix = np.asarray(cv2.transform(cbcr, chroma_matrix(self.matrix)), np.float32)
        own = self._shift_to_siting(own_matrix, width)
        cb, cr = (
            np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
            for plane in (np.ascontiguousarray(own[..., channel]) for channel in (0, 1))
        )
        small = (
            luma
            if (across, down) == (1, 1)
            else cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
        )
        compress_into_gamut(self.sample_format.luma_fraction(small), cb, cr, self.matrix)
        return ChromaPlanes(self.sample_format.chroma_codes(cb), self.sample_format.chroma_codes(cr))

    def _shift_to_siting(self, grid: Float32, width: int) -> Float32:
        """The grid moved so that chroma samples lie where MPEG puts them."""
        if self.subsampling[0] == 1:
            return grid
        from archivecolor.opencv import cv2

        shift = _LEFT_SITING * grid.shape[1] / width
        move = np.array([[1, 0, shift], [0, 1, 0]], np.float32)
        size = (grid.shape[1], grid.shape[0])
        moved = cv2.warpAffine(grid, move, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.float32)


def compress_into_gamut(luma: Float32, cb: Float32, cr: Float32, matrix: int) -> None:
    """Bring Cb and Cr into gamut, in place, by shortening: hue is kept, luma is not touched.

    Where chroma is subsampled `luma` is the mean under each chroma sample: to go by its darkest and
    brightest would take the colour off every edge of grain.

    Args:
        luma: float32 (h, w), 0..1.
        cb: float32 (h, w) in `matrix`, fractions; after it R, G and B are within 0..1.
        cr: likewise.
        matrix: H.273 code point.
    """
    rows = max(1, _AT_ONCE // luma.shape[1])
    for first in range(0, len(luma), rows):
        some = slice(first, first + rows)
        _compress_rows(luma[some], cb[some], cr[some], matrix)


def _compress_rows(luma: Float32, cb: Float32, cr: Float32, matrix: int) -> None:
    """As `compress_into_gamut`, of so few rows that they stay in the processor's cache."""
    red_weight, blue_weight = LUMA_WEIGHTS[matrix]
    green_weight = 1 - red_weight - blue_weight
    red = cr * np.float32(2 * (1 - red_weight))
    blue = cb * np.float32(2 * (1 - blue_weight))
    green = red * np.float32(-red_weight / green_weight)
    green += blue * np.float32(-blue_weight / green_weight)
    # From here on the planes of R, G and B are used again: films have millions of samples a second.
    highest = np.maximum(red, green)
    np.maximum(highest, blue, out=highest)
    lowest = np.minimum(np.minimum(red, green, out=green), blue, out=green)
    highest += TINY
    share = np.divide((1 + TINY) - luma, highest, out=red)
    np.subtract(TINY, lowest, out=lowest)
    np.minimum(share, np.divide(luma + TINY, lowest, out=blue), out=share)
    np.minimum(share, np.float32(1), out=share)
    cb *= share
    cr *= share
