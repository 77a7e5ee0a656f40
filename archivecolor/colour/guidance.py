"""Colours that people wish for at places of a picture, spread to what is like those places.

A Gaussian process on what the network knows of each place. Two cells of its grid are as alike as

    s(x) s(y) exp(-|f(x) - f(y)|^2 / (2 C F^2) - |p(x) - p(y)|^2 / (2 P^2) - (L(x) - L(y))^2 / (2 D^2))

with f the C standardised channels of the decoder, p the place in short sides, L the lightness in hundredths
and s the error that the network itself expects, tempered; the widest reach mixes two scales P. Beside
this stands a narrow kernel of place alone, which meets a hint in its own cell whatever the others say.

What is spread lies between two answers: the residuals (wished less automatic chroma), added to what is
there, and the wished chroma itself, in the place of what is there. A residual alone drives cells that were
nearly right past the mark; the wished chroma alone makes all that is alike one colour.

Everything is float64 and computed in one order, and what leaves is rounded, so that the same hints give the
same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.colour.lab import lab_from_rgb
from archivecolor.errors import UsageError

Float64 = npt.NDArray[np.float64]

MAX_HINTS = 200
STROKE_HINTS = 32
FEATURE_SCALE = 1.05
LIGHTNESS_SCALE = 0.4
# How far what is spread lies from the residual toward the wished chroma itself.
PULL = 0.5
# What of a residual is a matter of its own cell alone, as a share of what is shared with cells alike.
OWN_SHARE = 0.3**2
OWN_SCALE = 0.02
# Expected error of a certainty is -12 ln of it, at least 1: measured.
ERROR_PER_LOG = 12.0
ERROR_POWER = 0.7
# Two hints in one cell: their mean is met.
JITTER = 1e-6
ROUNDING = 1024.0


class Reach(str, Enum):
    """How far a hint is carried."""

    ALL = "all"
    THING = "thing"
    HERE = "here"


# Shares of kernels by their scale of place, in short sides; the widest reach first.
SCALES: dict[Reach, dict[float, float]] = {
    Reach.ALL: {3.0: 0.5, 0.35: 0.5},
    Reach.THING: {0.35: 1.0},
    Reach.HERE: {0.08: 1.0},
}


@dataclass(frozen=True)
class Hint:
    """A colour wished for at a place.

    Attributes:
        x: 0..1, from the left of the upright picture.
        y: 0..1, from its top.
        colour: sRGB codes, 0..255 each; its chroma is wished for, its lightness is not.
        reach: how far it is carried: to everything alike, to this thing, or no further than here.
        page: of the file, from 1.

    Raises:
        UsageError: it is no place, no colour, no reach or no page.
    """

    x: float
    y: float
    colour: tuple[int, int, int]
    reach: Reach = Reach.ALL
    page: int = 1

    def __post_init__(self) -> None:
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1):
            raise UsageError(
                f"the place of a hint is {self.x}, {self.y}; give fractions of the picture, 0 to 1"
            )
        if len(self.colour) != 3 or not all(0 <= code <= 255 for code in self.colour):
            raise UsageError(f"the colour of a hint is {self.colour}; give red, green and blue from 0 to 255")
        if not isinstance(self.reach, Reach):
            raise UsageError(f"the reach of a hint is {self.reach!r}; give {' or '.join(map(str, Reach))}")
        if self.page < 1:
            raise UsageError(f"the page of a hint is {self.page}; the first one is 1")

    @property
    def ab(self) -> Float64:
        """CIE a*, b* (2,) of the colour."""
        return np.asarray(lab_from_rgb(np.array(self.colour, np.uint8))[1:], np.float64)


@dataclass(frozen=True)
class Guidance:
    """What was decided about the colour of one page.

    Attributes:
        hints: colours wished for at places.
        saturation: gain on the network's own chroma; None for that of the run.
        quality: "normal" or "high"; empty for that of the run.
    """

    hints: tuple[Hint, ...] = ()
    saturation: float | None = None
    quality: str = ""


NO_GUIDANCE = Guidance()


@dataclass(frozen=True)
class Answer:
    """What a network said of a picture, on one grid that covers all of it.

    Attributes:
        ab: float32 (h, w, 2), CIE a*, b*.
        certainty: float32 (h, w), 0..1.
        lightness: float32 (h, w), L* of each cell.
        features: float32 (fh, fw, c), on a grid of their own that covers the picture too; None where the
            network has none, and places are alike by lightness alone.
    """

    ab: Float32
    certainty: Float32
    lightness: Float32
    features: Float32 | None


def stroke(
    points: Sequence[tuple[float, float]],
    colour: tuple[int, int, int],
    reach: Reach = Reach.ALL,
    page: int = 1,
) -> tuple[Hint, ...]:
    """A stroke as hints, evenly along it, at most `STROKE_HINTS`.

    Args:
        points: the corners of the stroke, x and y as those of a hint; at least one.
        colour: as of a hint.
        reach: as of a hint.
        page: as of a hint.
    """
    corners = np.asarray(points, np.float64)
    lengths = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))))
    # One for every hundredth of a side.
    count = int(min(STROKE_HINTS, 1 + np.ceil(lengths[-1] * 100)))
    along = np.linspace(0.0, lengths[-1], count)
    places = (np.interp(along, lengths, corners[:, axis]) for axis in range(2))
    return tuple(Hint(float(x), float(y), colour, reach, page) for x, y in zip(*places, strict=True))


def guide(answer: Answer, hints: Sequence[Hint]) -> Float32:
    """The answer's a*, b* with hints laid in.

    Wide hints are laid in first; those that reach less far then hold among them, and what a wide hint says
    of its own cell holds to the end.

    Args:
        answer: what the network said.
        hints: at most `MAX_HINTS`, all of this page.

    Returns:
        float32 (h, w, 2).

    Raises:
        ValueError: there are more hints.
    """
    if len(hints) > MAX_HINTS:
        raise ValueError(f"{len(hints)} hints; at most {MAX_HINTS} are spread over a picture")
    if not hints:
        return answer.ab
    likeness = _Likeness(answer, hints)
    wished = np.stack([hint.ab for hint in hints])
    ab = answer.ab.astype(np.float64)
    for reach, scales in SCALES.items():
        if not any(hint.reach is reach for hint in hints):
            continue
        narrower = list(SCALES)[list(SCALES).index(reach) + 1 :]
        used = np.array([hint.reach not in narrower for hint in hints])
        automatic = ab[likeness.rows, likeness.columns]
        spread = likeness.spread(
            np.column_stack((wished - automatic, automatic, np.ones(len(hints)))), used, scales
        )
        ab += spread[..., :2] + PULL * (spread[..., 2:4] - ab * spread[..., 4:])
    return np.asarray(np.round(ab * ROUNDING) / ROUNDING, np.float32)


class _Likeness:
    """How alike the cells of a grid are to those of hints."""

    def __init__(self, answer: Answer, hints: Sequence[Hint]) -> None:
        height, width = answer.certainty.shape
        self._short = min(height, width)
        self.rows = np.array([_cell(hint.y, height) for hint in hints])
        self.columns = np.array([_cell(hint.x, width) for hint in hints])
        self._lightness = answer.lightness.astype(np.float64) / 100
        self._error = _expected_error(answer.certainty)
        self._feature_distance = _feature_distances(
            answer.features, self._error.shape, self.rows, self.columns
        )

    def spread(self, values: Float64, used: npt.NDArray[np.bool_], scales: dict[float, float]) -> Float64:
        """Values (k, n) at the hints, those that are used carried over the grid: (h, w, n)."""
        indices = np.flatnonzero(used)
        columns = [self._kernel(index, scales) for index in indices]
        at = self.rows[indices], self.columns[indices]
        matrix = np.stack([column[at] for column in columns], axis=1)
        matrix = (matrix + matrix.T) / 2 + JITTER * np.eye(len(indices))
        weights = np.linalg.solve(matrix, values[used])
        total = np.zeros((*self._error.shape, values.shape[1]))
        for column, weight in zip(columns, weights, strict=True):
            total += column[..., None] * weight
        return total

    def _kernel(self, index: np.intp, scales: dict[float, float]) -> Float64:
        """Of one hint with every cell, (h, w)."""
        row, column = self.rows[index], self.columns[index]
        height, width = self._error.shape
        place = (
            (np.arange(height)[:, None] - row) ** 2 + (np.arange(width)[None, :] - column) ** 2
        ) / self._short**2
        lightness = (self._lightness - self._lightness[row, column]) ** 2
        features = self._feature_distance[index] / (2 * FEATURE_SCALE**2)
        things = np.exp(-features - lightness / (2 * LIGHTNESS_SCALE**2))
        near = sum(share * np.exp(-place / (2 * scale**2)) for scale, share in scales.items())
        alike = things * near + OWN_SHARE * np.exp(-place / (2 * OWN_SCALE**2))
        kernel: Float64 = self._error * self._error[row, column] * alike
        return kernel


def _cell(place: float, count: int) -> int:
    return min(max(int(place * count), 0), count - 1)


def _expected_error(certainty: Float32) -> Float64:
    """By the network's own certainty, (h, w), about 1."""
    error = np.maximum(-ERROR_PER_LOG * np.log(np.clip(certainty.astype(np.float64), 1e-6, 1.0)), 1.0)
    scaled: Float64 = (error / error.mean()) ** ERROR_POWER
    return scaled


