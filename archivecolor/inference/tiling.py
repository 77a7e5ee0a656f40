"""How a picture is shown to a network: in windows of bounded shape, reflected at the edges, not squashed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.opencv import cv2

_LONGEST = 4  # a window's long side over its short side
_MOST_CHANNELS = 4  # that OpenCV takes at once
STEP = 32  # windows are as long as the next multiple of this, so that few shapes occur


@dataclass(frozen=True)
class Window:
    """A part of a picture.

    Attributes:
        top: first row, in pixels of the small luma.
        left: first column.
        height: rows.
        width: columns.
    """

    top: int
    left: int
    height: int
    width: int


def windows_of(height: int, width: int) -> tuple[Window, ...]:
    """Windows that cover a picture: one, or several that overlap by half where it is longer than 4:1."""
    short, long = min(height, width), max(height, width)
    if long <= _LONGEST * short:
        return (Window(0, 0, height, width),)
    extent = _LONGEST * short
    count = -(-(long - extent) // max(1, extent // 2)) + 1
    starts = [round(index * (long - extent) / (count - 1)) for index in range(count)]
    if width >= height:
        return tuple(Window(0, start, height, extent) for start in starts)
    return tuple(Window(start, 0, extent, width) for start in starts)


def padded_shape(window: Window, multiple: int) -> tuple[int, int]:
    """The shape at which a window is shown: both sides rounded up."""
    step = max(STEP, multiple)
    return -(-window.height // step) * step, -(-window.width // step) * step


def cut_window(luma: Float32, window: Window, multiple: int) -> Float32:
    """A window of a luma (h, w), reflected out to its padded shape at the bottom and the right."""
    part = luma[window.top : window.top + window.height, window.left : window.left + window.width]
    height, width = padded_shape(window, multiple)
    return np.pad(part, ((0, height - part.shape[0]), (0, width - part.shape[1])), mode="symmetric")


def fit_grid(grid: Float32, window: Window, shape: tuple[int, int]) -> Float32:
    """The part of an answer's grid that lies over the window, as a grid of its own.

    Args:
        grid: float32 (gh, gw, c) over the padded window.
        window: the window.
        shape: its padded shape in pixels.

    Returns:
        float32 (h, w, c) over the window alone, with about the same cells.
    """
    cell_height, cell_width = shape[0] / grid.shape[0], shape[1] / grid.shape[1]
    height, width = max(1, round(window.height / cell_height)), max(1, round(window.width / cell_width))
    if (height * cell_height, width * cell_width) == (window.height, window.width):
        return grid[:height, :width]
    across = window.width / width / cell_width
    down = window.height / height / cell_height
    place = np.array([[across, 0.0, 0.5 * across - 0.5], [0.0, down, 0.5 * down - 0.5]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    fitted = np.empty((height, width, grid.shape[2]), np.float32)
    for first in range(0, grid.shape[2], _MOST_CHANNELS):
        channels = np.ascontiguousarray(grid[..., first : first + _MOST_CHANNELS])
        warped = cv2.warpAffine(
            channels, place, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        fitted[..., first : first + _MOST_CHANNELS] = warped.reshape(height, width, -1)
    return fitted


def join_windows(grids: list[Float32], windows: tuple[Window, ...], height: int, width: int) -> Float32:
    """One grid of overlapping windows' grids, blended by how far a cell lies from its window's edge."""
    if len(windows) == 1:
        return grids[0]
    rows = max(1, round(height * grids[0].shape[0] / windows[0].height))
    columns = max(1, round(width * grids[0].shape[1] / windows[0].width))
    total = np.zeros((rows, columns, grids[0].shape[2]), np.float32)
    weight = np.zeros((rows, columns, 1), np.float32)
    for grid, window in zip(grids, windows, strict=True):
        top = min(round(window.top * rows / height), rows - grid.shape[0])
        left = min(round(window.left * columns / width), columns - grid.shape[1])
        ramp = _ramp(grid.shape[0])[:, None, None] * _ramp(grid.shape[1])[None, :, None]
        place = np.s_[top : top + grid.shape[0], left : left + grid.shape[1]]
        total[place] += grid * ramp
        weight[place] += ramp
    return np.asarray(total / weight, np.float32)


def _ramp(count: int) -> Float32:
    place = np.arange(count, dtype=np.float32) + 0.5
    return np.asarray(np.minimum(place, count - place), np.float32)
