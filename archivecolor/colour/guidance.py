"""Colours that people wish for at places of a picture, spread to what is like those places.

A Gaussian process over the kernel of `kernel.py`, which says how alike places are by what the network
knows of them; the widest reach mixes two scales of place.

What is spread lies between two answers: the residuals (wished less automatic chroma), added to what is
there, and the wished chroma itself, in the place of what is there. A residual alone drives cells that were
nearly right past the mark; the wished chroma alone makes all that is alike one colour.

A small residual is an error that all that is somewhat alike may share. A large one is a matter of one thing:
cells that are alike get all of it, others none, or a red dress would make a whole picture reddish.

Everything is float64 and computed in one order, and what leaves is rounded, so that the same hints give the
same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.exemplar import Exemplar, with_colours_of
from archivecolor.colour.kernel import Anchor, Answer, Float64, Grid, standard_of
from archivecolor.colour.lab import cbcr_from_lab
from archivecolor.colour.oklab import ab_at_lightness
from archivecolor.errors import UsageError
from archivecolor.printable import quoted

MAX_HINTS = 200
STROKE_HINTS = 32
# How far what is spread lies from the residual toward the wished chroma itself.
_PULL = 0.5
# Two hints in one cell: their mean is met.
_JITTER = 1e-6
# Variance of what a soft hint says, in squares of the expected error.
_SOFT_VARIANCE = 0.3
# Residuals, in Lab units: up to the first they are spread as far as places are alike, from the second on to
# one thing.
_SMALL, _LARGE = 8.0, 24.0
# How alike a cell of that thing is: none of it up to the first, all of it from the second on.
_OTHER, _SAME = 0.15, 0.6
_LEAST_ALIKE = 0.02
_ROUNDING = 1024.0


class Reach(str, Enum):
    """How far a hint is carried."""

    ALL = "all"
    THING = "thing"
    HERE = "here"


# Shares of kernels by their scale of place, in short sides; the widest reach first.
_SCALES: dict[Reach, dict[float, float]] = {
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
        colour: sRGB codes, 0..255 each; its hue and chroma are wished for, its lightness is not.
        reach: how far it is carried: to everything alike, to this thing, or no further than here.
        page: of the file, from 1.
        soft: it is likely rather than known, as what a reference picture gives; it need not be met.

    Raises:
        UsageError: it is no place, no colour, no reach or no page.
    """

    x: float
    y: float
    colour: tuple[int, int, int]
    reach: Reach = Reach.ALL
    page: int = 1
    soft: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1):
            raise UsageError(
                f"the place of a hint is {self.x}, {self.y}; give fractions of the picture, 0 to 1"
            )
        if len(self.colour) != 3 or not all(0 <= code <= 255 for code in self.colour):
            raise UsageError(f"the colour of a hint is {self.colour}; give red, green and blue from 0 to 255")
        if not isinstance(self.reach, Reach):
            raise UsageError(
                f"the reach of a hint is {quoted(str(self.reach))}; give {' or '.join(map(str, Reach))}"
            )
        if self.page < 1:
            raise UsageError(f"the page of a hint is {self.page}; the first one is 1")


@dataclass(frozen=True)
class Guidance:
    """What was decided about the colour of one page.

    Attributes:
        hints: colours wished for at places.
        saturation: gain on the network's own chroma; None for that of the run.
        quality: "normal" or "high"; empty for that of the run.
        carried: hints that were given in other frames of a shot; none beside `hints`.
        exemplars: frames whose colours it takes where it has no hints.
    """

    hints: tuple[Hint, ...] = ()
    saturation: float | None = None
    quality: str = ""
    carried: CarriedHints | None = None
    exemplars: tuple[Exemplar, ...] = ()

    @property
    def needs_features(self) -> bool:
        """Whether what the network knows of each place is wanted too."""
        return bool(self.hints or self.exemplars) or self.carried is not None

    def laid_in(self, answer: Answer) -> Float32:
        """The answer's a*, b* with all that was decided laid in, float32 (h, w, 2)."""
        if self.carried is not None:
            return self.carried.hints.lay_in(answer, self.carried.places)
        return guide(answer, self.hints) if self.hints else with_colours_of(answer, self.exemplars)


NO_GUIDANCE = Guidance()


def chroma_of(answer: Answer, guidance: Guidance) -> Chroma:
    """The colour of an answer with all hints laid in."""
    ab = guidance.laid_in(answer)
    lab = np.concatenate((answer.lightness[..., None], ab), axis=2)
    return Chroma(cbcr_from_lab(lab), answer.certainty, round(float(answer.certainty.mean()), 4))


@dataclass(frozen=True)
class CarriedHints:
    """Hints of a shot in one of its frames.

    Attributes:
        hints: ready to be laid in.
        places: where they are in the frame, (k, 2): x and y, 0..1.
    """

    hints: FittedHints
    places: Float64


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
    if not hints:
        return answer.ab
    _, (ab,) = _fitted([answer], [hints], [places_of(hints)])
    return _rounded(ab)


def places_of(hints: Sequence[Hint]) -> Float64:
    """Where hints were given, (k, 2): x and y."""
    return np.array([(hint.x, hint.y) for hint in hints], np.float64).reshape(-1, 2)


@dataclass(frozen=True)
class _Stage:
    """Hints of one reach, and of wider ones, that are laid in together.

    Attributes:
        scales: of place, with the share of each.
        used: their numbers.
        weights: (k, 5), of each one's kernel: residual, automatic chroma, and one.
    """

    scales: dict[float, float]
    used: npt.NDArray[np.intp]
    weights: Float64


