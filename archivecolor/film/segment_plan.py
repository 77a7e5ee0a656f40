"""Into which segments a film is divided, by sizes alone, and which of them are still to be made."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.atomic import remove_file
from archivecolor.archive.correction import shot_values
from archivecolor.film.film import Film, View

# Pessimistic seconds of work per frame on a slow machine: at any size, the network at 256, per megapixel.
_FRAME_SECONDS, _NETWORK_SECONDS, _MEGAPIXEL_SECONDS, _HIGH_QUALITY_FACTOR = 0.02, 0.15, 0.3, 10
_MIN_FRAMES = 8


@dataclass(frozen=True)
class Segment:
    """A run of frames that is made and kept as one file.

    Attributes:
        number: from 0.
        first: its first frame.
        last: its last frame.
        decided: digest of what was decided about its shots; empty where nothing was.
    """

    number: int
    first: int
    last: int
    decided: str = ""

    @property
    def name(self) -> str:
        """Of its files, without suffix."""
        return f"segment-{self.number:05d}" + (f"-{self.decided}" if self.decided else "")


@dataclass(frozen=True)
class WorkFolder:
    """Where a film's work files lie.

    Attributes:
        path: the folder.
        suffix: of segments, by which their container goes.
    """

    path: Path
    suffix: str = ".mkv"

    @property
    def key(self) -> str:
        """Of all that shapes the work files but what was decided about shots."""
        return self.path.name.rpartition("-")[2]

    def first_pass(self, fields: str) -> Path:
        """What the first look found in the film, its fields kept or undone."""
        return self.path / f"survey-{fields}.npz"

    @property
    def set_ups(self) -> Path:
        """Which shots show one set-up."""
        return self.path / "set-ups.npz"

    @property
    def trial(self) -> Path:
        """A file that is only written to find out what a container takes."""
        return self.path / "trial"

    @property
    def shots(self) -> Path:
        """The list of shots, for people."""
        return self.path / "shots.csv"

    def segment(self, segment: Segment) -> Path:
        """The picture of a segment."""
        return self.path / f"{segment.name}{self.suffix}"

    def state(self, segment: Segment) -> Path:
        """What a segment hands on to the next, where it ends inside a shot."""
        return self.path / f"{segment.name}.npz"

    def confidence(self, segment: Segment) -> Path:
        """How sure the network was of the frames it was asked about."""
        return self.path / f"{segment.name}-confidence.npy"

    def remove_foreign(self) -> None:
        """Remove what is no file of ours: links, files with a second name, pipes, folders.

        Raises:
            OutputError: it cannot be removed.
        """
        for path in self.path.iterdir():
            about = path.lstat()
            if stat.S_ISDIR(about.st_mode):
                shutil.rmtree(path, ignore_errors=True)
            elif not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
                remove_file(path)

    def remove_others(self, start: str) -> None:
        """Remove the work folders beside it whose names begin so: of the same film, for another purpose."""
        for other in self.path.parent.iterdir():
            if other.name.startswith(start) and other != self.path:
                shutil.rmtree(other, ignore_errors=True)

    def clear(self) -> None:
        """Remove it, pictures first: a segment that is there counts as made, with all that goes with it."""
        for picture in self.path.glob(f"segment-*{self.suffix}"):
            picture.unlink()
        shutil.rmtree(self.path, ignore_errors=True)


def frames_per_segment(target_seconds: float, seconds_per_frame: float) -> int:
    """Frames whose making takes about this long."""
    return max(_MIN_FRAMES, int(target_seconds / seconds_per_frame))


def seconds_per_frame(width: int, height: int, working_size: int, high_quality: bool) -> float:
    """Pessimistic time one frame takes on a slow machine; by size alone, so that plans are repeatable."""
    network = _NETWORK_SECONDS * (working_size / 256) ** 2 * (_HIGH_QUALITY_FACTOR if high_quality else 1)
    return _FRAME_SECONDS + network + _MEGAPIXEL_SECONDS * width * height / 1e6


def plan_segments(film: Film, max_frames: int) -> tuple[Segment, ...]:
    """Segments of at most about `max_frames` frames that end with shots where they can.

    A segment inside a shot never begins with a frame that repeats the one before.
    """
    starts = [0]
    for shot in film.shots:
        if shot.last + 1 - starts[-1] > max_frames and shot.first > starts[-1]:
            starts.append(shot.first)
        while shot.last + 1 - starts[-1] > max_frames:
            start = starts[-1] + max_frames
            while start <= shot.last and film.is_repeat(start):
                start += 1
            if start > shot.last:
                break
            starts.append(start)
    ends = [*(start - 1 for start in starts[1:]), len(film.first_pass) - 1]
    return tuple(
        Segment(number, *frames, _decided(film, *frames))
        for number, frames in enumerate(zip(starts, ends, strict=True))
    )


def _decided(film: Film, first: int, last: int) -> str:
    """Digest of what was decided about the shots of some frames, 12 hexadecimal digits; empty for nothing."""
    if not film.corrections and not film.colour_sources:
        return ""
    numbers = range(film.shot_at(first), film.shot_at(last) + 1)
    decided: dict[int, object] = {
        number - numbers[0]: [shot_values(shot) for shot in film.corrections[number]]
        for number in numbers
        if number in film.corrections
    }
    sources = {
        number - numbers[0]: [_source_values(film, view) for view in film.colour_sources[number]]
        for number in numbers
        if number in film.colour_sources
    }
    if not decided and not sources:
        return ""
    shaping = [decided, sources] if sources else decided
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()[:12]


def _source_values(film: Film, view: View) -> list[object]:
    """What the colours of a view depend on: itself, and what was decided about its shot."""
    return [view.frame, [shot_values(shot) for shot in film.corrections.get(view.shot, ())]]


def needs_state(film: Film, segment: Segment) -> bool:
    """Whether a segment goes on with a shot that is coloured."""
    shot = film.shots[film.shot_at(segment.first)]
    return shot.first != segment.first and not film.is_passthrough(shot)


def whole_shots(film: Film, segments: tuple[Segment, ...]) -> Iterator[tuple[Segment, ...]]:
    """`segments` in runs that can be made apart: none goes on with a shot that another one begins."""
    run: list[Segment] = []
    for segment in segments:
        if run and not needs_state(film, segment):
            yield tuple(run)
            run = []
        run.append(segment)
    if run:
        yield tuple(run)
