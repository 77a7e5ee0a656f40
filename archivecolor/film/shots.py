"""Where shots begin, found in grey, flickering, dusty film.

Colour is no help in grey film, and brightness jumps within shots. So frames are compared as
thumbnails brought to one mean and one contrast, with room for small movement and dust, and a cut is
only believed when the picture does not come back within a few frames: a flash is not a cut.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.film.pixels import Plane, SampleFormat

_Float64 = npt.NDArray[np.float64]

_THUMBNAIL_SIZE = (48, 36)  # across, down
# Seconds that a flash lasts at most, over which a dissolve is looked for, and which say on each side of a
# frame how much a shot moves; and the least of frames that they have to span.
_FLASH_SECONDS = Fraction(1, 8)
_DISSOLVE_SECONDS, _MIN_DISSOLVE_FRAMES = 1, 8
_NEIGHBOUR_SECONDS, _MIN_NEIGHBOUR_FRAMES = Fraction(1, 4), 3

# Distances are mean differences of thumbnails in units of their contrast; set on films of about this rate
# with known cuts. Of faster films frames at about this rate are judged: between closer ones less moves, and
# a film shown faster than it was shot repeats frames.
_USUAL_RATE = 24
CUT_DISTANCE = 0.16
CUT_AGAINST_NEIGHBOURS = 2.2
_RETURN_RATIO = 0.45  # share of a jump below which the picture came back
_JERK_RESIDUAL = 0.4  # share of a jump that a jerk of the camera leaves unexplained; cuts leave 0.7 and more
_MAX_GROWTH = 1.4  # of a jump's distance one frame later: more is fast movement
_CELL_LIMIT = 1.5  # a cell differs no more than this: a blot of dust weighs little
_BLANK_CONTRAST = 2.5 / 255
_MIN_CONTRAST = 6.0 / 255
_DISSOLVE_DISTANCE = 0.45
_DISSOLVE_RESIDUAL = 0.4
_DISSOLVE_SHARES = (0.2, 0.8)


@dataclass(frozen=True)
class Shot:
    """A run of frames that share one memory of colour.

    Attributes:
        first: its first frame, counting from 0.
        last: its last frame.
        begins: why it begins: start, cut, flash, after-flash, dissolve, fade or file.
    """

    first: int
    last: int
    begins: str

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Thumbnail:
    """A frame as shots are judged: one mean, one contrast, and the room each cell may move in."""

    cells: Float32
    low: Float32
    high: Float32
    contrast: float

    def overlap(self, down: int, across: int) -> Thumbnail:
        """What another frame shows too, when this one's cells lie so much further down and across in it."""
        height, width = self.cells.shape
        rows = slice(max(0, -down), height - max(0, down))
        columns = slice(max(0, -across), width - max(0, across))
        low, high = self.low[rows, columns], self.high[rows, columns]
        return Thumbnail(self.cells[rows, columns], low, high, self.contrast)


@dataclass(frozen=True)
class _Windows:
    """How many of the frames that are judged a stretch of time holds.

    Attributes:
        stride: one frame in so many is judged.
        comeback: over which a picture may come back.
        dissolve: over which a dissolve is looked for.
        neighbours: on each side, that say how much a shot moves.
    """

    stride: int
    comeback: int
    dissolve: int
    neighbours: int

    @classmethod
    def at_rate(cls, rate: Fraction) -> _Windows:
        """Windows for a film of so many frames per second."""
        stride = max(1, round(rate / _USUAL_RATE))
        judged = rate / stride
        return cls(
            stride,
            1 + math.ceil(_FLASH_SECONDS * judged),
            max(_MIN_DISSOLVE_FRAMES, round(_DISSOLVE_SECONDS * judged)),
            max(_MIN_NEIGHBOUR_FRAMES, round(_NEIGHBOUR_SECONDS * judged)),
        )


@dataclass(frozen=True)
class CutMeasure:
    """What a cut was judged by.

    Attributes:
        distance: of a frame from the one before; a cut has `CUT_DISTANCE` and more.
        neighbours: the usual distance of the frames around it; a cut has `CUT_AGAINST_NEIGHBOURS` times that.
    """

    distance: float
    neighbours: float


