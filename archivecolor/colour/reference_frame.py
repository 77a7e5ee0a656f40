"""The colours of a frame that somebody restored or painted, as hints for the frame itself.

A picture of a frame's own framing says the colour of each of its places. Some of them stand for all: spread
evenly over what is opaque, each at the place around it where colour is most even, so that it is the colour
of a thing and not of an edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.colour.guidance import Hint, Reach
from archivecolor.colour.lab import LUMA_WEIGHTS, lab_from_rgb, rgb_from_lab

FRAME_HINTS = 96
# Correlation of two lumas above which they show one framing. Measured: a frame cleaned, regraded or resized
# has 0.97 and more, frames of another shot 0.5 at most.
_SAME_FRAMING = 0.85
# Shares of the short side: around a place that a colour is the mean of, and between two places at least.
_AROUND, _LEAST_SPACING = 0.02, 0.04


@dataclass(frozen=True)
class Painting:
    """A picture in colour.

    Attributes:
        rgb: float32 (h, w, 3), sRGB, 0..1, upright.
        opacity: float32 (h, w), 0..1.
    """

    rgb: Float32
    opacity: Float32

    @property
    def has_transparency(self) -> bool:
        """Whether it leaves some of the frame open."""
        return bool((self.opacity < 0.5).any())


def shows_frame(painting: Painting, luma: Float32) -> bool:
    """Whether a picture has the framing of a frame: places in both are the same.

    One that leaves some of it open was painted over the frame.

    Args:
        painting: the picture.
        luma: float32 (h, w), of the frame, 0..1.
    """
    if painting.has_transparency:
        return True
    theirs = _resized(np.asarray(painting.rgb @ LUMA_WEIGHTS, np.float32), luma.shape)
    one, other = (plane - plane.mean() for plane in (theirs, luma))
    spread = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return spread > 0 and float((one * other).sum()) > _SAME_FRAMING * spread


def hints_of_frame(painting: Painting, count: int = FRAME_HINTS) -> tuple[Hint, ...]:
    """What a picture says of a frame whose framing it has; none where nothing in it is opaque.

    Args:
        painting: the picture.
        count: of hints at most, about.
    """
    from archivecolor.opencv import cv2

    opaque = (painting.opacity >= 0.5).astype(np.float32)
    short = min(opaque.shape)
    size = 2 * round(short * _AROUND) + 1
    lab = lab_from_rgb(painting.rgb)
    share = cv2.blur(opaque, (size, size))
    known = np.maximum(share, 1e-6)[..., None]
    mean = cv2.blur(lab * opaque[..., None], (size, size)) / known
    square = cv2.blur(lab[..., 1:] ** 2 * opaque[..., None], (size, size)) / known
    uneven = (square - mean[..., 1:] ** 2).sum(axis=2) + 1e3 * (1 - share)
    uneven[opaque == 0] = np.inf
    spacing = max(float(np.sqrt(opaque.sum() / count)), short * _LEAST_SPACING)
    places = _most_even(np.asarray(uneven, np.float32), spacing)
    # What is left open was left to the network.
    reach = Reach.HERE if painting.has_transparency else Reach.ALL
    return tuple(_hint(place, np.asarray(mean, np.float32), reach) for place in places)


def _most_even(uneven: Float32, spacing: float) -> Iterator[tuple[int, int]]:
    """The most even place of each square of so many samples that has one."""
    height, width = uneven.shape
    rows, columns = (max(1, round(side / spacing)) for side in (height, width))
    for row, column in product(range(rows), range(columns)):
        top, left = row * height // rows, column * width // columns
        part = uneven[top : (row + 1) * height // rows, left : (column + 1) * width // columns]
        down, across = divmod(int(part.argmin()), part.shape[1])
        if np.isfinite(part[down, across]):
            yield top + down, left + across


def _hint(place: tuple[int, int], lab: Float32, reach: Reach) -> Hint:
    height, width = lab.shape[:2]
    red, green, blue = np.round(np.clip(rgb_from_lab(lab[place]), 0, 1) * 255)
    x, y = round((place[1] + 0.5) / width, 4), round((place[0] + 0.5) / height, 4)
    return Hint(x, y, (int(red), int(green), int(blue)), reach, soft=True)


def _resized(plane: Float32, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    from archivecolor.opencv import cv2

    return np.asarray(cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.float32)
