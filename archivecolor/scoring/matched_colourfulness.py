"""Vivid and timid networks compared fairly: one gain for all chroma, at equal colourfulness.

Plain CIEDE2000 flatters grey. So a whole set's a*, b* get the one gain that brings the set's mean
colourfulness to a share of the truth's, and CIEDE2000 is taken there: dE@0.6, dE@0.8, dE@1.0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.colour.lab import lab_from_rgb
from archivecolor.scoring.metrics import ciede2000_mean, colourfulness
from archivecolor.scoring.photo_score import ReferencePhoto, srgb_codes

SHARES = (0.6, 0.8, 1.0)
# A set that cannot be brought to a share with this gain has next to no colour.
_LARGEST_GAIN = 16.0
_CLOSE_ENOUGH = 2e-4
# Every picture is sampled to about this many pixels on its short side.
_SAMPLE_SIDE = 128


@dataclass(frozen=True)
class ScoreAtShare:
    """A set at one share of the truth's colourfulness.

    Attributes:
        share: of the truth's mean colourfulness.
        gain: that brings the set there; None where none does.
        ciede2000: mean of each picture there, empty where there is no gain.
    """

    share: float
    gain: float | None
    ciede2000: tuple[float, ...]

    @property
    def mean(self) -> float | None:
        """CIEDE2000, mean over pictures."""
        return float(np.mean(self.ciede2000)) if self.ciede2000 else None


@dataclass(frozen=True)
class PixelSample:
    """Every few pixels of one picture and of its answer, small enough to keep a whole set in memory.

    Attributes:
        rgb: uint8 (n, 3), the truth.
        ab: float16 (n, 2), the answer.
    """

    rgb: UInt8
    ab: npt.NDArray[np.float16]

    @classmethod
    def of(cls, truth: ReferencePhoto, ab: Float32) -> PixelSample:
        """A sample on a regular lattice."""
        step = max(1, round(min(truth.rgb.shape[:2]) / _SAMPLE_SIDE))
        rgb = truth.rgb[::step, ::step].reshape(-1, 3)
        return cls(rgb.copy(), ab[::step, ::step].reshape(-1, 2).astype(np.float16))

    def with_gain(self, gain: float) -> UInt8:
        """Codes (n, 3): the truth's L* with the answer's a*, b* times `gain`."""
        return srgb_codes(lab_from_rgb(self.rgb)[:, 0], self.ab.astype(np.float32) * np.float32(gain))


def scores_at_shares(samples: Sequence[PixelSample]) -> tuple[ScoreAtShare, ...]:
    """Measure a set, given by a sample of every picture, at the `SHARES` of the truth's colourfulness."""
    true = np.mean([colourfulness(sample.rgb) for sample in samples])

    @cache
    def share_at(gain: float) -> float:
        if gain == 0:
            return 0.0
        return float(np.mean([colourfulness(sample.with_gain(gain)) for sample in samples]) / true)

    return tuple(_at_share(samples, share, find_gain(share, share_at)) for share in SHARES)


def find_gain(share: float, share_at: Callable[[float], float]) -> float | None:
    """The gain at which the growing function `share_at` is `share`; None where none below the largest is.

    Bisection between the gains around it, helped by the line through them: colourfulness grows
    nearly linearly with gain.
    """
    low, high = 0.0, 1.0
    while share_at(high) < share:
        low, high = high, high * 2
        if high > _LARGEST_GAIN:
            return None
    gain = high
    for step in range(40):
        if abs(share_at(gain) - share) < _CLOSE_ENOUGH:
            break
        low, high = (gain, high) if share_at(gain) < share else (low, gain)
        line = (share - share_at(low)) / (share_at(high) - share_at(low))
        gain = low + (high - low) * (line if step % 3 else 0.5)
    return gain


def _at_share(samples: Sequence[PixelSample], share: float, gain: float | None) -> ScoreAtShare:
    if gain is None:
        return ScoreAtShare(share, None, ())
    differences = (
        ciede2000_mean(lab_from_rgb(sample.rgb), lab_from_rgb(sample.with_gain(gain))) for sample in samples
    )
    return ScoreAtShare(share, gain, tuple(differences))
