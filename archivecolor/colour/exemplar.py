"""The colours of one frame for others of the same set-up: each cell takes those of the cell most like it.

Cells are compared by the features of the network. Features are rounded to whole numbers that are small enough
for sums of their products to be exact in float32, so what is most alike does not depend on how many threads
multiply, or in which order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.colour.kernel import Answer, Float64, standard_of

# Steps of a spread that features are told apart by, and how many of them at most: 144 products of two such
# numbers stay below 2 ** 24.
_STEPS, _MOST_STEPS = 16.0, 127
# Mean squared distance of standardised features at which a cell takes about a third of the other's colour.
# Measured: frames of one set-up have 0.1 to 0.3 in the median, of two that look alike 0.6 and more.
_LIKENESS, _FALL = 0.7, 4
# What stays where it is takes its own colours: a cell so many cells away is the like of another only where
# its features are nearer by so much, and those further away no more than that.
_AWAY, _AWAY_DISTANCE = 3.0, 0.2
# Cells are one and the same where they are nearer than this, each the nearest of the other, and where one map
# of places explains them, give or take so many cells.
_MAX_DISTANCE, _AGREEMENT = 0.4, 2.0
# So many of all cells have to be, for two frames to show one set-up.
_LEAST_SHARE = 0.12
_ROUNDING = 1024.0
# Each cell is compared with each: of a larger grid so many are, which a film has at most at the usual size.
_MOST_CELLS = 4096


@dataclass(frozen=True)
class Exemplar:
    """A frame whose colours others take.

    Attributes:
        features: float32 (n, c), of its cells, standardised, in whole steps.
        standard: float64 (2, c), mean and spread of each feature.
        ab: float32 (n, 2), CIE a*, b* of its cells.
        width: cells across.
    """

    features: Float32
    standard: Float64
    ab: Float32
    width: int


@dataclass(frozen=True)
class _Match:
    """The cells of an exemplar that are most like those of a frame, (n,).

    Attributes:
        nearest: their numbers.
        distance: float32, mean squared, of standardised features.
    """

    nearest: npt.NDArray[np.intp]
    distance: Float32


def exemplar_of(answer: Answer, ab: Float32) -> Exemplar | None:
    """A frame as an exemplar; None where the network has no features.

    Args:
        answer: what the network says of it.
        ab: float32 (h, w, 2), its CIE a*, b*, on the grid of the answer.
    """
    features = _features_of(answer)
    standard = standard_of(features)
    if features is None or standard is None:
        return None
    height, width = features.shape[:2]
    cells = _cell_means(ab, (height, width)).reshape(-1, 2)
    return Exemplar(_in_steps(features, standard), standard, cells, width)


def shows_set_up(answer: Answer, exemplar: Exemplar) -> bool:
    """Whether a frame shows the set-up that an exemplar does: its things, where that has them."""
    features = _features_of(answer)
    if features is None:
        return False
    alike = _Likeness(features, exemplar)
    match = alike.match()
    ours = np.flatnonzero(alike.is_mutual(match) & (match.distance < _MAX_DISTANCE))
    least = _LEAST_SHARE * len(match.nearest)
    if len(ours) < least:
        return False
    return _agreeing(ours, match.nearest[ours], features.shape[1], exemplar.width) >= least


def with_colours_of(answer: Answer, exemplars: Sequence[Exemplar]) -> Float32:
    """A frame's a*, b* with those of exemplars in the place of its own, as far as cells are alike.

    Args:
        answer: what the network says of the frame.
        exemplars: whose colours it takes; each cell those of the one that has its like.

    Returns:
        float32 (h, w, 2); what the answer has where the network has no features, or there is no exemplar.
    """
    from archivecolor.opencv import cv2

    features = _features_of(answer)
    if features is None or not exemplars:
        return answer.ab
    shape = features.shape[:2]
    matches = [_Likeness(features, exemplar).match_in_place() for exemplar in exemplars]
    distance = np.stack([match.distance for match in matches])
    wished = np.stack([one.ab[match.nearest] for one, match in zip(exemplars, matches, strict=True)])
    best = distance.argmin(axis=0), np.arange(distance.shape[1])
    share = np.exp(-((distance[best] / _LIKENESS) ** _FALL))[:, None]
    change = (share * (wished[best] - _cell_means(answer.ab, shape).reshape(-1, 2))).reshape(*shape, 2)
    size = (answer.ab.shape[1], answer.ab.shape[0])
    spread = cv2.resize(change.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.round((answer.ab + spread) * _ROUNDING) / _ROUNDING, np.float32)


def _features_of(answer: Answer) -> Float32 | None:
    """What the network knows of each cell, (h, w, c), of no more cells than can be compared."""
    if answer.features is None:
        return None
    height, width = answer.features.shape[:2]
    scale = (_MOST_CELLS / (height * width)) ** 0.5
    if scale >= 1.0:
        return answer.features
    return _cell_means(answer.features, (int(height * scale), int(width * scale)))


def _in_steps(features: Float32, standard: Float64) -> Float32:
    """Features (h, w, c), standardised, in whole steps, (h * w, c)."""
    steps = np.round((features.astype(np.float64) - standard[0]) / standard[1] * _STEPS)
    limited = np.clip(steps, -_MOST_STEPS, _MOST_STEPS)
    return np.asarray(limited.reshape(-1, features.shape[2]), np.float32)


class _Likeness:
    """How alike each cell of a frame is to each of an exemplar: the less their features are apart.

    Args:
        features: of the frame, (h, w, c).
        exemplar: the other one.
    """

    def __init__(self, features: Float32, exemplar: Exemplar) -> None:
        ours, theirs = _in_steps(features, exemplar.standard), exemplar.features
        self._lengths, their_lengths = (np.einsum("ij,ij->i", cells, cells) for cells in (ours, theirs))
        self._unit = int(_STEPS) ** 2 * ours.shape[1]
        self._shapes = features.shape[:2], exemplar.width, len(theirs)
        # Twice a product less a length is exact: all are whole numbers.
        self._alike = ours @ theirs.T
        self._alike *= 2
        self._alike -= their_lengths

    def match(self) -> _Match:
        """The nearest cells, wherever they are."""
        return self._of(self._alike.argmax(axis=1))

    def match_in_place(self) -> _Match:
        """The nearest cells, those preferred that stay where they are."""
        return self._of((self._alike - _away(*self._shapes, self._unit)).argmax(axis=1))

    def is_mutual(self, match: _Match) -> npt.NDArray[np.bool_]:
        """Whether each cell of the frame is itself the most like its match, bool (n,)."""
        back = (self._alike - self._lengths[:, None]).argmax(axis=0)
        return np.asarray(back[match.nearest] == np.arange(len(match.nearest)), np.bool_)

    def _of(self, nearest: npt.NDArray[np.intp]) -> _Match:
        distance = self._lengths - self._alike[np.arange(len(nearest)), nearest]
        return _Match(nearest, np.asarray(distance / np.float32(self._unit), np.float32))


@lru_cache(maxsize=4)
def _away(shape: tuple[int, int], their_width: int, their_count: int, unit: int) -> Float32:
    """How much nearer the features of cells have to be for lying elsewhere, of all pairs of cells (n, m).

    In whole steps, of which `unit` are a mean squared distance of 1.
    """
    places = [
        np.stack(np.divmod(np.arange(rows * columns), columns), axis=1) * (np.array(shape) / (rows, columns))
        for rows, columns in (shape, (their_count // their_width, their_width))
    ]
    squares = ((places[0][:, None] - places[1]) ** 2).sum(axis=2) / _AWAY**2
    distances = np.asarray(_AWAY_DISTANCE * np.minimum(squares, 1.0), np.float32)
    return np.asarray(np.round(distances * np.float32(unit)), np.float32)


def _agreeing(ours: npt.NDArray[np.intp], theirs: npt.NDArray[np.intp], width: int, their_width: int) -> int:
    """How many pairs of cells, by their numbers on grids of these widths, one map of places explains."""
    from archivecolor.opencv import cv2

    here, there = (
        np.stack((cells % columns, cells // columns), axis=1).astype(np.float32)
        for cells, columns in ((ours, width), (theirs, their_width))
    )
    _, agree = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=_AGREEMENT)
    return 0 if agree is None else int(np.sum(agree))


def _cell_means(values: Float32, shape: tuple[int, ...]) -> Float32:
    """Means (h, w, c) of the cells of a grid over a frame."""
    from archivecolor.opencv import cv2

    # By channel: OpenCV takes but a few at once.
    planes = [
        cv2.resize(channel, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
        for channel in np.ascontiguousarray(values.transpose(2, 0, 1))
    ]
    return np.asarray(np.stack(planes, axis=2), np.float32)
