"""Chroma as the network gives it, and the way from its coarse grid to a picture's raster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.colour.doubt import Doubt

# The slope of the cubic kernel; OpenCV's, so that both directions use the same one.
CUBIC = -0.75
_MAX_ROWS_AT_ONCE = 32  # rows mixed at once


@dataclass(frozen=True)
class Chroma:
    """What the network says of one picture, upright.

    Attributes:
        cbcr: float32 (h, w, 2), BT.601 Cb and Cr as fractions of full scale, -0.5..0.5, on a coarse
            grid that covers the whole picture, cell centres at `(i + 0.5) / h`.
        certainty: float32 (h, w), 0..1, per cell.
        confidence: 0..1, of the whole picture.
        doubt: how much of a second look it deserves; None where it was not asked for or nobody knows.
    """

    cbcr: Float32
    certainty: Float32
    confidence: float
    doubt: Doubt | None = None


def upsample(cbcr: Float32, height: int, width: int, rows: slice | None = None) -> Float32:
    """Bring a coarse grid onto a picture's raster by bicubic interpolation, border cells repeated.

    A band of rows is bit for bit what the same rows of the whole are, so a large picture can be
    composed band by band.

    Args:
        cbcr: float32 (h, w, c), cell centres at `(i + 0.5) / h`.
        height: rows of the whole raster.
        width: columns of the raster.
        rows: the rows wanted (a slice without a step); all of them without it.

    Returns:
        float32 (rows, width, c); in memory one channel lies after the other.
    """
    from archivecolor.opencv import cv2

    start, stop, _ = (rows or slice(None)).indices(height)
    grid = np.ascontiguousarray(cbcr, dtype=np.float32)
    grid_rows, _, channels = grid.shape
    wide = np.asarray(cv2.resize(grid, (width, grid_rows), interpolation=cv2.INTER_CUBIC), np.float32)
    planes = np.ascontiguousarray(np.moveaxis(wide.reshape(grid_rows, width, channels), 2, 0))
    band = np.empty((channels, stop - start, width), np.float32)
    for taps, weights, first in _row_mixtures(grid_rows, height):
        top, bottom = max(first, start), min(first + len(weights), stop)
        if top < bottom:
            # Always the whole run, whatever part of it is wanted: of another shape it may round differently.
            mixed = weights @ planes[:, taps]
            band[:, top - start : bottom - start] = mixed[:, top - first : bottom - first]
    return np.moveaxis(band, 0, 2)


def _row_mixtures(grid_rows: int, height: int) -> Iterator[tuple[npt.NDArray[np.intp], Float32, int]]:
    """Runs of rows that mix the same four of the grid: those four, weights (n, 4), the run's first row."""
    position = (np.arange(height) + 0.5) * (grid_rows / height) - 0.5
    whole = np.floor(position).astype(np.intp)
    weights = _cubic_weights(position - whole).astype(np.float32)
    firsts = np.flatnonzero(np.diff(whole, prepend=whole[0] - 1))
    for first, end in pairwise((*firsts.tolist(), height)):
        taps = np.clip(whole[first] + np.arange(-1, 3), 0, grid_rows - 1)
        for begin in range(first, end, _MAX_ROWS_AT_ONCE):
            yield taps, weights[begin : min(begin + _MAX_ROWS_AT_ONCE, end)], begin


def _cubic_weights(fraction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Keys' cubic convolution weights (n, 4) of the taps at -1, 0, 1 and 2."""
    near = np.stack([fraction, 1 - fraction], axis=1)
    far = near + 1
    inner = ((CUBIC + 2) * near - (CUBIC + 3)) * near**2 + 1
    outer = ((CUBIC * far - 5 * CUBIC) * far + 8 * CUBIC) * far - 4 * CUBIC
    return np.stack([outer[:, 0], inner[:, 0], inner[:, 1], outer[:, 1]], axis=1)
