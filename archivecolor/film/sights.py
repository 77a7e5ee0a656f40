"""Frames as they are seen before they have colour, and which of them the network is asked about.

The network is slow and says nearly the same of neighbouring frames. It is asked about key frames: one in
`KEY_EVERY`, and every frame that shows something which a neighbour does not. The others take their colour
along motion, from key frames on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from archivecolor.film.motion import Motion, MotionFinder
from archivecolor.film.pixels import Float32

KEY_EVERY = 4
# Share of a frame that may be new without the frame being a key frame.
MOST_NEW = 0.1
# Samples of the grid that motion is found and chroma averaged on, per sample of the network's luma.
GRID_SHARE = 0.5
LEAST_SIDE = 8


@dataclass(frozen=True)
class Sight:
    """One frame of a shot before it has colour.

    Attributes:
        luma: float32 (h, w), 0..1, what the network would see.
        small: float32 (gh, gw), the same on the grid of steady colour.
        motion: from the frame before, None at the start of a shot.
        is_key: the network is asked about it.
    """

    luma: Float32
    small: Float32
    motion: Motion | None
    is_key: bool


def key_every_for(smoothing: float) -> int:
    """Distance of key frames for a strength of smoothing: without any, each frame has its own colour."""
    return KEY_EVERY if smoothing else 1


def sights(
    lumas: Iterable[Float32], key_every: int, position: int = 0, last: Float32 | None = None
) -> Iterator[Sight]:
    """The frames of one shot with the motion between them, in order.

    What is a key frame depends on its place in the shot and on its neighbours alone, so a shot may be
    taken up anywhere.

    Args:
        lumas: float32 (h, w), 0..1, of the frames up to the end of the shot.
        key_every: distance of the frames that are key frames in any case; 1 for all.
        position: of the first of `lumas` in its shot, from 0.
        last: the frame before it on the grid, None at the start of the shot.
    """
    finder = MotionFinder()
    waiting: tuple[Float32, Float32, Motion | None] | None = None
    for place, luma in enumerate(lumas, start=position - 1):
        small = on_grid(luma)
        motion = None if last is None else finder.between(last, small)
        if waiting is not None:
            calm = is_calm(waiting[2]) and is_calm(motion)
            yield Sight(*waiting, is_key=not calm or place % key_every == 0)
        waiting, last = (luma, small, motion), small
    if waiting is not None:
        yield Sight(*waiting, is_key=True)


def on_grid(luma: Float32) -> Float32:
    """A frame's luma (h, w) on the grid of steady colour."""
    import cv2

    height, width = (max(LEAST_SIDE, round(side * GRID_SHARE)) for side in luma.shape)
    small: Float32 = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
    return small


def is_calm(motion: Motion | None) -> bool:
    """Whether nearly all of either frame is found in the other."""
    return motion is not None and motion.new <= MOST_NEW
