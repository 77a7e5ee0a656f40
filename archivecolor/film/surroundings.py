"""Colour lent by what is around: on even ground a place that was seen for a shorter time takes after it.

Where motion could be trusted an average holds many answers of the network; beside it, where it could not for
a moment, few. On even ground nothing shows that edge but colour, which would be ragged: a patch of a single
answer on snow. Where luma varies motion can be measured and things be told apart, and nothing is lent.
"""

from __future__ import annotations

import numpy as np

from archivecolor.colour.arrays import Float32

# Surroundings are squares of this many samples across, of every second row and column.
_SIDE, _EVERY = 9, 2
# Ground that varies in luma by this much (0..1, standard deviation) lends half.
_EVEN = 0.04
# How much is lent for what a place lacks of the weight around it.
_LENT = 3.0
_TINY = np.float32(1e-12)


def with_surroundings(sums: Float32, luma: Float32) -> Float32:
    """The mean colour of sums, on even ground nearer to that around where little was seen.

    Args:
        sums: float32 (h, w, 3), weighted Cb, weighted Cr and weight.
        luma: float32 (h, w), 0..1, of the same places.

    Returns:
        float32 (h, w, 2): Cb and Cr; a place with no less weight than there is around keeps its own.
    """
    from archivecolor.opencv import cv2

    height, width = luma.shape
    size = max(1, width // _EVERY), max(1, height // _EVERY)
    coarse = np.asarray(cv2.resize(sums, size, interpolation=cv2.INTER_AREA), np.float32)
    offered = _offered(coarse, np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32))
    fine = cv2.split(cv2.resize(offered, (width, height), interpolation=cv2.INTER_LINEAR))
    around, evenness = (np.asarray(plane, np.float32) for plane in fine[2:])
    weight = np.maximum(sums[..., 2], _TINY)
    lacking: Float32 = np.maximum(around - weight, np.float32(0)) * np.float32(_LENT)
    share: Float32 = lacking / (lacking + weight)
    share *= evenness
    colour = []
    for own, other in zip(cv2.split(sums), fine[:2], strict=False):
        mean = np.asarray(np.divide(own, weight), np.float32)
        pull: Float32 = np.asarray(other, np.float32) - mean
        colour.append(mean + share * pull)
    return np.asarray(cv2.merge(colour), np.float32)


def _offered(sums: Float32, luma: Float32) -> Float32:
    """Around each place (h, w, 4): Cb, Cr, the weight that these have there, and how even it is, 0..1."""
    from archivecolor.opencv import cv2

    cb, cr, weight = (np.asarray(plane, np.float32) for plane in cv2.split(_mean(sums)))
    weight = np.maximum(weight, _TINY)
    squared: Float32 = sums[..., 2] * sums[..., 2]
    # Not by weight: else what was seen for long would pass for all there is.
    level, variance = _mean(luma), _mean(luma * luma)
    variance -= level * level
    evenness: Float32 = np.float32(_EVEN**2) / (np.maximum(variance, np.float32(0)) + np.float32(_EVEN**2))
    return np.asarray(cv2.merge([cb / weight, cr / weight, _mean(squared) / weight, evenness]), np.float32)


def _mean(values: Float32) -> Float32:
    """Over the surroundings of each place."""
    from archivecolor.opencv import cv2

    return np.asarray(cv2.blur(values, (_SIDE, _SIDE)), np.float32)
