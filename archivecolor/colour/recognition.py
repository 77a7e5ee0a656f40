"""Whether a picture's chroma is what a network says of its grey.

Luma is kept by every colouring of ours, so the network can be asked again what colour it would have given, at
two sizes: a picture that was cut or shrunk since was seen otherwise when it was coloured. Where both answers
agree the network is steady, and its colour must be near; where they do not, either may be.
A gain, such as that of saturation, is fitted. Likeness is looked at by scale, since true colours agree with a
good network in what is large (sky, lawn, skin) and less in what is small; and across the main direction of
the colours, since whatever is warm and cold in a picture is soon guessed and the rest is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32

_Float64 = npt.NDArray[np.float64]

# Luma closer to black or white than this has little room for chroma, which the gamut shortened.
_DARKEST = 0.1
# What a cell has that is wholly clipped, so that a picture that is clipped throughout has some.
_LEAST_ROOM = np.float32(1e-3)
TINY = 1e-12
# Chroma that is nothing, in fractions of full scale, so that logarithms stay finite; and little energy.
FAINTEST = 1e-5
_LITTLE = 1e-4
# Root mean square of chroma, in fractions of full scale, under which a picture is as good as grey.
GREY = 0.004
# Correlations beyond this are noise of the measurement.
_CLOSEST = 0.995
# Certainty is e to the minus distance at which true colour is expected, in twelves of CIEDE2000; about as
# much in chroma is this. One code of 255 is added to distances, since so much is the noise of saving.
_DISTANCE_SCALE = 0.03
_SUREST, _LEAST_SURE = 0.999, 0.02
_ONE_CODE = 0.004
# The places that are looked at for distances: the nearest quarter reaches so far, the nearest nine tenths.
_NEAREST, _NEARLY_ALL = 0.25, 0.9
# Widths, in cells, of the blurs: over which distances are taken, between which lie middling scales, beyond
# which they are large, and around a place of which its strength is taken.
_FINE, _MIDDLING, _LARGE, _AROUND = 1.0, (2.0, 4.0), 8.0, 3.0

# Logistic regression over `figures_of`, as `evaluation.fit_recognition` prints it: of 400 photographs that
# the network was not trained on. Of true colours one look in 500 may reach the bar.
_WEIGHTS = (
    -2.8008, 1.8311, 2.1981, 1.2252, 1.3664, 1.2719, -0.6885, -1.2593, -1.2819, -1.4873, -1.3247, 1.3066,
    -0.8961, -0.5842, -1.4547, -1.8426, -8.4454,
)  # fmt: skip
_OFFSET = -7.9666
# The least score of what is taken for ours: see docs/publishing.md for what was measured.
SURE = 0.5


@dataclass(frozen=True)
class Look:
    """A picture's chroma beside an answer of the network, on that answer's grid.

    Attributes:
        own: float32 (h, w, 2), BT.601 Cb and Cr as fractions of full scale, the picture's mean in each cell.
        predicted: the same, of the network.
        certainty: float32 (h, w), 0..1, of the network.
        room: float32 (h, w), see `room_for_chroma`.
    """

    own: Float32
    predicted: Float32
    certainty: Float32
    room: Float32


def is_grey(cbcr: Float32) -> bool:
    """Whether chroma (h, w, 2) is so faint that nothing can be known by it."""
    return float(np.sqrt(np.square(cbcr, dtype=np.float64).mean())) < GREY


def room_for_chroma(luma: Float32, clipped: Float32) -> Float32:
    """How much chroma says at each place, (h, w), 0..1: little where luma or a channel is at its end.

    Args:
        luma: float32 (h, w), 0..1, its mean in each cell.
        clipped: float32 (h, w), share of a cell's pixels in which a channel is at 0 or at full scale.
    """
    ends = np.clip(np.minimum(luma, 1 - luma) / np.float32(_DARKEST), 0, 1)
    return np.asarray(ends * np.maximum(1 - clipped, _LEAST_ROOM), np.float32)


def likeness(look: Look) -> float:
    """Correlation of chroma with the answer, -1..1."""
    weights = look.room[..., None]
    return _correlation(_about_mean(look.own, weights), _about_mean(look.predicted, weights), weights)


def strangeness(look: Look) -> Float32:
    """How far each place (h, w) is from the answer, in shares of the usual strength of chroma."""
    usual = np.sqrt(np.square(look.own).sum(axis=2).mean()) + np.float32(TINY)
    distance = np.sqrt(np.square(_rest(look.own, look.predicted, look.room[..., None])).sum(axis=2))
    return np.asarray(distance * look.room / usual, np.float32)


def figures_of(first: Look, second: Look, confidence: float) -> _Float64:
    """What a score weighs, (17,).

    Args:
        first: at the size of the colouring.
        second: at another size.
        confidence: of the network's answer at the first, 0..1.
    """
    other = _on_grid_of(first, second.predicted)
    mean = np.asarray((first.predicted + other) / 2, np.float32)
    strengths, _ = _directions(first.predicted, first.room[..., None])
    return np.array(
        [
            *_by_scale(first, other, mean),
            *_by_colour(first, second, mean),
            *_by_place(first, second, other),
            *_by_answers(first, other),
            *_by_spectrum(first),
            float(np.log10(strengths[0] + FAINTEST)),
            confidence,
        ]
    )


def score_of(figures: _Float64) -> float:
    """How sure it is that chroma is what was predicted, 0..1, of `figures_of` it."""
    logit = float(figures @ np.asarray(_WEIGHTS)) + _OFFSET
    return 1 / (1 + float(np.exp(-np.clip(logit, -30, 30))))


def _by_scale(look: Look, other: Float32, mean: Float32) -> tuple[float, float, float]:
    """How far both answers together explain the finest scale and the middling.

    And how like the middling is where each place counts alike, whatever its contrast.
    """
    weights = look.room[..., None]
    middling = [_middling(one) for one in (look.own, look.predicted, other, mean)]
    local = [
        band / (np.sqrt(_blurred(np.square(band).sum(axis=2), _AROUND)) + np.float32(least))[..., None]
        for band, least in ((middling[0], 2e-3), (middling[3], 1e-3))
    ]
    return (
        _explained_by_both(_finest(look.own), _finest(look.predicted), _finest(other), weights),
        _explained_by_both(middling[0], middling[1], middling[2], weights),
        _spread_out(_correlation(local[0], local[1], weights)),
    )


def _by_colour(first: Look, second: Look, mean: Float32) -> tuple[float, float, float, float]:
    """Likeness across the main direction of the colours, the better of both answers' too; of red; of hue."""
    weights = first.room[..., None]
    across = _across(first)
    red = [_about_mean(chroma[..., 1:], weights) for chroma in (first.own, mean)]
    strength, predicted = (np.sqrt(np.square(chroma).sum(axis=2)) for chroma in (first.own, mean))
    cosine = (first.own * mean).sum(axis=2) / (strength * predicted + np.float32(1e-6))
    share = first.room * np.sqrt(strength * predicted)
    return (
        across,
        max(across, _across(second)),
        _spread_out(_correlation(red[0], red[1], weights)),
        _spread_out(float((share * cosine).sum()) / max(float(share.sum()), TINY)),
    )


