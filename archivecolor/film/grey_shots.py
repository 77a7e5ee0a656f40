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
from archivecolor.film.pixels import Plane, SampleFormat, halved
from archivecolor.film.shots import Shot, shots_from_starts

_Float64 = npt.NDArray[np.float64]

_THUMBNAIL_SIZE = (48, 36)  # across, down
# Seconds that a flash lasts at most, over which a dissolve is looked for, and which say on each side of a
# frame how much a shot moves; and the least of frames that they have to span.
_FLASH_SECONDS = Fraction(1, 8)
_DISSOLVE_SECONDS, _MIN_DISSOLVE_FRAMES = Fraction(7, 10), 8
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
# Frames are blank below this contrast, dust aside, and a picture is there again above the other.
_BLANK_CONTRAST, _PICTURE_CONTRAST = 2.5 / 255, 6.0 / 255
# Shares of a frame's cells that its contrast is taken between: dust is among the others.
_CONTRAST_PERCENTILES, _SPREAD_OF_PERCENTILES = (5, 95), 3.3
_MIN_CONTRAST, _DISSOLVE_DISTANCE = 6.0 / 255, 0.3
# Shares of what a frame shows: that the best mixture of both pictures leaves at most, and that either alone
# has to leave more than that.
_DISSOLVE_RESIDUAL, _DISSOLVE_GAIN = 0.65, 0.12
_MOVING_SHARE = 0.15  # of a side, that pictures move by while they are mixed
_DISSOLVE_SHARES, _MIN_MIXED_FRAMES, _LEAST_RISE = (0.2, 0.8), 2, 0.1