@dataclass(frozen=True)
class FittedHints:
    """Hints ready to be laid into the picture that they were given for, or into others of one shot.

    Attributes:
        anchors: what is known of each.
        standard: mean and spread of each feature, by which all pictures are standardised, (2, c).
        stages: how they are laid in, one after the other.
    """

    anchors: tuple[Anchor, ...]
    standard: Float64 | None
    stages: tuple[_Stage, ...]

    def lay_in(self, answer: Answer, places: Float64) -> Float32:
        """The answer's a*, b* with the hints laid in, float32 (h, w, 2).

        Args:
            answer: what the network said.
            places: of all hints in this picture, (k, 2): x and y, 0..1.
        """
        grid = Grid(answer, self.standard)
        ab = answer.ab.astype(np.float64)
        for stage in self.stages:
            kernels = [grid.kernel(self.anchors[index], places[index], stage.scales) for index in stage.used]
            ab = _laid_in(ab, kernels, stage)
        return _rounded(ab)


def fit(answers: Sequence[Answer], hints: Sequence[Sequence[Hint]], places: Sequence[Float64]) -> FittedHints:
    """Make hints ready.

    Args:
        answers: what the network said of each picture that got hints: one photograph, or frames of one shot.
        hints: of each picture; at most `MAX_HINTS` in all, and one at least.
        places: of all hints in each picture, (k, 2) in the order of the pictures.

    Raises:
        ValueError: there are more hints.
    """
    return _fitted(answers, hints, places)[0]


def _fitted(
    answers: Sequence[Answer], hints: Sequence[Sequence[Hint]], places: Sequence[Float64]
) -> tuple[FittedHints, list[Float64]]:
    """Hints ready, and a*, b* (h, w, 2) of each picture with them laid in; arguments as for `fit`."""
    given = [hint for of_picture in hints for hint in of_picture]
    if len(given) > MAX_HINTS:
        raise ValueError(f"{len(given)} hints; at most {MAX_HINTS} are spread over a picture")
    standard = standard_of(answers[0].features)
    grids = [Grid(answer, standard) for answer in answers]
    owners = [number for number, of_picture in enumerate(hints) for _ in of_picture]
    cells = [grids[owner].cell(places[owner][index]) for index, owner in enumerate(owners)]
    anchors = tuple(grids[owner].anchor(cell) for owner, cell in zip(owners, cells, strict=True))
    colours = np.array([hint.colour for hint in given], np.uint8)
    wished, _ = ab_at_lightness(colours, np.array([anchor.lightness * 100 for anchor in anchors]))
    variance = np.array([_SOFT_VARIANCE if hint.soft else _JITTER for hint in given])
    layers = [answer.ab.astype(np.float64) for answer in answers]
    stages: list[_Stage] = []
    for scales, used in _order_of(given):
        automatic = np.stack([layers[owner][cell] for owner, cell in zip(owners, cells, strict=True)])
        values = np.column_stack((wished - automatic, automatic, np.ones(len(given))))
        kernels = [
            [grid.kernel(anchors[index], places[number][index], scales) for index in used]
            for number, grid in enumerate(grids)
        ]
        matrix = np.array([[kernel[cells[row]] for kernel in kernels[owners[row]]] for row in used])
        matrix = (matrix + matrix.T) / 2 + np.diag(variance[used])
        stages.append(_Stage(scales, used, np.linalg.solve(matrix, values[used])))
        layers = [_laid_in(layer, own, stages[-1]) for layer, own in zip(layers, kernels, strict=True)]
    return FittedHints(anchors, standard, tuple(stages)), layers


def _order_of(hints: Sequence[Hint]) -> Iterator[tuple[dict[float, float], npt.NDArray[np.intp]]]:
    """Scales of place, and the numbers of the hints that are laid in with them, the widest reach first."""
    for reach, scales in _SCALES.items():
        if any(hint.reach is reach for hint in hints):
            narrower = list(_SCALES)[list(_SCALES).index(reach) + 1 :]
            yield scales, np.flatnonzero([hint.reach not in narrower for hint in hints])


def _laid_in(ab: Float64, kernels: Sequence[Float64], stage: _Stage) -> Float64:
    """Chroma (h, w, 2) with the hints of one stage, whose kernels (h, w) are given."""
    spread = np.zeros((*ab.shape[:2], stage.weights.shape[1]))
    for kernel, weight in zip(kernels, stage.weights, strict=True):
        spread += kernel[..., None] * weight
    alike = np.clip(spread[..., 4:], _LEAST_ALIKE, 1.0)
    residual = (spread[..., :2] + _PULL * (spread[..., 2:4] - ab * spread[..., 4:])) / alike
    laid: Float64 = ab + residual * _share(alike, np.hypot(residual[..., :1], residual[..., 1:]))
    return laid


def _share(alike: Float64, size: Float64) -> Float64:
    """How much of a residual of this size, Lab units, a cell gets that is so much alike; both (h, w, 1)."""
    inside, of_one_thing = _rising(alike, _OTHER, _SAME), _rising(size, _SMALL, _LARGE)
    share: Float64 = alike + (inside**2 * (3 - 2 * inside) - alike) * of_one_thing
    return share


def _rising(values: Float64, start: float, end: float) -> Float64:
    """0 up to `start`, 1 from `end` on, even between them."""
    risen: Float64 = np.clip((values - start) / (end - start), 0.0, 1.0)
    return risen


def _rounded(ab: Float64) -> Float32:
    return np.asarray(np.round(ab * _ROUNDING) / _ROUNDING, np.float32)
