"""Chroma planes of a film picture, in the film's own matrix and range, beside an untouched Y plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archivecolor.colour.chroma import upsample
from archivecolor.film.pixels import LUMA_WEIGHTS, Codes, Float32, Plane, chroma_matrix

# MPEG chroma samples sit on the left of the luma samples they belong to when halved across, a quarter
# of their own width from the middle (H.273, chroma sample location type 0).
LEFT_SITING = 0.25
TINY = np.float32(1e-6)


@dataclass(frozen=True)
class ChromaPlanes:
    """Cb and Cr codes (h, w), uint8 or uint16."""

    cb: Plane
    cr: Plane


@dataclass(frozen=True)
class Painter:
    """Lays a coarse grid of BT.601 chroma beside luma planes of one size, matrix and range.

    Attributes:
        matrix: H.273 code point of the film.
        codes: depth and range of luma and chroma written.
        steps: luma samples per chroma sample, across and down.
    """

    matrix: int
    codes: Codes
    steps: tuple[int, int]

    def paint(self, luma: Plane, cbcr: Float32) -> ChromaPlanes:
        """Chroma planes for one frame.

        Args:
            luma: (h, w) codes in `codes`.
            cbcr: float32 (gh, gw, 2), BT.601 fractions, over the picture as it is coded.
        """
        import cv2

        across, down = self.steps
        height, width = -(-luma.shape[0] // down), -(-luma.shape[1] // across)
        own = np.ascontiguousarray(cbcr @ chroma_matrix(self.matrix).T)
        chroma = upsample(self._sited(own, width), height, width)
        small = (
            luma
            if (across, down) == (1, 1)
            else cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
        )
        cb, cr = shortened(self.codes.luma_fraction(small), chroma, self.matrix)
        return ChromaPlanes(self.codes.chroma_codes(cb), self.codes.chroma_codes(cr))

    def _sited(self, grid: Float32, width: int) -> Float32:
        """The grid moved so that chroma samples lie where MPEG puts them."""
        if self.steps[0] == 1:
            return grid
        import cv2

        shift = LEFT_SITING * grid.shape[1] / width
        move = np.array([[1, 0, shift], [0, 1, 0]], np.float32)
        size = (grid.shape[1], grid.shape[0])
        moved = cv2.warpAffine(grid, move, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.float32)


def shortened(luma: Float32, cbcr: Float32, matrix: int) -> tuple[Float32, Float32]:
    """Cb and Cr brought into gamut by shortening: hue is kept, luma is not touched.

    Where chroma is subsampled `luma` is the mean under each chroma sample: to go by its darkest and
    brightest would take the colour off every edge of grain.

    Args:
        luma: float32 (h, w), 0..1.
        cbcr: float32 (h, w, 2) in `matrix`, fractions.
        matrix: H.273 code point.

    Returns:
        Cb and Cr, each float32 (h, w), for which R, G and B are within 0..1.
    """
    red_weight, blue_weight = LUMA_WEIGHTS[matrix]
    green_weight = 1 - red_weight - blue_weight
    cb, cr = cbcr[..., 0], cbcr[..., 1]
    red = cr * np.float32(2 * (1 - red_weight))
    blue = cb * np.float32(2 * (1 - blue_weight))
    green = red * np.float32(-red_weight / green_weight) + blue * np.float32(-blue_weight / green_weight)
    highest = np.maximum(np.maximum(red, green), blue)
    lowest = np.minimum(np.minimum(red, green), blue)
    share = np.minimum((1 - luma + TINY) / (highest + TINY), (luma + TINY) / (TINY - lowest))
    share = np.minimum(share, np.float32(1))
    return cb * share, cr * share
