"""Films judged: how steady colour is, beside the true film's own figures.

A film's frames are compared along the motion of its true luma, so a camera that moves costs
nothing. What is judged is chroma alone, as for photographs: the answer's a*, b* with the truth's L*.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.lab import lab_from_rgb
from archivecolor.colour.luma import luma_codes
from archivecolor.evaluation.drift import SECONDS, DriftMeter
from archivecolor.evaluation.entrants import NetworkEntrant
from archivecolor.film.frames import Frame, FrameReader, Geometry, geometry_of
from archivecolor.film.grey_shots import GreyShotDetector
from archivecolor.film.keyframes import keyframe_interval_for, select_keyframes
from archivecolor.film.motion import Motion, MotionEstimator
from archivecolor.film.pixels import SampleFormat
from archivecolor.film.probe import FilmFacts, probe
from archivecolor.film.temporal_smoothing import SmootherInput, smooth_chroma
from archivecolor.scoring.metrics import cdc, channel_histograms, ciede2000_mean, colourfulness
from archivecolor.scoring.photo_score import codes_with_luma, srgb_codes

# Motion is believed where its own check gives at least this trust.
_TRUSTED = 0.7
# Luma that changes less than this from frame to frame (0..1) is still.
STILL = 0.008
# Still for this many samples around: the edge of what moves is not still.
_STILL_MARGIN = 5
# Chroma is averaged over this many samples before it is compared in time: 8-bit codes and the true
# film's compression flicker from pixel to pixel, networks do not.
_BLUR_SIZE = 5
_USUAL_RATE = 24
# Frames predicted at once.
BATCH_SIZE = 32


@dataclass(frozen=True)
class FilmScore:
    """How one film was answered.

    Attributes:
        film: name of the file.
        name: of the row: the true film, or a network and its way.
        frames: judged.
        flicker: mean change of a*, b* from frame to frame along motion, Lab units.
        jitter: the same where nothing moves and luma stays; None where nothing is still.
        cdc: colour distribution consistency; lower for a grey film than for any other.
        colourfulness: mean over frames.
        ciede2000: mean over frames, against the truth.
        drift: change of a*, b* on things that are followed for two seconds; None where none can be.
        shot_drift: the same over whole shots.
    """

    film: str
    name: str
    frames: int
    flicker: float | None
    jitter: float | None
    cdc: float | None
    colourfulness: float
    ciede2000: float
    drift: float | None = None
    shot_drift: float | None = None


@dataclass(frozen=True)
class FilmEvaluationConfig:
    """How films are judged.

    Attributes:
        working_size: short side the networks see, and films are judged at.
        smoothing: strength of what makes colour steady, 0..1.
        frames: judged at most, from the start; they are held in memory.
    """

    working_size: int
    smoothing: float
    frames: int = 1000


@dataclass(frozen=True)
class ReferenceFrame:
    """One frame of a colour film, upright and small.

    Attributes:
        rgb: uint8 (h, w, 3).
    """

    rgb: UInt8

    @property
    def luma(self) -> Float32:
        """What the network sees, float32 (h, w), 0..1."""
        return np.asarray(luma_codes(self.rgb) / np.float32(255), np.float32)


@dataclass
class FilmAccumulator:
    """Gathers one row while the frames pass by."""

    film: str
    name: str
    drift: DriftMeter = field(default_factory=lambda: DriftMeter(round(SECONDS * _USUAL_RATE)))
    _flicker: list[float] = field(default_factory=list)
    _jitter: list[float] = field(default_factory=list)
    _histograms: list[npt.NDArray[np.int64]] = field(default_factory=list)
    _colourfulness: list[float] = field(default_factory=list)
    _ciede2000: list[float] = field(default_factory=list)
    _last_ab: Float32 | None = None

    def add(self, truth: ReferenceFrame, rgb: UInt8, transition: FrameTransition | None) -> None:
        """Judge one answer.

        Args:
            truth: the frame.
            rgb: the answer, codes (h, w, 3) whose a*, b* count.
            transition: from the frame before; None at the start of a shot.
        """
        from archivecolor.opencv import cv2

        true_lab = lab_from_rgb(truth.rgb)
        ab = lab_from_rgb(rgb)[..., 1:]
        recomposed = srgb_codes(true_lab[..., 0], ab)
        coarse = np.asarray(cv2.blur(ab, (_BLUR_SIZE, _BLUR_SIZE)), np.float32)
        if transition is not None and self._last_ab is not None:
            self._flicker += transition.flicker(self._last_ab, coarse)
            self._jitter += transition.jitter(self._last_ab, coarse)
        self._last_ab = coarse
        self.drift.add(coarse, None if transition is None else transition.motion)
        self._histograms.append(channel_histograms(recomposed))
        self._colourfulness.append(colourfulness(recomposed))
        self._ciede2000.append(ciede2000_mean(true_lab, lab_from_rgb(recomposed)))

    def score(self) -> FilmScore:
        """The finished row."""
        frames, drift = len(self._colourfulness), self.drift.result()
        return FilmScore(
            film=self.film,
            name=self.name,
            frames=frames,
            flicker=_mean(self._flicker),
            jitter=_mean(self._jitter),
            cdc=cdc(np.stack(self._histograms)) if frames > 1 else None,
            colourfulness=float(np.mean(self._colourfulness)),
            ciede2000=float(np.mean(self._ciede2000)),
            drift=drift.seconds,
            shot_drift=drift.shots,
        )


@dataclass(frozen=True)
class FrameTransition:
    """From one frame to the next of a shot, by the true luma.

    Attributes:
        motion: between them.
        still: bool (h, w), where nothing moves.
    """

    motion: Motion
    still: npt.NDArray[np.bool_]

    @classmethod
    def between(cls, finder: MotionEstimator, before: Float32, after: Float32) -> FrameTransition:
        """The step between two lumas (h, w), 0..1."""
        from archivecolor.opencv import cv2

        moved = np.abs(cv2.blur(after, (3, 3)) - cv2.blur(before, (3, 3))) > STILL
        around = cv2.dilate(moved.astype(np.uint8), np.ones((_STILL_MARGIN, _STILL_MARGIN), np.uint8))
        return cls(finder.estimate(before, after), around == 0)

    def flicker(self, before: Float32, after: Float32) -> list[float]:
        """Mean change of a*, b* (h, w, 2) along motion; empty where no motion can be trusted."""
        warp = self.motion.from_before
        change = _length(after - warp.warp(before))[warp.trust >= _TRUSTED]
        return [float(change.mean())] if change.size else []

    def jitter(self, before: Float32, after: Float32) -> list[float]:
        """Mean change of a*, b* (h, w, 2) in place where nothing moves; empty where all moves."""
        change = _length(after - before)[self.still]
        return [float(change.mean())] if change.size else []


def evaluate_film(
    path: Path, networks: Sequence[NetworkEntrant], config: FilmEvaluationConfig
) -> tuple[FilmScore, ...]:
    """Judge a colour film: the true film's own figures, then each network frame by frame and made steady.

    Raises:
        ItemError: it is no film that can be read.
    """
    frames = list(islice(reference_frames(path, config.working_size), config.frames))
    rate = probe(path).read_rate
    starts = _shot_starts(frames, rate)
    colours: dict[str, Sequence[Chroma]] = {}
    for network in networks:
        framewise = list(_predict_frames(frames, network))
        colours[f"{network.name}, frame by frame"] = framewise
        colours[f"{network.name}, steady"] = list(_smoothed(frames, framewise, starts, config.smoothing))
    window = round(SECONDS * rate)
    reference, *accumulators = (
        FilmAccumulator(path.name, name, DriftMeter(window)) for name in ("the true film", *colours)
    )
    for number, (frame, transition) in enumerate(zip(frames, _transitions(frames, starts), strict=True)):
        reference.add(frame, frame.rgb, transition)
        for accumulator in accumulators:
            rgb = codes_with_luma(luma_codes(frame.rgb), colours[accumulator.name][number])
            accumulator.add(frame, rgb, transition)
    return tuple(accumulator.score() for accumulator in (reference, *accumulators))


def reference_frames(path: Path, short_side: int) -> Iterator[ReferenceFrame]:
    """The frames of a colour film, upright, square samples, at `short_side`."""
    facts = probe(path)
    geometry = geometry_of(facts, short_side)
    for frame in FrameReader(facts):
        yield ReferenceFrame(_rgb_of(frame, facts, geometry))


def _rgb_of(frame: Frame, facts: FilmFacts, geometry: Geometry) -> UInt8:
    """Upright sRGB codes by the film's own matrix and range."""
    assert frame.picture is not None
    picture = frame.picture.reformat(
        width=geometry.width,
        height=geometry.height,
        format="rgb24",
        src_colorspace=facts.matrix,
        src_color_range=2 if facts.sample_format.full else 1,
        interpolation="AREA",
    )
    return np.ascontiguousarray(np.rot90(picture.to_ndarray(), geometry.quarter_turns))


