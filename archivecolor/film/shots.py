"""Where shots begin, found in grey, flickering, dusty film.

Colour is no help in grey film, and brightness jumps within shots. So frames are compared as
thumbnails brought to one mean and one contrast, with room for small movement and dust, and a cut is
only believed when the picture does not come back within a few frames: a flash is not a cut.
"""

from __future__ import annotations

import csv
import io
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import UsageError
from archivecolor.film.pixels import Float32, Plane, SampleFormat

Float64 = npt.NDArray[np.float64]

THUMBNAIL_SIZE = (48, 36)  # across, down
RETURN_WINDOW = 4  # frames over which a picture may come back
DISSOLVE_WINDOW = 24  # frames over which a dissolve is looked for
NEIGHBOURS = 6  # frames on each side that say how much a shot moves

# Distances are mean differences of thumbnails in units of their contrast; set on films with known cuts.
CUT_DISTANCE = 0.16
CUT_AGAINST_NEIGHBOURS = 2.2
RETURN_RATIO = 0.45  # share of a jump below which the picture came back
JERK_RESIDUAL = 0.4  # share of a jump that a jerk of the camera leaves unexplained; cuts leave 0.7 and more
MAX_GROWTH = 1.4  # of a jump's distance one frame later: more is fast movement
CELL_LIMIT = 1.5  # a cell differs no more than this: a blot of dust weighs little
BLANK_CONTRAST = 2.5 / 255
MIN_CONTRAST = 6.0 / 255
DISSOLVE_DISTANCE = 0.45
DISSOLVE_RESIDUAL = 0.4
DISSOLVE_SHARES = (0.2, 0.8)

COLUMNS = ("shot", "first_frame", "last_frame", "start_seconds", "begins")


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


class ShotDetector:
    """Looks at every frame once, in order; `shots` then says where shots begin."""

    def __init__(self) -> None:
        self._recent: deque[Thumbnail] = deque(maxlen=DISSOLVE_WINDOW + 1)
        # Numbers as they are, not as objects: a film has hundreds of thousands of frames.
        self._steps = array("d")
        self._contrasts = array("d")
        self._blends: list[Blend] = []

    def add(self, luma: Plane, sample_format: SampleFormat) -> None:
        """Take one frame in."""
        thumbnail = make_thumbnail(luma, sample_format)
        self._recent.append(thumbnail)
        past = list(self._recent)
        steps = [
            distance(past[-1 - back], thumbnail) if len(past) > back else 0.0
            for back in range(1, RETURN_WINDOW + 1)
        ]
        if steps[0] >= CUT_DISTANCE:
            left = aligned_distance(past[-2], thumbnail)
            steps[0] = left if left < JERK_RESIDUAL * steps[0] else steps[0]
        self._steps.extend(steps)
        self._contrasts.append(thumbnail.contrast)
        blend = fit_blend(past) if len(past) == DISSOLVE_WINDOW + 1 else NO_BLEND
        self._blends.append(blend if blend.mixed else NO_BLEND)

    def shots(self) -> tuple[Shot, ...]:
        """All shots, in order, without gaps."""
        steps = np.array(self._steps).reshape(-1, RETURN_WINDOW)
        begins = find_dissolves(self._blends) | find_cuts(steps)
        for frame, why in find_fades(np.array(self._contrasts)).items():
            if begins.get(frame) != "after-flash":
                begins[frame] = why
        return shots_from_starts(begins, len(steps))


def make_thumbnail(luma: Plane, sample_format: SampleFormat) -> Thumbnail:
    """A frame brought to one mean and one contrast, small."""
    import cv2

    small = sample_format.luma_fraction(cv2.resize(luma, THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA))
    contrast = float(small.std())
    cells = (small - small.mean()) / np.float32(max(contrast, MIN_CONTRAST))
    kernel = np.ones((3, 3), np.uint8)
    return Thumbnail(
        cells, np.asarray(cv2.erode(cells, kernel)), np.asarray(cv2.dilate(cells, kernel)), contrast
    )


def distance(one: Thumbnail, other: Thumbnail) -> float:
    """How much two frames differ beyond what a small movement explains."""
    return (mean_excess(one.cells, other) + mean_excess(other.cells, one)) / 2


def aligned_distance(before: Thumbnail, after: Thumbnail) -> float:
    """How much two frames differ beyond what a jerk of the camera explains."""
    import cv2

    height, width = after.cells.shape
    top, left = height // 4, width // 4
    middle = after.cells[top : height - top, left : width - left]
    fit = cv2.matchTemplate(before.cells, middle, cv2.TM_CCOEFF_NORMED)
    row, column = np.unravel_index(int(np.argmax(fit)), fit.shape)
    down, across = int(row) - top, int(column) - left
    return distance(before.overlap(-down, -across), after.overlap(down, across))


def mean_excess(cells: Float32, bounds: Thumbnail) -> float:
    """Mean of how far cells lie outside the room of another frame's."""
    beyond = np.maximum(np.maximum(cells - bounds.high, bounds.low - cells), 0)
    return float(np.minimum(beyond, CELL_LIMIT).mean())


@dataclass(frozen=True)
class Blend:
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
        low, high = DISSOLVE_SHARES
        return self.residual < DISSOLVE_RESIDUAL and low < self.share < high


