"""Frames as they are seen before they have colour, and which of them the network is asked about.

The network is slow and says nearly the same of neighbouring frames. It is asked about key frames: one in
`KEYFRAME_INTERVAL`, and frames with an area that motion leads to no key frame, before it or after it, as
a hand that moves fast; where all is new all the time, one in `MIN_DISTANCE`. The others take their colour
along motion, from key frames on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.film.motion import RELIABLE, Motion, MotionEstimator, Warp

KEYFRAME_INTERVAL = 8
# No key frame is nearer to another one, but for the last frame of a shot: what is seen for a shorter time has
# its colour from around it.
MIN_DISTANCE = 3
# An area is a square of so many samples of the grid; it is uncovered where more than this share of them is.
_AREA_SIDE, _MAX_UNCOVERED = 11, 0.6
# Samples of the grid that motion is found and chroma averaged on, per sample of the network's luma.
_GRID_SCALE = 0.5
_MIN_SIDE = 8


@dataclass(frozen=True)
class FlowState:
    """What a shot hands on to the frame after.

    Attributes:
        position: of the frame after in its shot, from 1.
        luma: float32 (gh, gw), of the frame before on the grid.
        flow_confidence: float32 (gh, gw), 0..1, how far it can be trusted that motion leads from each of its
            samples back to the last key frame.
        since_keyframe: frames from the last key frame to the frame after, from 1.
    """

    position: int
    luma: Float32
    flow_confidence: Float32
    since_keyframe: int = 1


@dataclass(frozen=True)
class FrameFeatures:
    """One frame of a shot before it has colour.

    Attributes:
        luma: float32 (h, w), 0..1, what the network would see.
        small: float32 (gh, gw), the same on the grid of steady colour.
        motion: from the frame before, None at the start of a shot.
        flow_confidence: as in `FlowState`; 1 throughout for a key frame.
        is_keyframe: the network is asked about it.
    """

    luma: Float32
    small: Float32
    motion: Motion | None
    flow_confidence: Float32
    is_keyframe: bool


@dataclass(frozen=True)
class _Candidate:
    """A frame that may be a key frame or not."""

    luma: Float32
    small: Float32
    motion: Motion


def keyframe_interval_for(smoothing: float) -> int:
    """Distance of key frames for a strength of smoothing: without any, each frame has its own colour."""
    return KEYFRAME_INTERVAL if smoothing else 1


def select_keyframes(
    lumas: Iterable[Float32], keyframe_interval: int, flow: FlowState | None = None
) -> Iterator[FrameFeatures]:
    """The frames of one shot with the motion between them, in order.

    Args:
        lumas: float32 (h, w), 0..1, of the frames up to the end of the shot.
        keyframe_interval: distance of the frames that are key frames in any case; 1 for all.
        flow: of the frame before the first of `lumas`, None at the start of the shot.
    """
    estimator = MotionEstimator()
    pending: list[_Candidate] = []
    last = None if flow is None else flow.luma
    trail = None if flow is None else _Trail(flow.flow_confidence, flow.since_keyframe)
    for position, luma in enumerate(lumas, start=0 if flow is None else flow.position):
        small = _to_grid(luma)
        motion = None if last is None else estimator.estimate(last, small)
        last = small
        if motion is not None and position % keyframe_interval:
            pending.append(_Candidate(luma, small, motion))
            continue
        if motion is not None and trail is not None:
            yield from _resolve_keyframes(pending, motion, trail)
        pending, trail = [], _Trail(np.ones_like(small), 1)
        yield FrameFeatures(luma, small, motion, trail.flow_confidence, is_keyframe=True)
    if pending and trail is not None:
        # The last frame of a shot has none after it.
        *others, end = pending
        yield from _resolve_keyframes(others, end.motion, trail)
        yield FrameFeatures(end.luma, end.small, end.motion, np.ones_like(end.small), is_keyframe=True)


@dataclass(frozen=True)
class _Trail:
    """What leads back from a frame to the last key frame.

    Attributes:
        flow_confidence: as in `FlowState`, of the frame before.
        since_keyframe: as in `FlowState`.
    """

    flow_confidence: Float32
    since_keyframe: int


def _resolve_keyframes(
    pending: Sequence[_Candidate], after: Motion, trail: _Trail
) -> Iterator[FrameFeatures]:
    """Frames between two key frames, with those among them that have to be key frames too.

    Args:
        pending: the frames.
        after: motion from the last of them to the key frame behind them.
        trail: from the first of them.
    """
    forward: list[Float32] = []
    for motion in (after, *(frame.motion for frame in reversed(pending)))[: len(pending)]:
        forward.append(_propagate_confidence(motion.from_after, forward[-1] if forward else None))
    for number, (frame, to_next) in enumerate(zip(pending, reversed(forward), strict=True)):
        to_last = _propagate_confidence(frame.motion.from_before, trail.flow_confidence)
        far_enough = min(trail.since_keyframe, len(pending) - number) >= MIN_DISTANCE
        is_keyframe = far_enough and _has_uncovered_area(np.maximum(to_last, to_next))
        new, old = _Trail(np.ones_like(to_last), 1), _Trail(to_last, trail.since_keyframe + 1)
        trail = new if is_keyframe else old
        yield FrameFeatures(frame.luma, frame.small, frame.motion, trail.flow_confidence, is_keyframe)


def _propagate_confidence(warp: Warp, flow_confidence: Float32 | None) -> Float32:
    """Flow confidence (gh, gw) of a frame, from that of its neighbour, None for a key frame."""
    return warp.trust if flow_confidence is None else np.minimum(warp.trust, warp.warp(flow_confidence))


def _has_uncovered_area(flow_confidence: Float32) -> bool:
    """Whether a frame with this flow confidence (gh, gw) has an area that motion leads to no key frame."""
    from archivecolor.opencv import cv2

    return (
        float(cv2.blur((flow_confidence < RELIABLE).astype(np.float32), (_AREA_SIDE, _AREA_SIDE)).max())
        > _MAX_UNCOVERED
    )


def _to_grid(luma: Float32) -> Float32:
    """A frame's luma (h, w) on the grid of steady colour."""
    from archivecolor.opencv import cv2

    height, width = (max(_MIN_SIDE, round(side * _GRID_SCALE)) for side in luma.shape)
    return np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA), np.float32)
