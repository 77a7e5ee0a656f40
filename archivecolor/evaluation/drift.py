"""How far colour moves on things as they are followed along the motion of the true film.

Flicker compares neighbouring frames; colour that changes by a little in each of them still turns a black coat
orange in the end. So every place of a frame is followed from frame to frame, by the motion of the true luma,
and its chroma at the end is compared with that at the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.film.motion import RELIABLE, Motion, sample_grid, sampled

# Over so many seconds, again and again, and over each whole shot that is no shorter.
SECONDS = 2.0
# So few places say nothing.
_MIN_PLACES = 50


@dataclass(frozen=True)
class Drift:
    """How far chroma moved, Lab units; None where nothing could be followed for so long.

    Attributes:
        seconds: mean over stretches of two seconds.
        shots: mean over whole shots.
    """

    seconds: float | None
    shots: float | None


@dataclass
class _Track:
    """Places of a frame that are followed.

    Attributes:
        began: a*, b* (h, w, 2) of the frame that they were seen in first.
        places: float32 (h, w, 2), x and y of each of them now.
        trust: float32 (h, w), the least trust in their way so far.
        steps: frames since then.
    """

    began: Float32
    places: Float32
    trust: Float32
    steps: int = 0

    @classmethod
    def at(cls, ab: Float32) -> _Track:
        """Beginning at a frame with these a*, b* (h, w, 2)."""
        return cls(ab, sample_grid(*ab.shape[:2]), np.ones(ab.shape[:2], np.float32))

    def follow(self, motion: Motion) -> None:
        """Go on to the next frame."""
        way = motion.from_after
        self.trust = np.minimum(self.trust, sampled(way.trust, self.places))
        self.places = sampled(way.coordinates, self.places)
        self.steps += 1

    def moved(self, ab: Float32) -> list[float]:
        """How far chroma moved up to a frame with these a*, b* (h, w, 2); empty where too little is left."""
        change = sampled(ab, self.places) - self.began
        followed = np.hypot(change[..., 0], change[..., 1])[self.trust >= RELIABLE]
        return [float(followed.mean())] if followed.size >= _MIN_PLACES else []


@dataclass
class DriftMeter:
    """Gathers the drift of one row while the frames pass by.

    Attributes:
        window: frames in two seconds.
    """

    window: int
    _seconds: list[float] = field(default_factory=list)
    _shots: list[float] = field(default_factory=list)
    _short: _Track | None = None
    _whole: _Track | None = None
    _last_ab: Float32 | None = None

    def add(self, ab: Float32, motion: Motion | None) -> None:
        """Take one frame in.

        Args:
            ab: its a*, b*, float32 (h, w, 2).
            motion: from the frame before; None at the start of a shot.
        """
        if motion is None or self._short is None or self._whole is None:
            self._end_shot()
            self._short, self._whole = _Track.at(ab), _Track.at(ab)
        else:
            self._short.follow(motion)
            self._whole.follow(motion)
            if self._short.steps == self.window:
                self._seconds += self._short.moved(ab)
                self._short = _Track.at(ab)
        self._last_ab = ab

    def result(self) -> Drift:
        """Over all frames."""
        self._end_shot()
        return Drift(_mean(self._seconds), _mean(self._shots))

    def _end_shot(self) -> None:
        if self._whole is not None and self._last_ab is not None and self._whole.steps >= self.window:
            self._shots += self._whole.moved(self._last_ab)
        self._whole = None


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
