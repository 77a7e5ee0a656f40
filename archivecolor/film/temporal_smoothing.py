"""Colour that stands still: chroma averaged along motion within a shot.

Two averages are kept, each over time in both directions and weighted by how sure the network was: a
short one that follows what happens, and a long one, the steady colour of the shot, from which the
short one may not stray far. Where motion cannot be trusted an average starts anew by itself, and the
long one takes after its surroundings (`surroundings.py`).

Averages are sums that fade: what was seen `n` frames ago weighs `keep ** n`. Going forward the sums are
handed on from frame to frame; going backward they start `LOOKAHEAD` frames behind each block of `BLOCK`
frames. Blocks are counted from the first frame of the shot, so a frame's colour does not depend on
where segments end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.colour.chroma import Chroma
from archivecolor.film.keyframes import FlowState, FrameFeatures
from archivecolor.film.motion import Motion, Warp, vector_length
from archivecolor.film.surroundings import with_surroundings

BLOCK = 48
LOOKAHEAD = 32
# Frames the short average spans at full smoothing, and the long one against it.
_MAX_SPAN = 40.0
_LONG_TO_SHORT = 64.0
# How far colour may lie from the steady colour of the shot at full smoothing, as a fraction of full scale;
# `n` times as much smoothing is that to the power of `n`. More would be seen as a drift where a thing turns.
_MIN_DEVIATION = 1e-4
_MIN_CERTAINTY = 0.05
# A frame without an answer of its own takes colour from its neighbours even where motion is not trusted.
_MIN_TRUST = 1e-2
TINY = np.float32(1e-12)


@dataclass(frozen=True)
class SmootherInput:
    """One frame as it enters.

    Attributes:
        luma: float32 (h, w), 0..1, on the grid.
        motion: from the frame before, None at the start of a shot.
        flow_confidence: as in `FlowState`.
        chroma: what the network said, None where it was not asked.
    """

    luma: Float32
    motion: Motion | None
    flow_confidence: Float32
    chroma: Chroma | None

    @classmethod
    def of(cls, features: FrameFeatures, chroma: Chroma | None) -> SmootherInput:
        """What was seen, with its answer."""
        return cls(features.small, features.motion, features.flow_confidence, chroma)


@dataclass(frozen=True)
class RunningSums:
    """Fading sums over frames: float32 (h, w, 3) of weighted Cb, weighted Cr and weight."""

    short: Float32
    long: Float32


@dataclass(frozen=True)
class SmootherState:
    """What a shot hands on from one frame to the next.

    Attributes:
        flow: what was seen so far.
        sums: forward sums up to and with the last frame.
    """

    flow: FlowState
    sums: RunningSums


@dataclass(frozen=True)
class _SmoothedFrame:
    """One frame's steady colour.

    Attributes:
        cbcr: float32 (h, w, 2), BT.601 fractions, upright.
        state: what the next frame of the shot needs.
    """

    cbcr: Float32
    state: SmootherState


@dataclass(frozen=True)
class _Strength:
    """How much of the past and of the future a frame's colour holds.

    Attributes:
        short: share of a sum that is kept from frame to frame, short average.
        long: likewise, long average.
        deviation: how far the short average may lie from the long one, a fraction of full scale.
    """

    short: float
    long: float
    deviation: float


def _strength_of(smoothing: float) -> _Strength:
    """From 0 (each frame by itself) to 1 (the steadiest)."""
    span = _MAX_SPAN**smoothing
    if smoothing == 0:
        return _Strength(0.0, 0.0, 1.0)
    return _Strength(1 - 1 / span, 1 - 1 / (_LONG_TO_SHORT * span), _MIN_DEVIATION**smoothing)


@dataclass(frozen=True)
class _WeightedInput:
    """A frame of the window, its own weighted colour on the grid, None where the network was not asked."""

    frame: SmootherInput
    weighted: Float32 | None


def smooth_chroma(
    frames: Iterable[SmootherInput], strength: float, state: SmootherState | None = None
) -> Iterator[_SmoothedFrame]:
    """Steady colour for the frames of one shot, in order.

    Args:
        frames: all frames of the shot, or all that come after `state`.
        strength: 0..1.
        state: of the frame before the first of `frames`, None at the start of the shot.
    """
    own = _strength_of(strength)
    items = (_WeightedInput(frame, _weighted_chroma(frame)) for frame in frames)
    window: deque[_WeightedInput] = deque()
    while True:
        position = state.flow.position if state else 0
        block = BLOCK - position % BLOCK
        window.extend(islice(items, block + LOOKAHEAD - len(window)))
        if not window:
            return
        backward = _backward(list(window), own)
        for sums in backward[:block]:
            item = window.popleft()
            state = _forward(item, state, own)
            yield _SmoothedFrame(_colour(item, state.sums, sums, own), state)


def _weighted_chroma(frame: SmootherInput) -> Float32 | None:
    """A frame's answer on the grid (h, w, 3), weighted by how sure the network was."""
    from archivecolor.opencv import cv2

    if frame.chroma is None:
        return None
    height, width = frame.luma.shape
    certainty = np.maximum(frame.chroma.certainty, _MIN_CERTAINTY)[..., None]
    weight = cv2.resize(certainty, (width, height), interpolation=cv2.INTER_LINEAR)
    weighted = np.empty((height, width, 3), np.float32)
    weighted[..., 2] = weight
    cbcr = cv2.resize(frame.chroma.cbcr, (width, height), interpolation=cv2.INTER_CUBIC)
    weighted[..., :2] = cbcr * weight[..., None]
    return weighted


