"""How alike places of pictures are, by what the network knows of them: the kernel that hints are spread by.

Two cells of a grid are as alike as

    s(x) s(y) exp(-|f(x) - f(y)|^2 / (2 C F^2) - |p(x) - p(y)|^2 / (2 P^2) - (L(x) - L(y))^2 / (2 D^2))

with f the C standardised channels of the decoder, p the place in short sides, L the lightness in hundredths
and s the error that the network itself expects, tempered; a reach may mix several scales P. Beside this
stands a narrow kernel of place alone, which meets a hint in its own cell whatever the others say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32

Float64 = npt.NDArray[np.float64]

_FEATURE_SCALE = 1.05
_LIGHTNESS_SCALE = 0.4
# What of a residual is a matter of its own cell alone, as a share of what is shared with cells alike.
_OWN_SHARE = 0.3**2
_OWN_SCALE = 0.02
# Expected error of a certainty is -12 ln of it, at least 1: measured.
_ERROR_PER_LOG = 12.0
_ERROR_POWER = 0.7


@dataclass(frozen=True)
class Likelihood:
    """How likely each of a network's own colours is at each place of a picture.

    Attributes:
        colours: float32 (b, 2), CIE a*, b*.
        shares: float32 (..., h, w, b), 0..1; those of a place are 1 together.
    """

    colours: Float32
    shares: Float32


@dataclass(frozen=True)
class Answer:
    """What a network said of a picture, on one grid that covers all of it.

    Attributes:
        ab: float32 (h, w, 2), CIE a*, b*.
        certainty: float32 (h, w), 0..1.
        lightness: float32 (h, w), L* of each cell.
        features: float32 (fh, fw, c), on a grid of their own that covers the picture too; None where the
            network has none, and places are alike by lightness alone.
        likelihood: of other colours too; None where it was not asked for or the network cannot tell.
        disagreement: float32 (h, w), how far another, coarser view is from `ab`, Lab units, 0 where none was
            taken; None where it was not asked for.
    """

    ab: Float32
    certainty: Float32
    lightness: Float32
    features: Float32 | None
    likelihood: Likelihood | None = None
    disagreement: Float32 | None = None


@dataclass(frozen=True)
class Anchor:
    """A hint, and what the network knows of its cell.

    Attributes:
        features: standardised, (c,); None where the network has none.
        length: squared, of the features.
        lightness: L* of the cell in hundredths.
        error: expected there, about 1.
    """

    features: Float64 | None
    length: float
    lightness: float
    error: float


class Grid:
    """The cells of an answer: how alike they are to those of hints.

    Args:
        answer: what the network said.
        standard: see `FittedHints`.
    """

    def __init__(self, answer: Answer, standard: Float64 | None) -> None:
        self._shape = answer.certainty.shape
        self._lightness = answer.lightness.astype(np.float64) / 100
        self._error = _expected_error(answer.certainty)
        self._coarse = self._fine = None
        self._length = np.zeros(self._shape)
        if answer.features is not None and standard is not None:
            self._coarse = (answer.features.astype(np.float64) - standard[0]) / standard[1]
            self._fine = _bilinear(self._coarse, self._shape)
            self._length = (self._fine**2).sum(axis=2)

    def cell(self, place: Float64) -> tuple[int, int]:
        """Row and column of a place (2,): x and y."""
        height, width = self._shape
        return _cell(place[1], height), _cell(place[0], width)

    def anchor(self, cell: tuple[int, int]) -> Anchor:
        """What is known of a cell."""
        features = None if self._fine is None else self._fine[cell].copy()
        values = (float(values[cell]) for values in (self._length, self._lightness, self._error))
        return Anchor(features, *values)

    def kernel(self, anchor: Anchor, place: Float64, scales: dict[float, float]) -> Float64:
        """Of one hint, which is at a place (2,), with every cell, (h, w)."""
        row, column = self.cell(place)
        height, width = self._shape
        distance = (
            (np.arange(height)[:, None] - row) ** 2 + (np.arange(width)[None, :] - column) ** 2
        ) / min(height, width) ** 2
        lightness = (self._lightness - anchor.lightness) ** 2
        features = self._feature_distance(anchor) / (2 * _FEATURE_SCALE**2)
        things = np.exp(-features - lightness / (2 * _LIGHTNESS_SCALE**2))
        near = sum(share * np.exp(-distance / (2 * scale**2)) for scale, share in scales.items())
        alike = things * near + _OWN_SHARE * np.exp(-distance / (2 * _OWN_SCALE**2))
        kernel: Float64 = self._error * anchor.error * alike
        return kernel

    def _feature_distance(self, anchor: Anchor) -> Float64:
        """Mean squared distance of standardised features between a hint and every cell, (h, w)."""
        if self._coarse is None or anchor.features is None:
            return np.zeros(self._shape)
        # Interpolation is linear: of the product on the coarse grid it is the product on the fine one.
        product = _bilinear((self._coarse * anchor.features).sum(axis=2)[..., None], self._shape)[..., 0]
        distance = np.maximum(self._length + anchor.length - 2 * product, 0.0)
        return np.asarray(distance / len(anchor.features))


def _cell(place: float, count: int) -> int:
    return min(max(int(place * count), 0), count - 1)


def _expected_error(certainty: Float32) -> Float64:
    """By the network's own certainty, (h, w), about 1."""
    error = np.maximum(-_ERROR_PER_LOG * np.log(np.clip(certainty.astype(np.float64), 1e-6, 1.0)), 1.0)
    scaled: Float64 = (error / error.mean()) ** _ERROR_POWER
    return scaled


def standard_of(features: Float32 | None) -> Float64 | None:
    """Mean and spread of each feature of a picture, (2, c)."""
    if features is None:
        return None
    values = features.astype(np.float64)
    spread = values.std(axis=(0, 1))
    return np.stack((values.mean(axis=(0, 1)), np.where(spread > 0, spread, 1.0)))


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
