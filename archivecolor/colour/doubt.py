"""What in an answer people would look at twice: reasons, each with its part of the picture.

Pure measures on the answer's own grid. How much doubt a whole picture deserves is told from what the network
knows of it besides (`inference.doubt`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.colour.kernel import Answer

# A picture is cut into this many regions along each side.
REGIONS = 8
Flags = npt.NDArray[np.bool_]


class DoubtReason(str, Enum):
    """Why somebody should look again: words of records."""

    UNCERTAIN = "uncertain-colour"
    PALE = "nearly-uncoloured"
    VIEWS = "views-disagree"
    EDGES = "colour-across-edges"
    SKIN = "skin-out-of-range"
    WASH = "one-wash-over-all"
    BLOTCHES = "blotches-on-smooth-parts"


@dataclass(frozen=True)
class Finding:
    """One reason, and where it holds.

    Attributes:
        reason: the reason.
        share: of the picture in which it holds, 0..1.
        region: left, top, width and height of the largest part in which it holds, in hundredths of the
            picture's sides.
    """

    reason: DoubtReason
    share: float
    region: tuple[float, float, float, float]


@dataclass(frozen=True)
class Doubt:
    """How much of a second look a picture deserves.

    Attributes:
        figure: 0..1, the share of photographs that deserve less.
        findings: why; none where nothing stands out.
    """

    figure: float
    findings: tuple[Finding, ...] = ()


# Where each reason begins, per cell; with `_ENOUGH` each is found in about one of ten photographs.
_UNCERTAIN = 0.45  # certainty
_PALE = 3.0  # chroma, Lab units
_DARKEST, _LIGHTEST = 12.0, 93.0  # L* between which a cell could have colour
_SMOOTH, _EDGE = 1.5, 8.0  # change of L* from cell to cell
_STEP = 2.5  # change of a*, b* from cell to cell
_DISAGREEMENT = 15.0  # a*, b* of two views
_SKIN_HUE = (20.0, 80.0)  # degrees
_SKIN_CHROMA = (9.0, 36.0)
_WASH = 0.4  # mean distance from the mean a*, b*, by mean chroma
_WASH_CHROMA = 7.0

# The share of a region's cells in which a reason holds there, and of the picture's regions to tell of it.
_ENOUGH: Mapping[DoubtReason, tuple[float, float]] = {
    DoubtReason.UNCERTAIN: (0.5, 0.2),
    DoubtReason.PALE: (0.7, 0.3),
    DoubtReason.VIEWS: (0.5, 0.3),
    DoubtReason.EDGES: (0.05, 0.03),
    DoubtReason.SKIN: (0.2, 0.03),
    DoubtReason.BLOTCHES: (0.05, 0.03),
}


def findings(answer: Answer, skin: Float32 | None = None) -> tuple[Finding, ...]:
    """What stands out in an answer.

    Args:
        answer: of the network.
        skin: float32 (h, w), 0..1, how much of each cell is taken for skin; None where nobody knows.
    """
    shares = {reason: _region_means(flags) for reason, flags in _flags(answer, skin).items()}
    found = (_finding(reason, share) for reason, share in shares.items())
    return tuple(filter(None, (*found, _wash(answer))))


def _flags(answer: Answer, skin: Float32 | None) -> dict[DoubtReason, Flags]:
    """The cells (h, w) in which each reason holds, looked at by themselves and beside their neighbours."""
    chroma = np.hypot(answer.ab[..., 0], answer.ab[..., 1])
    coloured = (answer.lightness > _DARKEST) & (answer.lightness < _LIGHTEST)
    lightness_step = _gradient(answer.lightness)
    beside, around = _largest_within(lightness_step, 1), _largest_within(lightness_step, 4)
    step = (_gradient(answer.ab) > _STEP) & (beside < _SMOOTH)
    flags = {
        DoubtReason.UNCERTAIN: answer.certainty < _UNCERTAIN,
        DoubtReason.PALE: (chroma < _PALE) & coloured,
        DoubtReason.EDGES: step & (around > _EDGE),
        DoubtReason.BLOTCHES: step & (around < 2 * _SMOOTH),
    }
    if answer.disagreement is not None:
        flags[DoubtReason.VIEWS] = answer.disagreement > _DISAGREEMENT
    if skin is not None:
        hue = np.degrees(np.arctan2(answer.ab[..., 1], answer.ab[..., 0]))
        likely = (hue > _SKIN_HUE[0]) & (hue < _SKIN_HUE[1])
        in_range = (chroma < _SKIN_CHROMA[1]) & (chroma > _SKIN_CHROMA[0]) & likely
        flags[DoubtReason.SKIN] = (skin > 0.5) & ~in_range
    return flags


def _finding(reason: DoubtReason, shares: Float32) -> Finding | None:
    """The finding of a reason that holds in these shares of regions (rows, columns), if it is enough."""
    of_region, of_picture = _ENOUGH[reason]
    holds = shares >= of_region
    if holds.mean() < of_picture:
        return None
    return Finding(reason, round(float(holds.mean()), 3), _largest_part(holds))


def _wash(answer: Answer) -> Finding | None:
    chroma = float(np.hypot(answer.ab[..., 0], answer.ab[..., 1]).mean())
    apart = float(np.linalg.norm(answer.ab - answer.ab.mean(axis=(0, 1)), axis=2).mean())
    if chroma < _WASH_CHROMA or apart > _WASH * chroma:
        return None
    return Finding(DoubtReason.WASH, 1.0, (0.0, 0.0, 100.0, 100.0))


def _largest_part(holds: Flags) -> tuple[float, float, float, float]:
    """The box around the largest group of regions that touch, in hundredths of the sides."""
    from archivecolor.opencv import cv2

    _, _, boxes, _ = cv2.connectedComponentsWithStats(holds.astype(np.uint8), connectivity=4)
    groups = boxes[1:]
    left, top, width, height, _size = groups[int(np.argmax(groups[:, 4]))].tolist()
    step = 100.0 / REGIONS
    return (left * step, top * step, width * step, height * step)


def _gradient(plane: Float32) -> Float32:
    """Change from cell to cell of a plane (h, w), or of all channels of planes (h, w, c) together."""
    from archivecolor.opencv import cv2

    plane = np.ascontiguousarray(plane, np.float32)
    across = cv2.Sobel(plane, cv2.CV_32F, 1, 0, scale=0.125, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(plane, cv2.CV_32F, 0, 1, scale=0.125, borderType=cv2.BORDER_REPLICATE)
    squared = across**2 + down**2
    return np.asarray(np.sqrt(squared if squared.ndim == 2 else squared.sum(axis=2)), np.float32)


def _largest_within(plane: Float32, reach: int) -> Float32:
    """The largest value of a plane (h, w) within so many cells."""
    from archivecolor.opencv import cv2

    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return np.asarray(cv2.dilate(plane, kernel), np.float32)


def _region_means(flags: Flags) -> Float32:
    from archivecolor.opencv import cv2

    means = cv2.resize(flags.astype(np.float32), (REGIONS, REGIONS), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.float32)