def _shot_starts(frames: Sequence[ReferenceFrame], rate: Fraction) -> frozenset[int]:
    """Numbers of the frames that begin a shot, by the film's own luma."""
    finder = GreyShotDetector(rate)
    for frame in frames:
        finder.add(luma_codes(frame.rgb), SampleFormat(8, full=True))
    return frozenset(shot.first for shot in finder.shots())


def _transitions(
    frames: Sequence[ReferenceFrame], starts: frozenset[int]
) -> Iterator[FrameTransition | None]:
    finder = MotionEstimator()
    for number, frame in enumerate(frames):
        if number in starts:
            yield None
        else:
            yield FrameTransition.between(finder, frames[number - 1].luma, frame.luma)


def _predict_frames(frames: Sequence[ReferenceFrame], network: NetworkEntrant) -> Iterator[Chroma]:
    lumas = (frame.luma for frame in frames)
    while batch := list(islice(lumas, BATCH_SIZE)):
        yield from network.predictor.predict(batch)


def _smoothed(
    frames: Sequence[ReferenceFrame], predictions: Sequence[Chroma], starts: frozenset[int], smoothing: float
) -> Iterator[Chroma]:
    """Chroma as `video` makes it steady, shot by shot, from the answers to key frames alone."""
    edges = [*sorted(starts), len(frames)]
    for first, end in pairwise(edges):
        keyframes = select_keyframes(
            (frame.luma for frame in frames[first:end]), keyframe_interval_for(smoothing)
        )
        shot = predictions[first:end]
        inputs = (
            SmootherInput.of(features, own if features.is_keyframe else None)
            for features, own in zip(keyframes, shot, strict=True)
        )
        for own, steady in zip(shot, smooth_chroma(inputs, smoothing), strict=True):
            yield Chroma(steady.cbcr, own.certainty, own.confidence)


def _length(ab: Float32) -> Float32:
    return np.asarray(np.hypot(ab[..., 0], ab[..., 1]), np.float32)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