def _feature_distances(
    features: Float32 | None,
    shape: tuple[int, ...],
    rows: npt.NDArray[np.int_],
    columns: npt.NDArray[np.int_],
) -> Float64:
    """Mean squared distance of standardised features between hints and cells, (k, h, w)."""
    if features is None:
        return np.zeros((len(rows), *shape))
    values = features.astype(np.float64)
    spread = values.std(axis=(0, 1))
    values = (values - values.mean(axis=(0, 1))) / np.where(spread > 0, spread, 1.0)
    fine = _bilinear(values, shape)
    channels = values.shape[2]
    length = (fine**2).sum(axis=2)
    distances = np.empty((len(rows), *shape))
    for index, (row, column) in enumerate(zip(rows, columns, strict=True)):
        # Interpolation is linear: of the product on the coarse grid it is the product on the fine one.
        product = _bilinear((values * fine[row, column]).sum(axis=2)[..., None], shape)[..., 0]
        distances[index] = np.maximum(length + length[row, column] - 2 * product, 0.0) / channels
    return distances


def _bilinear(grid: Float64, shape: tuple[int, ...]) -> Float64:
    """A grid (h, w, c) at the cells of another one, border cells repeated."""
    for axis in range(2):
        count = grid.shape[axis]
        place = np.clip((np.arange(shape[axis]) + 0.5) * (count / shape[axis]) - 0.5, 0, count - 1)
        low = np.floor(place).astype(np.intp)
        share = (place - low).reshape([-1 if axis == other else 1 for other in range(3)])
        high = np.minimum(low + 1, count - 1)
        grid = np.take(grid, low, axis) * (1 - share) + np.take(grid, high, axis) * share
    return grid
