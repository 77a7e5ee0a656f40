"""Whether a picture's chroma is what a network says of its grey.

Luma is kept by every colouring of ours, so the network can be asked again what colour it would have given.
A gain, such as that of saturation, is fitted. Agreement is looked at at several scales, since true colours
agree with a good network in what is large (sky, lawn, skin) and less in what is small; and across the main
direction of the colours, since whatever is warm and cold in a picture is soon guessed and the rest is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32

# Luma closer to black or white than this has little room for chroma, which the gamut shortened.
_DARKEST = 0.1
# What a cell has that is wholly clipped, so that a picture that is clipped throughout has some.
_LEAST_ROOM = np.float32(1e-3)
# The scales, in cells of the grid: differences of blurs with these widths.
WIDTHS = (1.0, 2.0, 4.0, 8.0)
TINY = 1e-12
# Chroma that is nothing, in fractions of full scale, so that logarithms stay finite.
FAINTEST = 1e-5
# Root mean square of chroma, in fractions of full scale, under which a picture is as good as grey.
GREY = 0.004
# Correlations beyond this are noise of the measurement.
_CLOSEST = 0.995
# Certainty is e to the minus distance at which true colour is expected, in twelves of CIEDE2000; about as
# much in chroma is this. One code of 255 is added to distances, since so much is the noise of saving.
_DISTANCE_SCALE = 0.03
_SUREST, _LEAST_SURE = 0.999, 0.02
_ONE_CODE = 0.004
# The places that are looked at for distances: the nearest quarter and the nearest half reach so far.
_NEAREST = (0.25, 0.5)

# Logistic regression over `_features_of`: photographs that were coloured by the built-in weights and then
# halved, cut, or changed in contrast, against the same in true colours and in those of other weights. Of 193
# photographs 43 were not among those that the network was trained on; they count twice, and so do the other
# weights. The ridge is 10 on standardised features. Of what was left out of a fit no true colour scored 0.22.
_LIKENESS_WEIGHTS = (
    0.308, 0.801, 0.670, 1.251, 1.139, 0.994, 1.540, 0.849, -0.037, 0.193, 0.029, 0.674, 0.518, 0.285, 1.248,
    1.207, -2.506, -2.538, -3.365, -22.428, -1.079, -0.363,
)  # fmt: skip
_OFFSET = -16.019
# The least score of what is taken for ours: see docs/publishing.md for what was measured.
SURE = 0.5


@dataclass(frozen=True)
class Agreement:
    """How far chroma is what was predicted, at one size.

    Attributes:
        explained: share of the chroma's energy that the prediction explains, with its gain fitted; 0..1.
        whole: correlation about the mean; like all that follow -1..1.
        bands: of what is 1 to 2, 2 to 4 and 4 to 8 cells wide.
        along: of what is 1 to 8 cells wide, along the main direction of the picture's colours.
        across: across it.
        across_predicted: across the main direction of the prediction.
        richness: of the prediction, decimal logarithms: its strength along and across its main direction, and
            of what is 2 to 4 cells wide. What is nearly one colour agrees with much.
        surprise: natural logarithms of how far the nearest quarter and half of the places lie from the
            prediction, in shares of how far true colour was expected to.
    """

    explained: float
    whole: float
    bands: tuple[float, float, float]
    along: float
    across: float
    across_predicted: float
    richness: tuple[float, float, float]
    surprise: tuple[float, float]

    @property
    def likenesses(self) -> npt.NDArray[np.float64]:
        """All shares and correlations, spread out so that those near one differ (Fisher's z)."""
        values = (self.explained, self.whole, *self.bands, self.along, self.across, self.across_predicted)
        return np.asarray(np.arctanh(np.clip(values, -_CLOSEST, _CLOSEST)))


def is_grey(cbcr: Float32) -> bool:
    """Whether chroma (h, w, 2) is so faint that nothing can be known by it."""
    return float(np.sqrt(np.square(cbcr, dtype=np.float64).mean())) < GREY


def _features_of(agreements: Sequence[Agreement], confidence: float) -> npt.NDArray[np.float64]:
    """What a score weighs (22,): the best likenesses of all sizes, those of the first, and its richness.

    Then how sure the network is, since of what it is sure of, true colours are like its own, and the least
    surprise.
    """
    likenesses = [one.likenesses for one in agreements]
    surprise = np.min([one.surprise for one in agreements], axis=0)
    first = agreements[0]
    return np.concatenate([np.max(likenesses, axis=0), likenesses[0], first.richness, [confidence], surprise])


def room_for_chroma(luma: Float32, clipped: Float32) -> Float32:
    """How much chroma says at each place, (h, w), 0..1: little where luma or a channel is at its end.

    Args:
        luma: float32 (h, w), 0..1, its mean in each cell.
        clipped: float32 (h, w), share of a cell's pixels in which a channel is at 0 or at full scale.
    """
    ends = np.clip(np.minimum(luma, 1 - luma) / np.float32(_DARKEST), 0, 1)
    return np.asarray(ends * np.maximum(1 - clipped, _LEAST_ROOM), np.float32)


def agreement(cbcr: Float32, predicted: Float32, certainty: Float32, room: Float32) -> Agreement:
    """Compare chroma with what a network says of the same grey.

    Args:
        cbcr: float32 (h, w, 2), BT.601 Cb and Cr as fractions of full scale, the picture's mean in each cell.
        predicted: the same, of the network.
        certainty: float32 (h, w), 0..1, of the network.
        room: float32 (h, w), see `room_for_chroma`.
    """
    weights = room[..., None]
    rest = (weights * np.square(cbcr - np.float32(_gain(cbcr, predicted, weights)) * predicted)).sum()
    own, answer = _blurred(cbcr), _blurred(predicted)
    fine, middle, coarse = (
        _correlation(first - second, third - fourth, weights)
        for (first, second), (third, fourth) in zip(pairwise(own), pairwise(answer), strict=True)
    )
    detail, detail_predicted = own[0] - own[-1], answer[0] - answer[-1]
    centred, centred_predicted = _about_mean(cbcr, weights), _about_mean(predicted, weights)
    (_, directions), (strengths, predicted_directions) = (
        _directions(values, weights) for values in (centred, centred_predicted)
    )
    across, along, across_predicted = (
        _correlation(_along(detail, direction), _along(detail_predicted, direction), weights[..., 0])
        for direction in (directions[:, 0], directions[:, 1], predicted_directions[:, 0])
    )
    width = np.sqrt((weights * np.square(answer[1] - answer[2])).sum() / max(float(weights.sum()), TINY))
    return Agreement(
        explained=1 - float(rest) / max(float((weights * np.square(cbcr)).sum()), TINY),
        whole=_correlation(centred, centred_predicted, weights),
        bands=(fine, middle, coarse),
        along=along,
        across=across,
        across_predicted=across_predicted,
        richness=(_logarithm(strengths[1]), _logarithm(strengths[0]), _logarithm(float(width))),
        surprise=_surprise(cbcr, predicted, certainty, weights),
    )


def _surprise(cbcr: Float32, predicted: Float32, certainty: Float32, weights: Float32) -> tuple[float, float]:
    """See `Agreement`; of places that have room, if there are any."""
    from archivecolor.opencv import cv2

    apart = cbcr - np.float32(_gain(cbcr, predicted, weights)) * predicted
    distance = np.sqrt(np.square(cv2.GaussianBlur(apart, (0, 0), WIDTHS[0])).sum(axis=2))
    expected = -np.log(np.clip(certainty, _LEAST_SURE, _SUREST)) * _DISTANCE_SCALE
    surprise = np.log((distance + _ONE_CODE) / (expected + _ONE_CODE))
    roomy = weights[..., 0] > 0.5
    quarter, half = np.quantile(surprise[roomy] if roomy.any() else surprise, _NEAREST)
    return float(quarter), float(half)


def strangeness(cbcr: Float32, predicted: Float32, room: Float32) -> Float32:
    """How far each place (h, w) is from what was predicted, in shares of the usual strength of chroma."""
    weights = room[..., None]
    gain = np.float32(_gain(cbcr, predicted, weights))
    usual = np.sqrt(np.square(cbcr).sum(axis=2).mean()) + np.float32(TINY)
    distance = np.sqrt(np.square(cbcr - gain * predicted).sum(axis=2)) * weights[..., 0]
    return np.asarray(distance / usual, np.float32)


def _logarithm(strength: float) -> float:
    return float(np.log10(strength + FAINTEST))


def _gain(cbcr: Float32, predicted: Float32, weights: Float32) -> float:
    """The gain with which the prediction explains most."""
    strength = float((weights * np.square(predicted)).sum())
    return float((weights * cbcr * predicted).sum()) / max(strength, TINY)


def _about_mean(cbcr: Float32, weights: Float32) -> Float32:
    mean = (weights * cbcr).sum(axis=(0, 1)) / max(float(weights.sum()), TINY)
    return np.asarray(cbcr - mean, np.float32)


def _blurred(cbcr: Float32) -> list[Float32]:
    from archivecolor.opencv import cv2

    return [np.asarray(cv2.GaussianBlur(cbcr, (0, 0), width), np.float32) for width in WIDTHS]


def _directions(centred: Float32, weights: Float32) -> tuple[npt.NDArray[np.float64], Float32]:
    """Strengths (2,) of chroma across and along its main direction, and both directions as columns (2, 2)."""
    flat = centred.reshape(-1, 2).astype(np.float64)
    share = weights.reshape(-1, 1).astype(np.float64)
    spread, directions = np.linalg.eigh((share * flat).T @ flat / max(float(share.sum()), TINY))
    return np.sqrt(np.clip(spread, 0, None)), directions.astype(np.float32)


def _along(chroma: Float32, direction: Float32) -> Float32:
    return np.asarray(chroma @ direction, np.float32)


def _correlation(own: Float32, other: Float32, weights: Float32) -> float:
    shared = float((weights * own * other).sum())
    energy = float((weights * np.square(own)).sum()) * float((weights * np.square(other)).sum())
    return shared / float(np.sqrt(energy + TINY))


def score_of(agreements: Sequence[Agreement], confidence: float) -> float:
    """How sure it is that chroma is what was predicted: 0..1, by what was measured on many pictures.

    Args:
        agreements: at the sizes that were asked for, the one of the colouring first.
        confidence: of the network's answer at that one, 0..1.
    """
    logit = float(_features_of(agreements, confidence) @ np.asarray(_LIKENESS_WEIGHTS)) + _OFFSET
    return 1 / (1 + float(np.exp(-np.clip(logit, -30, 30))))
