"""The colours of another picture as soft hints: what is alike in both, by the features of the network.

A cell of one picture is paired with the cell of the other whose features are nearest, its surroundings
among them, where that holds both ways, where nothing else comes close, and where they are near at all. Some
such pairs are chance. Of pairs that lie apart it is counted how many agree on how one picture lies in the
other; where so many would by chance alone, all count for nothing.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import comb, log10
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.colour.guidance import STROKE_HINTS, Hint
from archivecolor.colour.kernel import Answer
from archivecolor.colour.lab import rgb_from_lab

# Measured: see docs/metrics.md.
_MAX_RATIO = 0.92
_MAX_DISTANCE = 0.7
# Pairs that count though they do not agree with the others, once these do: things move.
_SURE_RATIO = 0.75
_SURE_DISTANCE = 0.4
# Cells around that belong to what a cell is.
_SURROUNDINGS = 1.5
# Cells that a pair may lie off the map of the others.
_AGREEMENT = 3.0
# Or so much of the short side, where a grid is small.
_AGREEMENT_SHARE = 0.1
# Of an affine map.
_FREE_PAIRS = 3
# log10 of how many sets of pairs that agree so well chance would give.
_MAX_CHANCE = -2.5
# Cells around the nearest one that are it too; hints of one reference lie further apart.
_NEIGHBOURHOOD = 2
# Between cells of two pictures, held at once.
_BLOCK_DISTANCES = 1 << 18

Float64: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Reference:
    """A picture in colour.

    Attributes:
        answer: what the network says of its luma, with features.
        lab: float32 (h, w, 3), its own CIE L*, a*, b*, of any size.
    """

    answer: Answer
    lab: Float32


def hints_like(answer: Answer, reference: Reference, page: int = 1) -> tuple[Hint, ...]:
    """Soft hints for a picture from one that has colour; none where nothing in them is alike.

    Args:
        answer: what the network says of the picture, with features.
        reference: whose colours are taken.
        page: of the picture's file.

    Returns:
        At most `STROKE_HINTS`, the surest pairs first.
    """
    if answer.features is None or reference.answer.features is None:
        return ()
    shape, other_shape = answer.features.shape[:2], reference.answer.features.shape[:2]
    pairs = _apart(_pairs(answer.features, reference.answer.features), shape, other_shape)
    reach = min(_AGREEMENT, _AGREEMENT_SHARE * min(other_shape))
    agrees = _agreeing(pairs, shape, other_shape, reach)
    area = np.pi * reach**2 / (other_shape[0] * other_shape[1])
    if _log_chance(len(pairs), int(agrees.sum()), min(area, 1.0)) > _MAX_CHANCE:
        return ()
    kept = [pair for pair, is_one in zip(pairs, agrees, strict=True) if is_one or pair.is_sure]
    lab = _cell_means(reference.lab, other_shape)
    return tuple(_hint(pair, shape, lab, page) for pair in kept[:STROKE_HINTS])


@dataclass(frozen=True)
class _Pair:
    """Cells of two pictures that are alike, by their numbers.

    Attributes:
        ours: in the picture.
        theirs: in the reference.
        is_sure: they are so much alike that no other pair needs to agree.
    """

    ours: int
    theirs: int
    is_sure: bool


def _hint(pair: _Pair, shape: tuple[int, ...], lab: Float32, page: int) -> Hint:
    """What a reference of the colours `lab` (h, w, 3) says of a cell of our grid."""
    row, column = divmod(pair.ours, shape[1])
    red, green, blue = np.round(np.clip(rgb_from_lab(lab[divmod(pair.theirs, lab.shape[1])]), 0, 1) * 255)
    place = round((column + 0.5) / shape[1], 6), round((row + 0.5) / shape[0], 6)
    return Hint(*place, (int(red), int(green), int(blue)), page=page, soft=True)


def _pairs(features: Float32, others: Float32) -> list[_Pair]:
    """Cells of two pictures that are alike, the surest first."""
    ours, theirs = (_with_surroundings(grid) for grid in (features, others))
    both = np.concatenate((ours, theirs))
    spread = both.std(axis=0)
    both = (both - both.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    found = _nearest(both[: len(ours)], both[len(ours) :], others.shape[1])
    mutual = np.flatnonzero(found.back[found.nearest] == np.arange(len(ours)))
    nearest, near = found.nearest[mutual], found.distance[mutual]
    ratio = near / np.maximum(found.second[mutual], 1e-12)
    alike = np.flatnonzero((ratio < _MAX_RATIO) & (near < _MAX_DISTANCE))
    is_sure = (ratio < _SURE_RATIO) & (near < _SURE_DISTANCE)
    order = alike[np.argsort(ratio[alike], kind="stable")]
    return [_Pair(int(mutual[place]), int(nearest[place]), bool(is_sure[place])) for place in order]


def _with_surroundings(features: Float32) -> Float64:
    """What is known of each cell and of those around it, float64 (h * w, 2 * c)."""
    from archivecolor.opencv import cv2

    # By channel: OpenCV filters but a few at once.
    around = [
        cv2.GaussianBlur(channel, (0, 0), _SURROUNDINGS, borderType=cv2.BORDER_REPLICATE)
        for channel in np.ascontiguousarray(features.transpose(2, 0, 1))
    ]
    both = np.concatenate((features, np.stack(around, axis=2)), axis=2)
    return both.reshape(-1, both.shape[2]).astype(np.float64)


def _agreeing(
    pairs: list[_Pair], shape: tuple[int, ...], other_shape: tuple[int, ...], reach: float
) -> npt.NDArray[np.bool_]:
    """Which pairs of cells, of grids of these shapes, one affine map explains within so many cells.

    Mirrored and turned pictures count too.
    """
    from archivecolor.opencv import cv2

    if len(pairs) <= _FREE_PAIRS:
        return np.zeros(len(pairs), bool)
    numbers = np.array([(pair.ours, pair.theirs) for pair in pairs])
    ours, theirs = (
        np.stack((numbers[:, side] % columns, numbers[:, side] // columns), axis=1).astype(np.float32)
        for side, columns in enumerate((shape[1], other_shape[1]))
    )
    _, agree = cv2.estimateAffine2D(
        ours, theirs, method=cv2.RANSAC, ransacReprojThreshold=reach, maxIters=3000
    )
    return np.zeros(len(pairs), bool) if agree is None else agree[:, 0].astype(bool)


def _log_chance(count: int, agreeing: int, share: float) -> float:
    """log10 of how many maps so many of `count` pairs are expected to agree on that lie at random.

    The number of false alarms of Moisan and Stival (2004): a map of three pairs, and those of the others
    that happen to lie within `share` of the picture around where it puts them.
    """
    if agreeing <= _FREE_PAIRS:
        return np.inf
    rest, least = count - _FREE_PAIRS, agreeing - _FREE_PAIRS
    tail = sum(
        comb(rest, hits) * share**hits * (1 - share) ** (rest - hits) for hits in range(least, rest + 1)
    )
    return log10(max(rest * comb(count, _FREE_PAIRS) * tail, sys.float_info.min))


@dataclass(frozen=True)
class _Nearest:
    """Which cells are nearest.

    Attributes:
        nearest: of each of our cells the nearest of theirs, intp (n,).
        distance: of that one, float64 (n,).
        second: of the nearest one that is no neighbour of it, float64 (n,).
        back: of each of their cells the nearest of ours, intp (m,).
    """

    nearest: Indices
    distance: Float64
    second: Float64
    back: Indices


def _nearest(ours: Float64, theirs: Float64, width: int) -> _Nearest:
    """Compare features (n, c) and (m, c), the latter of a grid of `width`, some rows at once."""
    step = max(1, _BLOCK_DISTANCES // len(theirs))
    lengths = (theirs**2).sum(axis=1)
    back, least = np.zeros(len(theirs), np.intp), np.full(len(theirs), np.inf)
    parts: list[tuple[Indices, Float64, Float64]] = []
    for top in range(0, len(ours), step):
        block = ours[top : top + step]
        distance = (block**2).sum(axis=1)[:, None] + lengths - 2 * block @ theirs.T
        distance = np.maximum(distance, 0) / theirs.shape[1]
        nearest, lowest = distance.argmin(axis=1), distance.min(axis=0)
        is_nearer = lowest < least
        back[is_nearer] = top + distance.argmin(axis=0)[is_nearer]
        least = np.minimum(least, lowest)
        near = distance[np.arange(len(block)), nearest]
        parts.append((nearest, near, _second_distances(distance, nearest, width)))
    every, distances, seconds = zip(*parts, strict=True)
    return _Nearest(np.concatenate(every), np.concatenate(distances), np.concatenate(seconds), back)


def _second_distances(distance: Float64, nearest: Indices, width: int) -> Float64:
    """Of each row (n, m) the distance of the nearest cell that is no neighbour of the nearest (n,)."""
    rows, columns = np.divmod(np.arange(distance.shape[1]), width)
    own_rows, own_columns = np.divmod(nearest, width)
    far = (np.abs(rows - own_rows[:, None]) > _NEIGHBOURHOOD) | (
        np.abs(columns - own_columns[:, None]) > _NEIGHBOURHOOD
    )
    return np.asarray(np.where(far, distance, np.inf).min(axis=1))


def _apart(pairs: list[_Pair], shape: tuple[int, ...], other_shape: tuple[int, ...]) -> list[_Pair]:
    """The first pairs whose cells are no neighbours of one another: neighbours tell the same twice."""
    kept: list[_Pair] = []
    ours_taken, theirs_taken = np.zeros(shape[:2], bool), np.zeros(other_shape[:2], bool)
    for pair in pairs:
        ours, theirs = divmod(pair.ours, shape[1]), divmod(pair.theirs, other_shape[1])
        if not ours_taken[ours] and not theirs_taken[theirs]:
            kept.append(pair)
            for taken, (row, column), side in (
                (ours_taken, ours, _NEIGHBOURHOOD),
                (theirs_taken, theirs, _NEIGHBOURHOOD - 1),
            ):
                taken[max(row - side, 0) : row + side + 1, max(column - side, 0) : column + side + 1] = True
    return kept


def _cell_means(values: Float32, shape: tuple[int, ...]) -> Float32:
    """Means (h, w, c) of the cells of a grid over a picture."""
    from archivecolor.opencv import cv2

    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
