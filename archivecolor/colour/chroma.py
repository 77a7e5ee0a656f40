"""Chroma as the network gives it, and the way from its coarse grid to a picture's raster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

# The slope of the cubic kernel; OpenCV's, so that both directions use the same one.
CUBIC = -0.75


@dataclass(frozen=True)
class Chroma:
    """What the network says of one picture, upright.

    Attributes:
        cbcr: float32 (h, w, 2), BT.601 Cb and Cr as fractions of full scale, -0.5..0.5, on a coarse
            grid that covers the whole picture, cell centres at `(i + 0.5) / h`.
        certainty: float32 (h, w), 0..1, per cell.
        confidence: 0..1, of the whole picture.
    """

    cbcr: Float32
    certainty: Float32
    confidence: float

    def scaled(self, gain: float) -> Chroma:
        """The same with all chroma multiplied by `gain`; 0 leaves grey."""
        return replace(self, cbcr=self.cbcr * np.float32(gain))


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
        float32 (rows, width, c).
    """
    import cv2

    start, stop, _ = (rows or slice(None)).indices(height)
    grid = np.ascontiguousarray(cbcr, dtype=np.float32)
    band = _interpolate_rows(grid, height, start, stop)
    wide: Any = cv2.resize(band, (width, stop - start), interpolation=cv2.INTER_CUBIC)
    return np.asarray(wide, dtype=np.float32).reshape(stop - start, width, grid.shape[2])


def _interpolate_rows(grid: Float32, height: int, start: int, stop: int) -> Float32:
    """Rows `start` to `stop` of the grid stretched to `height` rows, its columns as they are."""
    position = (np.arange(start, stop) + 0.5) * (grid.shape[0] / height) - 0.5
    whole = np.floor(position)
    weights = _cubic_weights(position - whole).astype(np.float32)
    band = np.zeros((stop - start, *grid.shape[1:]), np.float32)
    for tap in range(4):
        source = np.clip(whole.astype(np.intp) + (tap - 1), 0, grid.shape[0] - 1)
        band += weights[:, tap, None, None] * grid[source]
    return band


def _cubic_weights(fraction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Keys' cubic convolution weights (n, 4) of the taps at -1, 0, 1 and 2."""
    near = np.stack([fraction, 1 - fraction], axis=1)
    far = near + 1
    inner = ((CUBIC + 2) * near - (CUBIC + 3)) * near**2 + 1
    outer = ((CUBIC * far - 5 * CUBIC) * far + 8 * CUBIC) * far - 4 * CUBIC
    return np.stack([outer[:, 0], inner[:, 0], inner[:, 1], outer[:, 1]], axis=1)
