"""Learns how wrong a network is from what it knows: makes the file that `inference.doubt` reads.

    python -m archivecolor.evaluation.fit_doubt VALIDATION.tar TRAINING.tar ...

Both lines are fitted on the training collections; the validation set says alone which doubt a foretold error
is. Collections that the network has not seen in its own training are best: what it knows by heart it gets
right.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.colour.guidance import NO_GUIDANCE, chroma_of
from archivecolor.colour.kernel import Answer
from archivecolor.datasets.collection import Member, list_members
from archivecolor.errors import ItemError
from archivecolor.inference.doubt import DoubtModel, Float64, statistics, write_doubt_model
from archivecolor.inference.predictor import Predictor, open_predictor
from archivecolor.networks.builtin import doubt_path
from archivecolor.scoring.photo_score import ReferencePhoto, answered_ab, is_skin, read_reference, score_photo
from archivecolor.settings import InferenceOptions

_ERROR_RIDGE = 100.0  # in hundredths of a standardised figure's own variance
_SKIN_RIDGE = 1.0
_STEPS = 12  # of Newton's method: more change nothing
_CELLS = 64  # looked at of each photograph, for skin
_RUNGS = 101
_AT_ONCE = 32


@dataclass(frozen=True)
class Example:
    """What is learned from one photograph.

    Attributes:
        figures: (k,), as `statistics` has them.
        error: mean CIEDE2000 of the answer.
        places: float32 (n, c), the features of some places.
        skin: float32 (n,), how much of each is skin-like in truth.
    """

    figures: Float64
    error: float
    places: Float32
    skin: Float32


def examples(predictor: Predictor, members: Iterable[Member]) -> Iterator[Example]:
    """What photographs teach; what is no photograph is passed over."""
    random = np.random.default_rng(0)
    truths = _readable(members, predictor.working_size)
    while batch := list(islice(truths, _AT_ONCE)):
        answers = predictor.answers([truth.luma for truth in batch])
        for truth, answer in zip(batch, answers, strict=True):
            if answer.features is not None:
                yield _example(truth, answer, answer.features, random)


def _readable(members: Iterable[Member], working_size: int) -> Iterator[ReferencePhoto]:
    for member in members:
        try:
            yield read_reference(member, working_size)
        except ItemError:
            continue


def _example(
    truth: ReferencePhoto, answer: Answer, features: Float32, random: np.random.Generator
) -> Example:
    from archivecolor.opencv import cv2

    height, width, channels = features.shape
    skin = is_skin(truth.lab).astype(np.float32)
    small = cv2.resize(skin, (width, height), interpolation=cv2.INTER_AREA)
    shares = np.asarray(small, np.float32).reshape(-1)
    places = random.integers(0, height * width, _CELLS)
    error = score_photo(truth, answered_ab(truth, chroma_of(answer, NO_GUIDANCE))).score.ciede2000
    taken = features.reshape(-1, channels)[places]
    return Example(statistics(answer, features), error, taken, shares[places])


def fit_doubt(training: Sequence[Example], validation: Sequence[Example]) -> DoubtModel:
    """The model of `training`, its ladder that of `validation`."""
    errors = np.log([one.error for one in training])
    weights, bias = fit_line(np.stack([one.figures for one in training]), errors)
    places = np.concatenate([one.places for one in training])
    skin = np.concatenate([one.skin for one in training])
    foretold = np.stack([one.figures for one in validation]) @ weights + bias
    ladder = np.quantile(foretold, np.linspace(0.0, 1.0, _RUNGS))
    return DoubtModel(weights, bias, ladder, *fit_likelihood(places, skin))


def fit_line(figures: Float64, wanted: Float64) -> tuple[Float64, float]:
    """Ridge regression of `wanted` (n,) on `figures` (n, k): weights (k,) and bias."""
    mean, spread = figures.mean(axis=0), figures.std(axis=0) + 1e-6
    standard = (figures - mean) / spread
    penalty = _ERROR_RIDGE / 100.0 * len(wanted) * np.eye(figures.shape[1])
    offsets = standard.T @ (wanted - wanted.mean())
    weights = np.linalg.solve(standard.T @ standard + penalty, offsets) / spread
    return weights, float(wanted.mean() - mean @ weights)


def fit_likelihood(
    places: Float32 | Float64,
    shares: Float32,
    ridge: float = _SKIN_RIDGE,
    counts: Float64 | None = None,
) -> tuple[Float64, float]:
    """Logistic regression of `shares` (n,), 0..1, on `places` (n, c), by Newton's method: weights, bias.

    `counts` (n,) is how much each place counts, 1 without it.
    """
    known = np.column_stack([places, np.ones(len(places))]).astype(np.float64)
    weights = np.zeros(known.shape[1])
    penalty = ridge * np.eye(len(weights))
    much = np.ones(len(places)) if counts is None else counts
    for _step in range(_STEPS):
        likely = 1.0 / (1.0 + np.exp(-known @ weights))
        slope = known.T @ (much * (likely - shares)) + penalty @ weights
        bend = (known * (much * likely * (1.0 - likely))[:, None]).T @ known + penalty
        weights -= np.linalg.solve(bend, slope)
    return weights[:-1], float(weights[-1])


def main(validation: Path, training: Sequence[Path]) -> None:
    """Fit the built-in weights' model and write it into the package."""
    predictor = open_predictor(None, InferenceOptions())
    sets = [list(examples(predictor, list_members(paths).members)) for paths in (training, [validation])]
    write_doubt_model(fit_doubt(*sets), predictor.digest, doubt_path())


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(word) for word in sys.argv[2:]])
