"""Frames as they are seen before they have colour, and which of them the network is asked about.

The network is slow and says nearly the same of neighbouring frames. It is asked about key frames: one in
`KEY_EVERY`, and every frame with a place that motion leads to no key frame, before it or after it, as a hand
that moves fast. The others take their colour along motion, from key frames on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from archivecolor.film.motion import TRUSTED, Motion, MotionFinder, Pull
from archivecolor.film.pixels import Float32

KEY_EVERY = 4
# A place is a square of so many samples of the grid; it is new where more than this share of them is.
PLACE, MOST_NEW = 7, 0.5
# Samples of the grid that motion is found and chroma averaged on, per sample of the network's luma.
GRID_SHARE = 0.5
LEAST_SIDE = 8


@dataclass(frozen=True)
class Before:
    """What a shot hands on to the frame after.

    Attributes:
        position: of the frame after in its shot, from 1.
        luma: float32 (gh, gw), of the frame before on the grid.
        reach: float32 (gh, gw), 0..1, how far it can be trusted that motion leads from each of its samples
            back to the last key frame.
    """

    position: int
    luma: Float32
    reach: Float32


@dataclass(frozen=True)
class Sight:
    """One frame of a shot before it has colour.

    Attributes:
        luma: float32 (h, w), 0..1, what the network would see.
        small: float32 (gh, gw), the same on the grid of steady colour.
        motion: from the frame before, None at the start of a shot.
        reach: as in `Before`; 1 throughout for a key frame.
        is_key: the network is asked about it.
    """

    luma: Float32
    small: Float32
    motion: Motion | None
    reach: Float32
    is_key: bool


@dataclass(frozen=True)
class _Unsure:
    """A frame that may be a key frame or not."""

    luma: Float32
    small: Float32
    motion: Motion


def key_every_for(smoothing: float) -> int:
    """Distance of key frames for a strength of smoothing: without any, each frame has its own colour."""
    return KEY_EVERY if smoothing else 1


def sights(lumas: Iterable[Float32], key_every: int, before: Before | None = None) -> Iterator[Sight]:
    """The frames of one shot with the motion between them, in order.

    Args:
        lumas: float32 (h, w), 0..1, of the frames up to the end of the shot.
        key_every: distance of the frames that are key frames in any case; 1 for all.
        before: of the frame before the first of `lumas`, None at the start of the shot.
    """
    finder = MotionFinder()
    waiting: list[_Unsure] = []
    last, reach = (None, None) if before is None else (before.luma, before.reach)
    for position, luma in enumerate(lumas, start=0 if before is None else before.position):
        small = on_grid(luma)
        motion = None if last is None else finder.between(last, small)
        last = small
        if motion is not None and position % key_every:
            waiting.append(_Unsure(luma, small, motion))
            continue
        if motion is not None and reach is not None:
            yield from judged(waiting, motion, reach)
        waiting, reach = [], np.ones_like(small)
        yield Sight(luma, small, motion, reach, is_key=True)
    if waiting and reach is not None:
        # The last frame of a shot has none after it.
        *others, end = waiting
        yield from judged(others, end.motion, reach)
        yield Sight(end.luma, end.small, end.motion, np.ones_like(end.small), is_key=True)


def judged(waiting: Sequence[_Unsure], after: Motion, reach: Float32) -> Iterator[Sight]:
    """Frames between two key frames, with those among them that have to be key frames too.

    Args:
        waiting: the frames.
        after: motion from the last of them to the key frame behind them.
        reach: of the frame before them.
    """
    onward: list[Float32] = []
    for motion in (after, *(frame.motion for frame in reversed(waiting)))[: len(waiting)]:
        onward.append(reached(motion.from_after, onward[-1] if onward else None))
    for frame, to_next in zip(waiting, reversed(onward), strict=True):
        to_last = reached(frame.motion.from_before, reach)
        is_key = has_new_place(np.maximum(to_last, to_next))
        reach = np.ones_like(to_last) if is_key else to_last
        yield Sight(frame.luma, frame.small, frame.motion, reach, is_key)


def reached(pull: Pull, reach: Float32 | None) -> Float32:
    """Reach (gh, gw) of a frame, from that of the neighbour it pulls from, None for a key frame."""
    return pull.trust if reach is None else np.minimum(pull.trust, pull.bring(reach))


def has_new_place(reach: Float32) -> bool:
    """Whether a frame with this reach (gh, gw) has a place that motion leads to no key frame."""
    import cv2

    return float(cv2.blur((reach < TRUSTED).astype(np.float32), (PLACE, PLACE)).max()) > MOST_NEW


def on_grid(luma: Float32) -> Float32:
    """A frame's luma (h, w) on the grid of steady colour."""
    import cv2

    height, width = (max(LEAST_SIDE, round(side * GRID_SHARE)) for side in luma.shape)
    small: Float32 = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
    return small