NO_BLEND = Blend(0.0, 1.0, 0.0, 0)


def fit_blend(past: Sequence[Thumbnail]) -> Blend:
    """Hold the middle of a stretch against its ends."""
    first, middle, last = past[0], past[len(past) // 2], past[-1]
    apart = distance(first, last)
    if apart < DISSOLVE_DISTANCE:
        return NO_BLEND
    direction = last.cells - first.cells
    length = float((direction * direction).sum()) + 1e-6
    share = float(((middle.cells - first.cells) * direction).sum()) / length
    left = middle.cells - first.cells - np.float32(share) * direction
    residual = float(np.sqrt((left * left).sum() / length))
    return Blend(apart, residual, share, frames_after_blend(past, first, direction, length))


def frames_after_blend(past: Sequence[Thumbnail], first: Thumbnail, direction: Float32, length: float) -> int:
    """Frames at the end of a stretch that are the later picture alone."""
    count = 0
    for thumbnail in reversed(past):
        share = float(((thumbnail.cells - first.cells) * direction).sum()) / length
        if share < 0.94:
            break
        count += 1
    return count


def find_cuts(steps: Float64) -> dict[int, str]:
    """Cuts and flashes, by frame, from the distances to the 1, 2, 3 and 4 frames before (n, 4)."""
    found: dict[int, str] = {}
    frame = 1
    while frame < len(steps):
        length = 0
        if is_jump(steps, frame):
            length = flash_length(steps, frame)
            if length:
                found[frame] = "flash"
                found[frame + length] = "after-flash"
            elif is_lasting(steps, frame):
                found[frame] = "cut"
        frame += max(1, length + 1 if length else 1)
    return {frame: why for frame, why in found.items() if frame < len(steps)}


def is_jump(steps: Float64, frame: int) -> bool:
    """Whether a frame differs from the one before far more than its neighbours do."""
    here = steps[frame, 0]
    if here < CUT_DISTANCE:
        return False
    before = steps[max(1, frame - NEIGHBOURS) : frame, 0]
    after = steps[frame + 1 : frame + 1 + NEIGHBOURS, 0]
    # The calmer side counts for little: a cut into a wild shot is a cut.
    usual = max((float(np.median(side)) for side in (before, after) if len(side)), default=0.0)
    return bool(here >= CUT_AGAINST_NEIGHBOURS * usual)


def flash_length(steps: Float64, frame: int) -> int:
    """After how many frames the picture from before the jump is back; 0 where it is not."""
    for length in range(1, RETURN_WINDOW):
        if frame + length < len(steps) and steps[frame + length, length] < RETURN_RATIO * steps[frame, 0]:
            return length
    return 0


def is_lasting(steps: Float64, frame: int) -> bool:
    """Whether frames on both sides of a jump differ, not only the two that meet, and differ alike."""
    if frame + 1 < len(steps) and steps[frame + 1, 1] > MAX_GROWTH * steps[frame, 0]:
        return False
    pairs = [steps[frame + ahead, ahead] for ahead in range(RETURN_WINDOW) if frame + ahead < len(steps)]
    pairs += [steps[frame, back] for back in range(1, RETURN_WINDOW) if frame > back]
    return bool(min(pairs) >= 0.7 * CUT_DISTANCE)


def find_fades(contrasts: Float64) -> dict[int, str]:
    """Where a picture comes back out of blank frames."""
    blank = contrasts < BLANK_CONTRAST
    return {int(frame): "fade" for frame in np.flatnonzero(blank[:-1] & ~blank[1:]) + 1}


def find_dissolves(blends: Sequence[Blend]) -> dict[int, str]:
    """Where dissolves end."""
    found: dict[int, str] = {}
    run: list[tuple[float, int]] = []
    for frame, blend in enumerate([*blends, NO_BLEND]):
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


def write_shots(path: Path, shots: Iterable[Shot], seconds: Sequence[float]) -> None:
    """Write the list as CSV, to be looked at, edited and given back by `--cuts FILE`.

    Args:
        path: of the list.
        shots: all shots.
        seconds: presentation time of every frame.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, shot in enumerate(shots, start=1):
        writer.writerow([number, shot.first, shot.last, f"{seconds[shot.first]:.3f}", shot.begins])
    with atomic_write(path) as part:
        part.write_text(text.getvalue(), encoding="utf-8")


def read_shots(path: Path, count: int) -> tuple[Shot, ...]:
    """Shots from a CSV with a column `first_frame`; what other columns say does not matter.

    Args:
        path: of the list.
        count: frames of the film.

    Raises:
        UsageError: the list cannot be read, or does not fit the film.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read the list of shots {path}: {error}") from error
    begins: dict[int, str] = {}
    last = -1
    for number, row in enumerate(rows, start=2):
        frame = first_frame_of(row, path, number)
        if not last < frame < count:
            raise UsageError(
                f"{path}, line {number}: first_frame {frame} must be above the row before and below the "
                f"film's {count} frames"
            )
        last = frame
        begins[frame] = "file"
    return shots_from_starts(begins, count)


def first_frame_of(row: dict[str, Any], path: Path, number: int) -> int:
    """The frame a row begins at."""
    text = row.get("first_frame")
    if text is None or not text.strip().isdigit():
        raise UsageError(f"{path}, line {number}: the column first_frame must hold a whole number")
    return int(text)
