"""A picture's chroma held against what a network says of its grey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.luma import luma_codes
from archivecolor.colour.recognition import (
    Look,
    figures_of,
    is_grey,
    likeness,
    room_for_chroma,
    score_of,
    strangeness,
)
from archivecolor.photo.shrink import resize, working_shape

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor

# The short sides at which the network is asked: a picture that was cut since was seen smaller when it was
# coloured.
_SIZES = (256, 192)
# Codes from which a channel is clipped, or was before it was saved.
_DARK, _BRIGHT = 1, 254


@dataclass(frozen=True)
class Comparison:
    """A picture's chroma beside what the network says of its grey.

    Attributes:
        figures: float64 (k,), what a score weighs; see `recognition.figures_of`.
        strange: float32 (h, w), how far each place is from what the network says; see `strangeness`.
    """

    figures: npt.NDArray[np.float64]
    strange: Float32

    @property
    def score(self) -> float:
        """How sure it is that the colour is that of these weights, 0..1."""
        return score_of(self.figures)


def compare(rgb: UInt8, predictor: Predictor) -> Comparison | None:
    """Hold a picture (h, w, 3) against what the network says of its grey; None where it is grey."""
    return compare_with(rgb, answers_for(luma_codes(rgb), predictor))


def answers_for(luma: UInt8, predictor: Predictor) -> list[Chroma]:
    """What the network says of a grey (h, w), at each size at which it is asked."""
    shapes = (working_shape(luma.shape[0], luma.shape[1], size) for size in _SIZES)
    return predictor.predict([resize(luma, shape) for shape in shapes])


def compare_with(rgb: UInt8, answers: Sequence[Chroma]) -> Comparison | None:
    """Hold a picture (h, w, 3) against `answers_for` its grey; None where it is grey."""
    luma = luma_codes(rgb)
    looks = []
    for answer in answers:
        room, own = _cells(luma, rgb, answer.cbcr.shape[:2])
        if is_grey(own):
            return None
        looks.append(Look(own, answer.cbcr, answer.certainty, room))
    figures = figures_of(looks[0], looks[1], answers[0].confidence)
    return Comparison(figures, strangeness(max(looks, key=likeness)))


def _cells(luma: UInt8, rgb: UInt8, shape: tuple[int, int]) -> tuple[Float32, Float32]:
    """A picture's room for chroma (h, w) and its chroma (h, w, 2), as the means of the cells of a grid."""
    grey, colours = resize(luma, shape), resize(rgb, shape)
    blue, red = (colours[..., 2] - grey) * 0.564, (colours[..., 0] - grey) * 0.713
    clipped = np.asarray(((rgb <= _DARK) | (rgb >= _BRIGHT)).any(axis=2), np.float32)
    room = room_for_chroma(grey, resize(clipped, shape))
    return room, np.stack([blue, red], axis=2).astype(np.float32)