def _single(item: _WeightedInput) -> RunningSums:
    """Sums that hold one frame."""
    weighted = np.zeros((*item.frame.luma.shape, 3), np.float32) if item.weighted is None else item.weighted
    return RunningSums(weighted, weighted)


def _forward(item: _WeightedInput, state: SmootherState | None, own: _Strength) -> SmootherState:
    """The forward sums with one more frame."""
    frame, motion = item.frame, item.frame.motion
    if state is None or motion is None:
        return SmootherState(FlowState(1, frame.luma, frame.flow_confidence), _single(item))
    sums = _decayed(state.sums, motion.from_before, item.weighted, own)
    since = state.flow.since_keyframe + 1 if item.weighted is None else 1
    flow = FlowState(state.flow.position + 1, frame.luma, frame.flow_confidence, since)
    return SmootherState(flow, sums)


def _backward(window: list[_WeightedInput], own: _Strength) -> list[RunningSums]:
    """The backward sums of every frame of the window, in the order of the window."""
    sums = [_single(window[-1])]
    for item, after in zip(reversed(window[:-1]), reversed(window[1:]), strict=True):
        assert after.frame.motion is not None
        sums.append(_decayed(sums[-1], after.frame.motion.from_after, item.weighted, own))
    return sums[::-1]


def _decayed(sums: RunningSums, warp: Warp, weighted: Float32 | None, own: _Strength) -> RunningSums:
    """Sums brought along the motion, faded, with a frame's own values added."""
    trust = warp.trust if weighted is not None else np.maximum(warp.trust, np.float32(_MIN_TRUST))
    short = _times(warp.warp(sums.short), trust * np.float32(own.short))
    long = _times(warp.warp(sums.long), trust * np.float32(own.long))
    return RunningSums(short, long) if weighted is None else RunningSums(short + weighted, long + weighted)


def _colour(item: _WeightedInput, earlier: RunningSums, backward: RunningSums, own: _Strength) -> Float32:
    """The frame's colour from the sums on both sides, both of which hold the frame's own."""
    short, long = earlier.short + backward.short, earlier.long + backward.long
    if item.weighted is not None:
        short, long = short - item.weighted, long - item.weighted
    short = _mean(short)
    long = with_surroundings(long, item.frame.luma) if own.long else _mean(long)
    deviation = short - long
    magnitude = np.maximum(vector_length(deviation), np.float32(1e-6))
    scale: Float32 = np.minimum(np.float32(1), np.float32(own.deviation) / magnitude)
    return long + _times(deviation, scale)


def _mean(sums: Float32) -> Float32:
    """Weighted mean (h, w, 2) of a sum (h, w, 3)."""
    from archivecolor.opencv import cv2

    cb, cr, weight = cv2.split(sums)
    weight = np.maximum(weight, TINY)
    return np.asarray(cv2.merge([np.divide(cb, weight), np.divide(cr, weight)]), np.float32)


def _times(values: Float32, factor: Float32) -> Float32:
    """Values (h, w, c), each place by its factor (h, w); spread first, which is quicker than broadcasting."""
    from archivecolor.opencv import cv2

    return np.asarray(values * cv2.merge([factor] * values.shape[2]), np.float32)
