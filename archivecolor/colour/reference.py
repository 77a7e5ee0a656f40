"""The colours of another picture as soft hints: what is alike in both, by the features of the network.

A cell of one picture is paired with the cell of the other whose features are nearest, where that holds both
ways, where nothing else comes close, and where they are near at all. Few such pairs are chance, and so are
those that lie about: where too few agree on how one picture lies in the other, all count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.colour.guidance import STROKE_HINTS, Hint
from archivecolor.colour.kernel import Answer
from archivecolor.colour.lab import rgb_from_lab

# Measured: of 150 pairs of photographs that have nothing in common 16 have so many pairs of cells, and none
# has so many that agree; of 62 photographs and mirrored crops of them 60 have both.
_MAX_RATIO = 0.75
_MAX_DISTANCE = 0.4
_LEAST_PAIRS = 13
# Cells that a pair may lie off the map of the others.
_AGREEMENT = 3.0
# Of many pairs some agree by chance.
_LEAST_SHARE = 0.4
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
    pairs = _pairs(answer.features, reference.answer.features)
    if _agreeing(pairs, shape[1], other_shape[1]) < max(_LEAST_PAIRS, _LEAST_SHARE * len(pairs)):
        return ()
    lab = _cell_means(reference.lab, other_shape)
    hints = []
    for index, other in _apart(pairs, shape):
        row, column = divmod(index, shape[1])
        red, green, blue = np.round(np.clip(rgb_from_lab(lab[divmod(other, other_shape[1])]), 0, 1) * 255)
        place = round((column + 0.5) / shape[1], 6), round((row + 0.5) / shape[0], 6)
        hints.append(Hint(*place, (int(red), int(green), int(blue)), page=page, soft=True))
    return tuple(hints)


def _pairs(features: Float32, others: Float32) -> list[tuple[int, int]]:
    """Cells of two pictures that are alike, by their numbers, the surest first."""
    channels = features.shape[2]
    ours, theirs = features.reshape(-1, channels), others.reshape(-1, channels)
    both = np.concatenate((ours, theirs)).astype(np.float64)
    spread = both.std(axis=0)
    both = (both - both.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    found = _nearest(both[: len(ours)], both[len(ours) :], others.shape[1])
    mutual = np.flatnonzero(found.back[found.nearest] == np.arange(len(ours)))
    nearest, near = found.nearest[mutual], found.distance[mutual]
    ratio = near / np.maximum(found.second[mutual], 1e-12)
    sure = np.flatnonzero((ratio < _MAX_RATIO) & (near < _MAX_DISTANCE))
    order = sure[np.argsort(ratio[sure], kind="stable")]
    return [(int(mutual[place]), int(nearest[place])) for place in order]


def _agreeing(pairs: list[tuple[int, int]], width: int, other_width: int) -> int:
    """How many pairs of cells, of grids of these widths, one affine map explains: mirrored and turned too."""
    from archivecolor.opencv import cv2

    if len(pairs) < _LEAST_PAIRS:
        return 0
    cells = np.array(pairs)
    ours, theirs = (
        np.stack((cells[:, side] % columns, cells[:, side] // columns), axis=1).astype(np.float32)
        for side, columns in enumerate((width, other_width))
    )
    _, agree = cv2.estimateAffine2D(ours, theirs, method=cv2.RANSAC, ransacReprojThreshold=_AGREEMENT)
    return int(np.sum(agree)) if agree is not None else 0


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


def _apart(pairs: list[tuple[int, int]], shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """The first pairs whose cells in our picture are no neighbours of one another."""
    taken: list[tuple[int, int]] = []
    for index, other in pairs:
        row, column = divmod(index, shape[1])
        if all(max(abs(row - r), abs(column - c)) > _NEIGHBOURHOOD for r, c in taken):
            taken.append((row, column))
            yield index, other
        if len(taken) == STROKE_HINTS:
            return


def _cell_means(values: Float32, shape: tuple[int, ...]) -> Float32:
    """Means (h, w, c) of the cells of a grid over a picture."""
    from archivecolor.opencv import cv2

    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