def measure_cut(distances: npt.NDArray[np.float32], frame: int, rate: Fraction) -> CutMeasure:
    """What a shot that begins with a frame was judged by, whether or not it was taken for a cut.

    Args:
        distances: of the whole film, as `ShotDetector.distances` gives them.
        frame: its number, from 0.
        rate: frames per second of the film.
    """
    windows = _Windows.at_rate(rate)
    judged = min(-(-frame // windows.stride), len(distances) - 1)
    return CutMeasure(float(distances[judged]), _usual_distance(distances, judged, windows.neighbours))


class ShotDetector:
    """Looks at every frame once, in order; `shots` then says where shots begin.

    Args:
        rate: frames per second.
    """

    def __init__(self, rate: Fraction) -> None:
        self._windows = _Windows.at_rate(rate)
        self._recent: deque[Thumbnail] = deque(maxlen=self._windows.dissolve + 1)
        self._last: Thumbnail | None = None
        # Numbers as they are, not as objects: a film has hundreds of thousands of frames.
        self._changes = array("d")  # of each frame, from the one before
        self._contrasts = array("d")  # of each frame
        self._steps = array("d")  # of each judged frame, from so many before it
        self._blends: list[_Blend] = []  # at each judged frame

    def add(self, luma: Plane, sample_format: SampleFormat) -> None:
        """Take one frame in."""
        thumbnail = _make_thumbnail(luma, sample_format)
        if self._windows.stride > 1:
            self._changes.append(0.0 if self._last is None else distance(self._last, thumbnail))
            self._last = thumbnail
        if len(self._contrasts) % self._windows.stride == 0:
            self._judge(thumbnail)
        self._contrasts.append(thumbnail.contrast)

    @property
    def distances(self) -> npt.NDArray[np.float32]:
        """How far each judged frame is from the one before, float32 (m,); see `measure_cut`."""
        return np.array(self._steps, np.float32)[:: self._windows.comeback]

    def shots(self) -> tuple[Shot, ...]:
        """All shots, in order, without gaps."""
        steps = np.array(self._steps).reshape(-1, self._windows.comeback)
        found = _find_dissolves(self._blends) | _find_cuts(steps, self._windows)
        begins = {self._first_changed(judged): why for judged, why in found.items()}
        for frame, why in _find_fades(np.array(self._contrasts)).items():
            near = [begin for begin in begins if abs(begin - frame) < self._windows.stride]
            if "after-flash" not in [begins[begin] for begin in near]:
                for begin in near:
                    del begins[begin]
                begins[frame] = why
        return shots_from_starts(begins, len(self._contrasts))

    def _judge(self, thumbnail: Thumbnail) -> None:
        """Compare a frame with the judged frames before it."""
        self._recent.append(thumbnail)
        past = list(self._recent)
        steps = [
            distance(past[-1 - back], thumbnail) if len(past) > back else 0.0
            for back in range(1, self._windows.comeback + 1)
        ]
        if steps[0] >= CUT_DISTANCE:
            left = _aligned_distance(past[-2], thumbnail)
            steps[0] = left if left < _JERK_RESIDUAL * steps[0] else steps[0]
        self._steps.extend(steps)
        blend = _fit_blend(past) if len(past) == self._windows.dissolve + 1 else _NO_BLEND
        self._blends.append(blend if blend.mixed else _NO_BLEND)

    def _first_changed(self, judged: int) -> int:
        """The frame between two judged ones, or the later one, that changes most."""
        last = judged * self._windows.stride
        first = last - self._windows.stride + 1
        if first >= last:
            return last
        return first + int(np.argmax(self._changes[first : last + 1]))


def _make_thumbnail(luma: Plane, sample_format: SampleFormat) -> Thumbnail:
    """A frame brought to one mean and one contrast, small."""
    from archivecolor.opencv import cv2

    small = sample_format.luma_fraction(cv2.resize(luma, _THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA))
    contrast = float(small.std())
    cells = (small - small.mean()) / np.float32(max(contrast, _MIN_CONTRAST))
    kernel = np.ones((3, 3), np.uint8)
    return Thumbnail(
        cells, np.asarray(cv2.erode(cells, kernel)), np.asarray(cv2.dilate(cells, kernel)), contrast
    )


def distance(one: Thumbnail, other: Thumbnail) -> float:
    """How much two frames differ beyond what a small movement explains."""
    return (_mean_excess(one.cells, other) + _mean_excess(other.cells, one)) / 2


def _aligned_distance(before: Thumbnail, after: Thumbnail) -> float:
    """How much two frames differ beyond what a jerk of the camera explains."""
    from archivecolor.opencv import cv2

    height, width = after.cells.shape
    top, left = height // 4, width // 4
    middle = after.cells[top : height - top, left : width - left]
    fit = cv2.matchTemplate(before.cells, middle, cv2.TM_CCOEFF_NORMED)
    row, column = np.unravel_index(int(np.argmax(fit)), fit.shape)
    down, across = int(row) - top, int(column) - left
    return distance(before.overlap(-down, -across), after.overlap(down, across))


def _mean_excess(cells: Float32, bounds: Thumbnail) -> float:
    """Mean of how far cells lie outside the room of another frame's."""
    beyond = np.maximum(np.maximum(cells - bounds.high, bounds.low - cells), 0)
    return float(np.minimum(beyond, _CELL_LIMIT).mean())


@dataclass(frozen=True)
class _Blend:
    """How far the middle of a stretch of frames is a mixture of its ends.

    Attributes:
        distance: of the two ends.
        residual: what the best mixture leaves, as a share of the difference of the ends.
        share: of the later end in the middle.
        end: frames from the stretch's last frame back to where the mixture is complete.
    """

    distance: float
    residual: float
    share: float
    end: int

    @property
    def mixed(self) -> bool:
        """The middle is a mixture of the ends, rather than one of them or something else."""
        low, high = _DISSOLVE_SHARES
        return self.residual < _DISSOLVE_RESIDUAL and low < self.share < high


_NO_BLEND = _Blend(0.0, 1.0, 0.0, 0)


def _fit_blend(past: Sequence[Thumbnail]) -> _Blend:
    """Compare the middle of a stretch with its ends."""
    first, middle, last = past[0], past[len(past) // 2], past[-1]
    apart = distance(first, last)
    if apart < _DISSOLVE_DISTANCE:
        return _NO_BLEND
    direction = last.cells - first.cells
    length = float((direction * direction).sum()) + 1e-6
    share = float(((middle.cells - first.cells) * direction).sum()) / length
    left = middle.cells - first.cells - np.float32(share) * direction
    residual = float(np.sqrt((left * left).sum() / length))
    return _Blend(apart, residual, share, _frames_after_blend(past, first, direction, length))


def _frames_after_blend(
    past: Sequence[Thumbnail], first: Thumbnail, direction: Float32, length: float
) -> int:
    """Frames at the end of a stretch that are the later picture alone."""
    count = 0
    for thumbnail in reversed(past):
        share = float(((thumbnail.cells - first.cells) * direction).sum()) / length
        if share < 0.94:
            break
        count += 1
    return count


def _find_cuts(steps: _Float64, windows: _Windows) -> dict[int, str]:
    """Cuts and flashes, by frame, from the distances to the frames before, 1 to `windows.comeback` back."""
    found: dict[int, str] = {}
    frame = 1
    while frame < len(steps):
        length = 0
        if _is_jump(steps, frame, windows.neighbours):
            length = _flash_length(steps, frame)
            if length:
                found[frame] = "flash"
                found[frame + length] = "after-flash"
            elif _is_lasting(steps, frame):
                found[frame] = "cut"
        frame += max(1, length + 1 if length else 1)
    return {frame: why for frame, why in found.items() if frame < len(steps)}


def _is_jump(steps: _Float64, frame: int, neighbours: int) -> bool:
    """Whether a frame differs from the one before far more than its neighbours do."""
    here = steps[frame, 0]
    if here < CUT_DISTANCE:
        return False
    return bool(here >= CUT_AGAINST_NEIGHBOURS * _usual_distance(steps[:, 0], frame, neighbours))


def _usual_distance(distances: _Float64 | npt.NDArray[np.float32], frame: int, neighbours: int) -> float:
    """How much changes from frame to frame around one."""
    before = distances[max(1, frame - neighbours) : frame]
    after = distances[frame + 1 : frame + 1 + neighbours]
    # The calmer side counts for little: a cut into a wild shot is a cut.
    return max((float(np.median(side)) for side in (before, after) if len(side)), default=0.0)


def _flash_length(steps: _Float64, frame: int) -> int:
    """After how many frames the picture from before the jump is back; 0 where it is not."""
    for length in range(1, steps.shape[1]):
        if frame + length < len(steps) and steps[frame + length, length] < _RETURN_RATIO * steps[frame, 0]:
            return length
    return 0


def _is_lasting(steps: _Float64, frame: int) -> bool:
    """Whether frames on both sides of a jump differ, not only the two that meet, and differ alike."""
    if frame + 1 < len(steps) and steps[frame + 1, 1] > _MAX_GROWTH * steps[frame, 0]:
        return False
    pairs = [steps[frame + ahead, ahead] for ahead in range(steps.shape[1]) if frame + ahead < len(steps)]
    pairs += [steps[frame, back] for back in range(1, steps.shape[1]) if frame > back]
    return bool(min(pairs) >= 0.7 * CUT_DISTANCE)


def _find_fades(contrasts: _Float64) -> dict[int, str]:
    """Where a picture comes back out of blank frames."""
    blank = contrasts < _BLANK_CONTRAST
    return {int(frame): "fade" for frame in np.flatnonzero(blank[:-1] & ~blank[1:]) + 1}


def _find_dissolves(blends: Sequence[_Blend]) -> dict[int, str]:
    """Where dissolves end."""
    found: dict[int, str] = {}
    run: list[tuple[float, int]] = []
    for frame, blend in enumerate([*blends, _NO_BLEND]):
        if blend.mixed:
            run.append((blend.residual / blend.distance, frame))
        elif run:
            _, best = min(run)
            found[best - max(0, blends[best].end - 1)] = "dissolve"
            run = []
    return found


def shots_from_starts(begins: dict[int, str], count: int) -> tuple[Shot, ...]:
    """Shots from their first frames and reasons."""
    if count == 0:
        return ()
    starts = sorted({0, *(frame for frame in begins if 0 < frame < count)})
    ends = [*(start - 1 for start in starts[1:]), count - 1]
    reasons = [begins.get(start, "start") if start else "start" for start in starts]
    return tuple(Shot(*shot) for shot in zip(starts, ends, reasons, strict=True))