@dataclass(frozen=True)
class Thumbnail:
    """A frame as shots are judged: one mean, one contrast, and the room each cell may move in.

    Attributes:
        cells: float32 (h, w).
        low: least of the cells around each.
        high: largest of them.
        contrast: of the frame, dust aside, as a fraction of full scale.
    """

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
        rate: frames per second.
        stride: one frame in so many is judged.
        comeback: over which a picture may come back.
        dissolve: over which a dissolve is looked for.
        neighbours: on each side, that say how much a shot moves.
    """

    rate: Fraction
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
            rate,
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
        distances: of the whole film, as `GreyShotDetector.distances` gives them.
        frame: its number, from 0.
        rate: frames per second of the film.
    """
    windows = _Windows.at_rate(rate)
    judged = min(-(-frame // windows.stride), len(distances) - 1)
    return CutMeasure(float(distances[judged]), _usual_distance(distances, judged, windows.neighbours))


class GreyShotDetector:
    """The `ShotDetector` that films are cut by.

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
        self._unexplained = array("d")  # of each judged frame from the one before, jerks too
        self._blends = array("d")  # at each judged frame: share of the later picture in it, 0 for no mixture

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
        # A jerk that explains what a frame shows is still movement.
        moves = 0.4 * steps[:, 0] + 0.6 * np.array(self._unexplained)
        cuts = _find_cuts(steps, moves, self._windows)
        found = _find_dissolves(np.array(self._blends), self._windows) | cuts
        begins = {self._first_changed(judged): why for judged, why in found.items()}
        # What is over sooner is a flash.
        least = int(_FLASH_SECONDS * self._windows.rate) + 1
        fades = _find_fades(np.array(self._contrasts), least)
        return shots_from_starts(_with_fades(begins, fades, self._windows), len(self._contrasts))

    def _judge(self, thumbnail: Thumbnail) -> None:
        """Compare a frame with the judged frames before it."""
        self._recent.append(thumbnail)
        past = list(self._recent)
        steps = [
            distance(past[-1 - back], thumbnail) if len(past) > back else 0.0
            for back in range(1, self._windows.comeback + 1)
        ]
        self._unexplained.append(steps[0])
        if steps[0] >= CUT_DISTANCE:
            left = _aligned_distance(past[-2], thumbnail)
            steps[0] = left if left < min(_JERK_RESIDUAL * steps[0], CUT_DISTANCE) else steps[0]
        self._steps.extend(steps)
        self._blends.append(_mixed_share(past) if len(past) == self._windows.dissolve + 1 else 0.0)

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

    across, down = _THUMBNAIL_SIZE
    luma = halved(luma, (4 * across, 4 * down))
    small = sample_format.luma_fraction(cv2.resize(luma, _THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA))
    cells = (small - small.mean()) / np.float32(max(float(small.std()), _MIN_CONTRAST))
    kernel = np.ones((3, 3), np.uint8)
    dark, light = np.percentile(small, _CONTRAST_PERCENTILES)
    return Thumbnail(
        cells,
        np.asarray(cv2.erode(cells, kernel)),
        np.asarray(cv2.dilate(cells, kernel)),
        float(light - dark) / _SPREAD_OF_PERCENTILES,
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


def _mixed_share(past: Sequence[Thumbnail]) -> float:
    """How much of the later picture is in the middle of a stretch of frames that mixes its ends.

    Pictures go on moving while they are mixed, so the middle of the frame is compared with where it lies in
    both ends.

    Returns:
        0..1; 0 where it is no mixture.
    """
    if distance(past[0], past[-1]) < _DISSOLVE_DISTANCE:
        return 0.0
    half = len(past) // 2
    first, middle, last = (_lasting(some) for some in (past[:3], past[half - 1 : half + 2], past[-3:]))
    part = _middle(middle)
    before, after = _most_like(first, part), _most_like(last, part)
    part, before, after = part - part.mean(), before - before.mean(), after - after.mean()
    whole = float(np.sqrt((part * part).sum())) + 1e-6
    mixture = np.stack((before.ravel(), after.ravel()), axis=1)
    shares = np.linalg.lstsq(mixture, part.ravel(), rcond=None)[0]
    left = float(np.linalg.norm(part.ravel() - mixture @ shares)) / whole
    alone = min(_left_by(part, before), _left_by(part, after))
    if left > _DISSOLVE_RESIDUAL or alone < left + _DISSOLVE_GAIN or shares.min() <= 0:
        return 0.0
    share = float(shares[1] / shares.sum())
    low, high = _DISSOLVE_SHARES
    return share if low < share < high else 0.0


def _lasting(past: Sequence[Thumbnail]) -> Float32:
    """What three frames in a row show, without the dust of each."""
    return np.asarray(np.median(np.stack([thumbnail.cells for thumbnail in past]), axis=0), np.float32)


def _middle(cells: Float32) -> Float32:
    """A frame without its borders: room for it to have moved in."""
    height, width = cells.shape
    top, left = round(height * _MOVING_SHARE), round(width * _MOVING_SHARE)
    return cells[top : height - top, left : width - left]


def _most_like(cells: Float32, part: Float32) -> Float32:
    """The part of a frame that is most like a part of another one."""
    from archivecolor.opencv import cv2

    fit = cv2.matchTemplate(cells, part, cv2.TM_CCOEFF_NORMED)
    row, column = np.unravel_index(int(np.argmax(fit)), fit.shape)
    height, width = part.shape
    return cells[row : row + height, column : column + width]


def _left_by(part: Float32, other: Float32) -> float:
    """The share of a part (h, w), of mean 0, that the best multiple of another one leaves."""
    length = float((other * other).sum()) + 1e-6
    left = part - np.float32(float((part * other).sum()) / length) * other
    return float(np.sqrt((left * left).sum() / ((part * part).sum() + 1e-6)))


def _find_cuts(steps: _Float64, moves: _Float64, windows: _Windows) -> dict[int, str]:
    """Cuts and flashes, by frame.

    Args:
        steps: distances (m, n) of judged frames to those before, 1 to `windows.comeback` back.
        moves: distances (m,) to the frame before that tell how much a shot moves.
        windows: of the film.
    """
    found: dict[int, str] = {}
    frame = 1
    while frame < len(steps):
        length = 0
        if _is_jump(steps, moves, frame, windows.neighbours):
            length = _flash_length(steps, frame)
            if length:
                found[frame] = "flash"
                found[frame + length] = "after-flash"
            elif _is_lasting(steps, frame):
                found[frame] = "cut"
        frame += max(1, length + 1 if length else 1)
    return {frame: why for frame, why in found.items() if frame < len(steps)}


def _is_jump(steps: _Float64, moves: _Float64, frame: int, neighbours: int) -> bool:
    """Whether a frame differs from the one before far more than its neighbours do."""
    here = steps[frame, 0]
    if here < CUT_DISTANCE:
        return False
    return bool(here >= CUT_AGAINST_NEIGHBOURS * _usual_distance(moves, frame, neighbours))


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


def _find_fades(contrasts: _Float64, least: int) -> dict[int, int]:
    """Where a picture comes back out of so many blank frames at least, each with the first faint one."""
    found: dict[int, int] = {}
    begin: int | None = None
    for frame, contrast in enumerate(contrasts):
        if contrast < _BLANK_CONTRAST and begin is None:
            faint = contrasts[max(0, frame - least) : frame] < _PICTURE_CONTRAST
            begin = frame - int(np.argmin(faint[::-1])) if not faint.all() else frame
        elif begin is not None and contrast >= _PICTURE_CONTRAST:
            found |= {frame: begin} if frame - begin >= least else {}
            begin = None
    return found


def _with_fades(begins: dict[int, str], fades: dict[int, int], windows: _Windows) -> dict[int, str]:
    """Where shots begin, by frame, fades in the place of what was seen while the frames were blank."""
    kept = dict(begins)
    for frame, blank in fades.items():
        near = [one for one in kept if blank < one <= frame + windows.stride]
        if "after-flash" not in [kept[one] for one in near]:
            for one in near:
                del kept[one]
            kept[frame] = "fade"
    return kept


def _find_dissolves(blends: _Float64, windows: _Windows) -> dict[int, str]:
    """Where dissolves end, from shares of the later picture, of the stretches that end with each frame."""
    found: dict[int, str] = {}
    mixed = np.flatnonzero(blends)
    for run in np.split(mixed, np.flatnonzero(np.diff(mixed) > windows.neighbours) + 1):
        half = len(run) // 2
        rise = float(np.mean(blends[run[-half:]]) - np.mean(blends[run[:half]])) if half else 0.0
        if len(run) >= _MIN_MIXED_FRAMES and rise >= _LEAST_RISE:
            # What is seen is the middle of it, by shares of the later picture: as much again follows.
            end = int(run[-1]) - windows.dissolve // 2 + (int(run[-1]) - int(run[0])) // 3
            found[min(end, len(blends) - 1)] = "dissolve"
    return found