def _by_place(first: Look, second: Look, other: Float32) -> tuple[float, float, float]:
    """How far places lie from an answer, as logarithms.

    The nearest quarter, in shares of how far true colour was expected to lie; nearly all, by whichever answer
    is nearer, in such shares and in those of their strength.
    """
    away = [_distance(first.own, answer, first.room) for answer in (first.predicted, other)]
    nearest = np.minimum(*away)
    strength = np.sqrt(np.square(_blurred(first.own, _FINE)).sum(axis=2))
    roomy = _roomy(first.room)
    return (
        min(_surprise(look) for look in (first, second)),
        float(np.quantile(_logarithm(nearest, _expected(first.certainty))[roomy], _NEARLY_ALL)),
        float(np.quantile(_logarithm(nearest, strength)[roomy], _NEARLY_ALL)),
    )


def _by_answers(look: Look, other: Float32) -> tuple[float, float, float]:
    """How like each other the answers are; and how like the first chroma is where the network is unsure.

    And whether what the first leaves is what the second differs by.
    """
    weights = look.room[..., None]
    unsure = weights * (1 - look.certainty[..., None])
    answers = [_about_mean(chroma, weights) for chroma in (look.predicted, other)]
    own, predicted = (_about_mean(chroma, unsure) for chroma in (look.own, look.predicted))
    rest = _rest(look.own, look.predicted, weights)
    return (
        _spread_out(_correlation(answers[0], answers[1], weights)),
        _spread_out(_correlation(own, predicted, unsure)),
        _spread_out(_correlation(rest, other - look.predicted, weights)),
    )


def _by_spectrum(look: Look) -> tuple[float, float]:
    """Where strength lies, as logarithms.

    The finest scale's share of chroma beside that of the answer, since true colour follows edges that answers
    do not; and the middling scale's share of what the answer leaves.
    """
    weights = look.room[..., None]
    finest, whole = (
        [_energy(of(chroma), weights) for chroma in (look.own, look.predicted)]
        for of in (_finest, lambda chroma: _about_mean(chroma, weights))
    )
    total = max(float(weights.sum()), TINY)
    strength, predicted = (float(np.sqrt(energy / total)) + 1e-3 for energy in whole)
    rest = _rest(look.own, look.predicted, weights)
    return (
        float(np.log((finest[0] + 1e-6) / (finest[1] + 1e-6)) - 2 * np.log(strength / predicted)),
        float(np.log((_energy(_middling(rest), weights) + _LITTLE) / (_energy(rest, weights) + _LITTLE))),
    )


