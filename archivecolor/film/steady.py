"""Colour that stands still: chroma averaged along motion within a shot.

Two averages are kept, each over time in both directions and weighted by how sure the network was: a
short one that follows what happens, and a long one, the steady colour of the shot, from which the
short one may not stray far. Where motion cannot be trusted an average starts anew by itself.

Averages are sums that fade: what was seen `n` frames ago weighs `keep ** n`. Going forward the sums are
handed on from frame to frame; going backward they start `AHEAD` frames behind each block of `BLOCK`
frames. Blocks are counted from the first frame of the shot, so a frame's colour does not depend on
where segments end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from archivecolor.colour.chroma import Chroma
from archivecolor.film.motion import Motion, Pull, length
from archivecolor.film.pixels import Float32
from archivecolor.film.sights import Before, Sight

BLOCK = 48
AHEAD = 32
# Frames the short average spans at full smoothing, and the long one against it.
LONGEST = 40.0
LONG_AGAINST_SHORT = 8.0
# How far colour may lie from the steady colour of the shot, as a fraction of full scale.
BAND = 0.02
LEAST_CERTAINTY = 0.05
# A frame without an answer of its own takes colour from its neighbours even where motion is not trusted.
LEAST_TRUST = 1e-2
TINY = np.float32(1e-12)


@dataclass(frozen=True)
class Look:
    """One frame as it enters.

    Attributes:
        luma: float32 (h, w), 0..1, on the grid.
        motion: from the frame before, None at the start of a shot.
        reach: as in `Before`.
        chroma: what the network said, None where it was not asked.
    """

    luma: Float32
    motion: Motion | None
    reach: Float32
    chroma: Chroma | None

    @classmethod
    def of(cls, sight: Sight, chroma: Chroma | None) -> Look:
        """What was seen, with its answer."""
        return cls(sight.small, sight.motion, sight.reach, chroma)


@dataclass(frozen=True)
class Sums:
    """Fading sums over frames: float32 (h, w, 3) of weighted Cb, weighted Cr and weight."""

    short: Float32
    long: Float32


@dataclass(frozen=True)
class Memory:
    """What a shot hands on from one frame to the next.

    Attributes:
        before: what was seen so far.
        sums: forward sums up to and with the last frame.
    """

    before: Before
    sums: Sums


@dataclass(frozen=True)
class Steady:
    """One frame's steady colour.

    Attributes:
        cbcr: float32 (h, w, 2), BT.601 fractions, upright.
        memory: what the next frame of the shot needs.
    """

    cbcr: Float32
    memory: Memory


@dataclass(frozen=True)
class Smoothing:
    """How much of the past and of the future a frame's colour holds.

    Attributes:
        short: share of a sum that is kept from frame to frame, short average.
        long: likewise, long average.
    """

    short: float
    long: float


def smoothing_of(strength: float) -> Smoothing:
    """Shares for a strength from 0 (each frame by itself) to 1 (the steadiest)."""
    span = LONGEST**strength
    if strength == 0:
        return Smoothing(0.0, 0.0)
    return Smoothing(1 - 1 / span, 1 - 1 / (LONG_AGAINST_SHORT * span))


@dataclass(frozen=True)
class _Entry:
    """A frame of the window, its own weighted colour on the grid, None where the network was not asked."""

    look: Look
    own: Float32 | None


def steadied(looks: Iterable[Look], strength: float, memory: Memory | None = None) -> Iterator[Steady]:
    """Steady colour for the frames of one shot, in order.

    Args:
        looks: all frames of the shot, or all that come after `memory`.
        strength: 0..1.
        memory: of the frame before the first of `looks`, None at the start of the shot.
    """
    smoothing = smoothing_of(strength)
    entries = (_Entry(look, _own(look)) for look in looks)
    window: deque[_Entry] = deque()
    while True:
        position = memory.before.position if memory else 0
        block = BLOCK - position % BLOCK
        window.extend(islice(entries, block + AHEAD - len(window)))
        if not window:
            return
        later = _backward(list(window), smoothing)
        for sums in later[:block]:
            entry = window.popleft()
            memory = _forward(entry, memory, smoothing)
            yield Steady(_colour(entry, memory.sums, sums), memory)


def _own(look: Look) -> Float32 | None:
    """A frame's answer on the grid (h, w, 3), weighted by how sure the network was."""
    import cv2

    if look.chroma is None:
        return None
    height, width = look.luma.shape
    certainty = np.maximum(look.chroma.certainty, LEAST_CERTAINTY)[..., None]
    weight = cv2.resize(certainty, (width, height), interpolation=cv2.INTER_LINEAR)
    own = np.empty((height, width, 3), np.float32)
    own[..., 2] = weight
    cbcr = cv2.resize(look.chroma.cbcr, (width, height), interpolation=cv2.INTER_CUBIC)
    own[..., :2] = cbcr * weight[..., None]
    return own


def _alone(entry: _Entry) -> Sums:
    """Sums that hold one frame."""
    own = np.zeros((*entry.look.luma.shape, 3), np.float32) if entry.own is None else entry.own
    return Sums(own, own)


def _forward(entry: _Entry, memory: Memory | None, smoothing: Smoothing) -> Memory:
    """The forward sums with one more frame."""
    look, motion = entry.look, entry.look.motion
    if memory is None or motion is None:
        return Memory(Before(1, look.luma, look.reach), _alone(entry))
    sums = _faded(memory.sums, motion.from_before, entry.own, smoothing)
    return Memory(Before(memory.before.position + 1, look.luma, look.reach), sums)


def _backward(window: list[_Entry], smoothing: Smoothing) -> list[Sums]:
    """The backward sums of every frame of the window, in the order of the window."""
    sums = [_alone(window[-1])]
    for entry, after in zip(reversed(window[:-1]), reversed(window[1:]), strict=True):
        assert after.look.motion is not None
        sums.append(_faded(sums[-1], after.look.motion.from_after, entry.own, smoothing))
    return sums[::-1]


def _faded(sums: Sums, pull: Pull, own: Float32 | None, smoothing: Smoothing) -> Sums:
    """Sums brought along the motion, faded, with a frame's own values added."""
    trust = (pull.trust if own is not None else np.maximum(pull.trust, np.float32(LEAST_TRUST)))[..., None]
    short = pull.bring(sums.short) * (trust * np.float32(smoothing.short))
    long = pull.bring(sums.long) * (trust * np.float32(smoothing.long))
    return Sums(short, long) if own is None else Sums(short + own, long + own)


def _colour(entry: _Entry, earlier: Sums, later: Sums) -> Float32:
    """The frame's colour from the sums on both sides, both of which hold the frame's own."""
    short, long = earlier.short + later.short, earlier.long + later.long
    if entry.own is not None:
        short, long = short - entry.own, long - entry.own
    short, long = _mean(short), _mean(long)
    astray = short - long
    far = np.maximum(length(astray), np.float32(1e-6))[..., None]
    within: Float32 = np.minimum(np.float32(1), np.float32(BAND) / far)
    return long + astray * within


def _mean(sums: Float32) -> Float32:
    """Weighted mean (h, w, 2) of a sum (h, w, 3)."""
    mean: Float32 = sums[..., :2] / np.maximum(sums[..., 2:], TINY)
    return mean
