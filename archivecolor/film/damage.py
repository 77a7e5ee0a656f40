"""What age and handling did to a film, seen in its first pass: dirt, splices, weave, swinging light, titles.

Frames are looked at small. Nothing is repaired: what was seen is named, shot by shot, so that an archive
knows which reels want a cleaning and where colour deserves a look.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.colour.tone import Tone
from archivecolor.film.pixels import Plane, SampleFormat, halved

_SIZE = (128, 96)  # across, down
# Dirt is there for one frame: it differs so much from those on both sides, which differ by less than that.
_DIRT, _ALIKE = 0.12, 0.05
# It is only told from what moves where all around is still: over so many samples, so still in the mean.
_AROUND, _STILL = 13, 0.02
_MIN_DIRTY_SHARE, _MIN_DIRTY_FRAMES = 0.0005, 0.1
# Of the height of the picture: how far it is looked for, and what weave and a jump at a splice are at least.
_MAX_SHIFT, _MIN_WEAVE, _MIN_JUMP = 8 / 96, 0.003, 0.03
_JUMP_TO_WEAVE = 6
# Light swings where it strays so far from its course over so many frames, as a share of it.
_MIN_SWING, _COURSE, _DARKEST = 0.1, 25, 0.02
# From so much on the network sees frames without it: it would say other colours of brighter ones.
_MIN_LEVELLED = 0.2
# A title card is dark, with some of it bright and little in between, and stands still.
_DARK, _BRIGHT, _DARK_SHARE, _BRIGHT_SHARES = 0.3, 0.55, 0.7, (0.004, 0.28)
_BETWEEN_SHARE, _TITLE_FRAMES = 0.12, 0.8
# Duplicates that count: fewer are in every film.
_MIN_DUPLICATES = 3


@dataclass(frozen=True)
class FrameCondition:
    """What is kept of each frame, float32 (n,).

    Attributes:
        light: by how much most of it is brighter than the frame before, natural logarithm of the ratio.
        shift: how far it lies below the frame before, as a share of its height.
        dirt: share of it that neither neighbour shows.
        title: 1 where it looks like a title card, else 0.
    """

    light: Float32
    shift: Float32
    dirt: Float32
    title: Float32

    def packed(self) -> Float32:
        """As one array, float32 (4, n)."""
        return np.stack([self.light, self.shift, self.dirt, self.title])

    @classmethod
    def unpacked(cls, values: Float32) -> FrameCondition:
        """Of what `packed` gave."""
        return cls(*np.asarray(values, np.float32))


@dataclass(frozen=True)
class ShotDamage:
    """What was seen of a shot; nothing is 0 or False.

    Attributes:
        dirt: share of its frames that have dirt.
        splices: frames at which the picture jumps and comes back.
        duplicates: frames with the very luma of the one before.
        weave: mean distance of frames from their course, as a share of the height.
        light_swing: how far brightness swings about its course, as a share of it, from low to high.
        tinted_title: a title card of one tint.
    """

    dirt: float = 0.0
    splices: int = 0
    duplicates: int = 0
    weave: float = 0.0
    light_swing: float = 0.0
    tinted_title: bool = False

    def found(self) -> dict[str, object]:
        """What there is of it, by name."""
        return {name: value for name, value in asdict(self).items() if value}


class ConditionDetector:
    """Looks at every frame once, in order."""

    def __init__(self) -> None:
        self._small: list[Float32] = []
        self._light, self._shift, self._dirt, self._title = (array("f") for _ in range(4))

    def add(self, luma: Plane, sample_format: SampleFormat) -> None:
        """Take one frame in."""
        from archivecolor.opencv import cv2

        luma = halved(luma, (2 * _SIZE[0], 2 * _SIZE[1]))
        small = sample_format.luma_fraction(cv2.resize(luma, _SIZE, interpolation=cv2.INTER_AREA))
        self._light.append(_light_step(self._small[-1], small) if self._small else 0.0)
        self._title.append(_looks_like_title(small))
        self._shift.append(_shift(self._small[-1], small) if self._small else 0.0)
        self._small = [*self._small[-2:], small]
        if len(self._small) == 3:
            before, frame, after = self._small
            moved, moves = (round(shift * _SIZE[1]) for shift in self._shift[-2:])
            others = np.roll(before, moved, axis=0), np.roll(after, -moves, axis=0)
            self._dirt.append(_dirt_share(frame, *others))
        elif len(self._light) == 1:
            self._dirt.append(0.0)

    def result(self) -> FrameCondition:
        """Of all frames."""
        dirt = [*self._dirt, 0.0][: len(self._light)]
        columns = (self._light, self._shift, dirt, self._title)
        return FrameCondition(*(np.array(column, np.float32) for column in columns))


def _looks_like_title(small: Float32) -> float:
    dark, bright = float((small < _DARK).mean()), float((small > _BRIGHT).mean())
    low, high = _BRIGHT_SHARES
    return float(dark >= _DARK_SHARE and low <= bright <= high and 1 - dark - bright <= _BETWEEN_SHARE)


def _shift(before: Float32, after: Float32) -> float:
    """How far down a frame moved, as a share of its height, by the means of its rows."""
    reach = round(_MAX_SHIFT * _SIZE[1])
    rows, others = (np.diff(frame.mean(axis=1)) for frame in (before, after))
    middle = rows[reach:-reach]
    spread = float(middle.std()) + 1e-6
    shifted = np.lib.stride_tricks.sliding_window_view(others, len(middle))
    errors = np.abs(shifted - middle).mean(axis=1)
    best = int(errors.argmin())
    # What fits no better than anything else is another picture.
    if errors[best] > spread or best in (0, 2 * reach):
        return 0.0
    left, here, right = errors[best - 1 : best + 2]
    between = 0.5 * (left - right) / max(left - 2 * here + right, 1e-9)
    return float((best - reach + between) / _SIZE[1])


def _median(values: Float32) -> np.float32:
    """Of every third sample across and down, which say it as well."""
    return np.float32(np.median(values[::3, ::3]))


def _dirt_share(frame: Float32, before: Float32, after: Float32) -> float:
    """Share of a frame that is brighter, or darker, than all around it in neighbours that are alike."""
    from archivecolor.opencv import cv2

    # Brightness that swings is no dirt.
    before = before + _median(frame - before)
    after = after + _median(frame - after)
    kernel = np.ones((3, 3), np.uint8)
    above = frame - cv2.dilate(np.maximum(before, after), kernel)
    below = cv2.erode(np.minimum(before, after), kernel) - frame
    change = cv2.absdiff(before, after)
    alone = (np.maximum(above, below) > _DIRT) & (change < _ALIKE)
    if not alone.any():
        return 0.0
    return float((alone & (cv2.blur(change, (_AROUND, _AROUND)) < _STILL)).mean())


def shot_damage(
    condition: FrameCondition, digests: npt.NDArray[np.uint32], frames: slice, tone: Tone
) -> ShotDamage:
    """What was seen of one shot.

    Args:
        condition: of the film.
        digests: uint32 (n,), of its luma planes.
        frames: of the shot.
        tone: of the shot.
    """
    inside = slice(frames.start + 1, frames.stop - 1)  # what differs across a cut is no damage
    repeats = int((digests[frames][1:] == digests[frames][:-1]).sum())
    dirty = float((condition.dirt[inside] > _MIN_DIRTY_SHARE).mean()) if inside.stop > inside.start else 0.0
    shifts = condition.shift[slice(frames.start + 1, frames.stop)]
    weave = _weave(shifts)
    title = float(condition.title[frames].mean()) >= _TITLE_FRAMES
    return ShotDamage(
        dirt=round(dirty, 3) if dirty >= _MIN_DIRTY_FRAMES else 0.0,
        splices=_count_jumps(shifts, weave),
        duplicates=repeats if repeats >= _MIN_DUPLICATES and not title else 0,
        weave=round(weave, 4) if weave >= _MIN_WEAVE else 0.0,
        light_swing=_light_swing(condition.light[frames]),
        tinted_title=title and tone in (Tone.TONED, Tone.TINTED),
    )


def _weave(shifts: Float32) -> float:
    """Mean distance of frames from their course."""
    if len(shifts) < 3:
        return 0.0
    course = _course(shifts, 5)
    return float(np.median(np.abs(shifts - course)))


def _count_jumps(shifts: Float32, weave: float) -> int:
    """How often the picture jumps, by more than it weaves, and is back within two frames."""
    least = max(_MIN_JUMP, _JUMP_TO_WEAVE * weave)
    jumps, number = 0, 0
    while number < len(shifts) - 1:
        back = -shifts[number + 1 : number + 3]
        if abs(shifts[number]) >= least and np.any(np.abs(back - shifts[number]) < 0.5 * abs(shifts[number])):
            jumps += 1
            number += 2
        number += 1
    return jumps


def _light_step(before: Float32, after: Float32) -> float:
    """By how much most of a frame is brighter than the one before: what moves is the lesser part of it."""
    ratio = (after + _DARKEST) / (before + _DARKEST)
    return float(np.log(_median(ratio)))


def level_gains(condition: FrameCondition, frames: slice) -> Float32 | None:
    """What the luma of a shot's frames is multiplied by for light that stays on its course, float32 (n,).

    Args:
        condition: of all frames.
        frames: of the shot.

    Returns:
        None where light swings so little that it may be what is shown.
    """
    steps = condition.light[frames]
    if _light_swing(steps) < _MIN_LEVELLED:
        return None
    return np.asarray(np.exp(-_off_course(steps)), np.float32)


def _light_swing(steps: Float32) -> float:
    """From low to high about its course, as a share of it; 0 where it hardly swings."""
    if len(steps) < _COURSE // 2:
        return 0.0
    low, high = np.percentile(_off_course(steps), (5, 95))
    swing = float(np.expm1(high - low))
    return round(swing, 3) if swing >= _MIN_SWING else 0.0


def _off_course(steps: Float32) -> Float32:
    """How far the light of each frame is off its course, natural logarithm."""
    light = np.cumsum(steps, dtype=np.float32)
    return np.asarray(light - _course(light, _COURSE), np.float32)


def _course(values: Float32 | Sequence[float], span: int) -> Float32:
    """Means over so many values around each, the ends repeated."""
    padded = np.pad(
        np.asarray(values, np.float32), span // 2, mode="reflect" if len(values) > span else "edge"
    )
    means: Float32 = np.convolve(padded, np.full(span, 1 / span, np.float32), mode="valid")[: len(values)]
    return means