def _on_grid_of(look: Look, predicted: Float32) -> Float32:
    """Another answer on the grid of a look."""
    from archivecolor.opencv import cv2

    height, width = look.room.shape
    return np.asarray(cv2.resize(predicted, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _blurred(values: Float32, width: float) -> Float32:
    from archivecolor.opencv import cv2

    return np.asarray(cv2.GaussianBlur(values, (0, 0), width), np.float32)


def _finest(chroma: Float32) -> Float32:
    return chroma - _blurred(chroma, _FINE)


def _middling(chroma: Float32) -> Float32:
    narrow, wide = _MIDDLING
    return _blurred(chroma, narrow) - _blurred(chroma, wide)


def _spread_out(correlation: float) -> float:
    """A correlation so that those near one differ (Fisher's z)."""
    return float(np.arctanh(np.clip(correlation, -_CLOSEST, _CLOSEST)))


def _rest(own: Float32, predicted: Float32, weights: Float32) -> Float32:
    """What an answer leaves of chroma, with the gain with which it explains most."""
    gain = float((weights * own * predicted).sum()) / max(_energy(predicted, weights), TINY)
    return np.asarray(own - np.float32(gain) * predicted, np.float32)


def _distance(own: Float32, predicted: Float32, room: Float32) -> Float32:
    rest = _rest(own, predicted, room[..., None])
    return np.asarray(np.sqrt(np.square(_blurred(rest, _FINE)).sum(axis=2)), np.float32)


def _expected(certainty: Float32) -> Float32:
    """How far from an answer true colour is expected, in fractions of full scale."""
    return np.asarray(-np.log(np.clip(certainty, _LEAST_SURE, _SUREST)) * _DISTANCE_SCALE, np.float32)


def _logarithm(distance: Float32, usual: Float32) -> Float32:
    return np.asarray(np.log((distance + _ONE_CODE) / (usual + _ONE_CODE)), np.float32)


def _roomy(room: Float32) -> npt.NDArray[np.bool_]:
    """The places that have room, all where none has."""
    roomy = np.asarray(room > 0.5)
    return roomy if roomy.any() else np.ones_like(roomy)


def _surprise(look: Look) -> float:
    away = _logarithm(_distance(look.own, look.predicted, look.room), _expected(look.certainty))
    return float(np.quantile(away[_roomy(look.room)], _NEAREST))


def _across(look: Look) -> float:
    """Likeness of all but the largest scales across the main direction of a picture's colours."""
    weights = look.room[..., None]
    _, directions = _directions(look.own, weights)
    own, predicted = (
        np.asarray((_blurred(chroma, _FINE) - _blurred(chroma, _LARGE)) @ directions[:, 0], np.float32)
        for chroma in (look.own, look.predicted)
    )
    return _spread_out(_correlation(own, predicted, look.room))


def _directions(chroma: Float32, weights: Float32) -> tuple[_Float64, Float32]:
    """Strengths (2,) of chroma across and along its main direction, and both directions as columns (2, 2)."""
    flat = _about_mean(chroma, weights).reshape(-1, 2).astype(np.float64)
    share = weights.reshape(-1, 1).astype(np.float64)
    spread, directions = np.linalg.eigh((share * flat).T @ flat / max(float(share.sum()), TINY))
    return np.sqrt(np.clip(spread, 0, None)), directions.astype(np.float32)


def _about_mean(chroma: Float32, weights: Float32) -> Float32:
    mean = (weights * chroma).sum(axis=(0, 1)) / max(float(weights.sum()), TINY)
    return np.asarray(chroma - mean, np.float32)


def _energy(chroma: Float32, weights: Float32) -> float:
    return float((weights * np.square(chroma)).sum())


def _correlation(own: Float32, other: Float32, weights: Float32) -> float:
    shared = float((weights * own * other).sum())
    return shared / float(np.sqrt(_energy(own, weights) * _energy(other, weights) + TINY))


def _explained_by_both(own: Float32, first: Float32, second: Float32, weights: Float32) -> float:
    """Multiple correlation of chroma with two answers, spread out."""
    pair = (first, second)
    products = np.array([[float((weights * one * two).sum()) for two in pair] for one in pair])
    shared = np.array([float((weights * own * one).sum()) for one in pair])
    explained = float(np.linalg.solve(products + 1e-6 * np.eye(2), shared) @ shared)
    return _spread_out(float(np.sqrt(max(0.0, explained) / (_energy(own, weights) + 1e-6))))
