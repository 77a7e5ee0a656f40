"""How far a film is: all that is done with it, one after the other, as one way with one time left."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from archivecolor.archive.plan import Item
from archivecolor.engine.progress import InHand
from archivecolor.jobs.run import Session

# What is done with a film, in this order. Of the first and the last nobody counts frames.
READING, LOOKING, COMPARING, COLOURING = "reading", "looking", "comparing shots", "colouring"
JOINING, CHECKING = "joining", "checking"
_COUNTED = (LOOKING, COMPARING, COLOURING, JOINING)
# Seconds of a processor for a frame of any size, and more for each megapixel of it: measured, of weight
# against each other alone. Once a phase goes on, its own speed counts.
_FRAME_WEIGHTS = MappingProxyType({LOOKING: 0.004, COMPARING: 0.004, COLOURING: 0.11, JOINING: 0.001})
_MEGAPIXEL_WEIGHTS = MappingProxyType({LOOKING: 0.008, COMPARING: 0.008, COLOURING: 0.05, JOINING: 0.01})
_HIGH_QUALITY_WEIGHT = 5
# A speed is told when it was seen for so long.
_SHORTEST_SECONDS = 0.5
# Coloured frames come in blocks, the first of them late: what of so many is still to come counts at the speed
# that the phases before let expect.
_FRAMES_EXPECTED = 48


@dataclass(frozen=True)
class FilmProgress:
    """Where a film is, for people.

    Attributes:
        activity: reading, looking, comparing shots, colouring, joining or checking.
        frame: how far, in frames.
        frames: of how many, None where nobody knows yet.
        shot: number of the shot in hand, from 1; 0 where it does not matter.
        shots: of how many.
        megapixels: of a frame.
    """

    activity: str
    frame: int = 0
    frames: int | None = None
    shot: int = 0
    shots: int = 0
    megapixels: float = 0.0

    @property
    def words(self) -> str:
        """How far the film is, for people."""
        if self.activity in _COUNTED and not self.frames:
            return f"{self.activity}, frame {self.frame}"
        return f"{self.activity}, shot {self.shot} of {self.shots}" if self.shots > 1 else self.activity


class FilmMeter:
    """How far one film is, and how fast it goes.

    Args:
        began: when it was begun, in seconds of any clock.
        is_high_quality: the network takes several views of every frame.
    """

    def __init__(self, began: float, *, is_high_quality: bool = False) -> None:
        self._now = self._phase_began = began
        self._is_high_quality = is_high_quality
        self._progress = FilmProgress(READING)
        self._first_frame = 0
        # Seconds of work of weight 1, by the phases that are over; 0 while unknown.
        self._pace = 0.0

    def add(self, progress: FilmProgress, now: float) -> None:
        """Take note of where the film is at a moment."""
        if progress.activity != self._progress.activity:
            if self._rate:
                self._pace = 1 / (self._rate * self._weights()[self._progress.activity])
            self._phase_began = self._now  # what passed since the phase before belongs to this one
        if progress.activity != self._progress.activity or not self._progress.frame:
            self._first_frame = max(0, progress.frame - 1)  # a rerun begins in the middle
        self._progress, self._now = progress, now

    def in_hand(self) -> InHand | None:
        """How far it is; None where nobody knows how many frames there are."""
        frames = self._progress.frames
        if not frames:
            return None
        share = self._share(frames)
        return InHand(round(share * frames), frames, share, self._rate, self._seconds_left(frames))

    def _share(self, frames: int) -> float:
        if self._progress.activity == CHECKING:
            return 1.0
        weights, current = self._weights(), self._progress.activity
        before = sum(weights[phase] for phase in _COUNTED[: _COUNTED.index(current)])
        done = before + weights[current] * min(1.0, self._progress.frame / frames)
        return done / sum(weights.values())

    @property
    def _rate(self) -> float:
        """Frames a second of the present phase, 0 while unknown."""
        seconds = self._now - self._phase_began
        return (self._progress.frame - self._first_frame) / seconds if seconds >= _SHORTEST_SECONDS else 0.0

    def _seconds_left(self, frames: int) -> float | None:
        current, per_frame = self._progress.activity, self._seconds_per_frame
        if current not in _COUNTED:
            return 0.0
        if not per_frame:
            return None
        weights = self._weights()
        later = sum(weights[phase] for phase in _COUNTED[_COUNTED.index(current) + 1 :])
        return (max(0, frames - self._progress.frame) + frames * later / weights[current]) * per_frame

    @property
    def _seconds_per_frame(self) -> float:
        """Of the present phase, by itself and by those before it; 0 while unknown."""
        expected = self._pace * self._weights().get(self._progress.activity, 0.0)
        if self._progress.activity != COLOURING or not expected:
            return 1 / self._rate if self._rate else 0.0
        done, spent = self._progress.frame - self._first_frame, self._now - self._phase_began
        missing = max(0, _FRAMES_EXPECTED - done)
        return (spent + missing * expected) / (done + missing)

    def _weights(self) -> Mapping[str, float]:
        """What a frame weighs in each phase."""
        megapixels = self._progress.megapixels
        weights = {
            phase: _FRAME_WEIGHTS[phase] + _MEGAPIXEL_WEIGHTS[phase] * megapixels for phase in _COUNTED
        }
        weights[COLOURING] *= _HIGH_QUALITY_WEIGHT if self._is_high_quality else 1
        return weights


class FilmReporter:
    """Tells the listener of every frame of the films of a run.

    Args:
        session: of the run.
        films: in the order in which they are worked on.
        is_high_quality: as `FilmMeter`.
    """

    def __init__(self, session: Session, films: Sequence[Item], *, is_high_quality: bool) -> None:
        self._session = session
        self._nbytes = {film.path: film.nbytes for film in films}
        self._is_high_quality = is_high_quality
        self._began = time.monotonic()
        self._path = ""
        self._done_nbytes = 0
        self._meter = FilmMeter(self._began)

    def __call__(self, item: Item, progress: FilmProgress) -> None:
        """Tell of one more frame, or of another phase."""
        now = time.monotonic()
        if item.path != self._path:
            self._done_nbytes += self._nbytes.pop(self._path, 0)
            self._path = item.path
            self._meter = FilmMeter(now, is_high_quality=self._is_high_quality)
        self._meter.add(progress, now)
        counter = self._session.counter
        is_coloured = progress.activity == COLOURING and progress.frame > 0
        snapshot = counter.add_work(1.0) if is_coloured else counter.snapshot()
        in_hand = self._with_others(self._meter.in_hand(), now)
        words = f"{item.path}: {progress.words}"
        if self._session.stop.exit_code is not None:
            words += ", stopping at the end of this piece"
        self._session.listener.advanced(words, replace(snapshot, in_hand=in_hand))

    def _with_others(self, in_hand: InHand | None, now: float) -> InHand | None:
        """With the time of the films that are still to come, by their bytes and those done so far."""
        others = sum(self._nbytes.values()) - self._nbytes.get(self._path, 0)
        if in_hand is None or in_hand.seconds_left is None or not others:
            return in_hand
        nbytes = self._done_nbytes + self._nbytes.get(self._path, 0)
        seconds = now - self._began + in_hand.seconds_left
        return replace(in_hand, seconds_left=in_hand.seconds_left + seconds * others / max(1, nbytes))
