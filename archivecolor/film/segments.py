"""Finished, durable pieces of the coloured picture, and the folder they lie in until they are joined.

A segment is a Matroska file of the picture alone (QuickTime for DNxHR). Its times count frames, not
seconds, so that no container's clock can blur them; `join` gives the frames the times of the source.
Where a segment ends inside a shot, what smoothing hands on is kept beside it, so that a rerun goes on
at the next segment with the same colours.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from archivecolor.archive.durable import replacing
from archivecolor.errors import ItemError, Reason
from archivecolor.film.ahead import Ahead
from archivecolor.film.colours import Colour, Span, colours
from archivecolor.film.encode import PictureEncoder
from archivecolor.film.film import Film, Numbered, Predictor, read_from
from archivecolor.film.frames import colour_of, plane_of
from archivecolor.film.pixels import luma_between
from archivecolor.film.planes import ChromaPlanes, Painter
from archivecolor.film.probe import url_of
from archivecolor.film.sights import Before
from archivecolor.film.steady import AHEAD, BLOCK, Memory, Sums

# Of the work files: those of another one are not gone on with.
FORMAT = 2
# Times in segment files: a nominal 40 ms per frame, exact in Matroska's clock.
TICKS_PER_FRAME = 40
SEGMENT_CONTAINERS = {".mkv": "matroska", ".mov": "mov"}
# Frames by which decoding order may lag presentation in any of the encoders: times start so much later.
MOST_REORDERED = 32
# Pessimistic seconds of work per frame on a slow machine: at any size, the network at 256, per megapixel.
FRAME_SECONDS, NETWORK_SECONDS, MEGAPIXEL_SECONDS, HIGH_QUALITY = 0.02, 0.15, 0.3, 10
LEAST_FRAMES = 8
COLOURS_AHEAD, FRAMES_AHEAD = BLOCK, 4
# Bytes of luma that may wait for its colour.
MOST_WAITING = 300e6


@dataclass(frozen=True)
class Segment:
    """A run of frames that is made and kept as one file.

    Attributes:
        number: from 0.
        first: its first frame.
        last: its last frame.
    """

    number: int
    first: int
    last: int


@dataclass(frozen=True)
class WorkFolder:
    """Where a film's work files lie.

    Attributes:
        path: the folder.
        suffix: of segments, by which their container goes.
    """

    path: Path
    suffix: str = ".mkv"

    def survey(self, fields: str) -> Path:
        """What the first look found in the film, its fields kept or undone."""
        return self.path / f"survey-{fields}.npz"

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
        return self.path / f"segment-{segment.number:05d}{self.suffix}"

    def memory(self, segment: Segment) -> Path:
        """What a segment hands on to the next, where it ends inside a shot."""
        return self.path / f"segment-{segment.number:05d}.npz"

    def confidence(self, segment: Segment) -> Path:
        """How sure the network was of the frames it was asked about."""
        return self.path / f"segment-{segment.number:05d}-confidence.npy"

    def clear(self) -> None:
        """Remove it, pictures first: a segment that is there counts as made, with all that goes with it."""
        for picture in self.path.glob(f"segment-*{self.suffix}"):
            picture.unlink()
        shutil.rmtree(self.path, ignore_errors=True)


def frames_of_work(film_seconds_of_work: float, seconds_per_frame: float) -> int:
    """Frames whose making takes about this long."""
    return max(LEAST_FRAMES, int(film_seconds_of_work / seconds_per_frame))


def seconds_per_frame(width: int, height: int, working_size: int, high_quality: bool) -> float:
    """Pessimistic time one frame takes on a slow machine; by size alone, so that plans are repeatable."""
    network = NETWORK_SECONDS * (working_size / 256) ** 2 * (HIGH_QUALITY if high_quality else 1)
    return FRAME_SECONDS + network + MEGAPIXEL_SECONDS * width * height / 1e6


def plan_segments(film: Film, most_frames: int) -> tuple[Segment, ...]:
    """Segments of at most about `most_frames` frames that end with shots where they can.

    A segment inside a shot never begins with a frame that repeats the one before.
    """
    starts = [0]
    for shot in film.shots:
        if shot.last + 1 - starts[-1] > most_frames and shot.first > starts[-1]:
            starts.append(shot.first)
        while shot.last + 1 - starts[-1] > most_frames:
            start = starts[-1] + most_frames
            while start <= shot.last and film.repeats(start):
                start += 1
            if start > shot.last:
                break
            starts.append(start)
    ends = [*(start - 1 for start in starts[1:]), len(film.survey) - 1]
    return tuple(Segment(number, *span) for number, span in enumerate(zip(starts, ends, strict=True)))


def missing_runs(segments: tuple[Segment, ...], folder: WorkFolder) -> Iterator[tuple[Segment, ...]]:
    """Runs of neighbouring segments that are not made yet."""
    run: list[Segment] = []
    for segment in segments:
        if folder.segment(segment).exists():
            if run:
                yield tuple(run)
            run = []
        else:
            run.append(segment)
    if run:
        yield tuple(run)


@dataclass(frozen=True)
class Making:
    """What segments are made with.

    Attributes:
        film: the film.
        predictor: the network.
        folder: where they go.
        watch: called with the number of each frame that is done; may raise to end the making.
        goes_on: asked before each new segment; False ends the making.
    """

    film: Film
    predictor: Predictor
    folder: WorkFolder
    watch: Callable[[int], None]
    goes_on: Callable[[], bool]


def make_segments(making: Making, segments: tuple[Segment, ...]) -> bool:
    """Make all segments that are missing; False where the making was ended between two."""
    return all(make_run(making, run, segments) for run in missing_runs(segments, making.folder))


def make_run(making: Making, run: tuple[Segment, ...], segments: tuple[Segment, ...]) -> bool:
    """Make neighbouring segments, one after the other, without looking at a frame twice."""
    film, ends = making.film, frozenset(segment.last for segment in run)
    span = Span(run[0].first, run[-1].last, memory_before(making, run[0], segments), ends)
    with ExitStack() as stages:
        frames: Iterator[Numbered]
        if may_wait(film):
            waiting: deque[Numbered] = deque()
            tinted = colours(film, making.predictor, span, waiting.append)
            frames = iter(waiting.popleft, None)
        else:
            tinted = colours(film, making.predictor, span)
            frames = stages.enter_context(Ahead(read_from(film, span.first), FRAMES_AHEAD))
        answers = stages.enter_context(Ahead(tinted, COLOURS_AHEAD))
        for segment in run:
            if not making.goes_on():
                return False
            make_segment(making, segment, frames, answers)
    return True


def may_wait(film: Film) -> bool:
    """Whether frames are small enough to be kept until their colour is there, rather than be read twice."""
    frames = BLOCK + AHEAD + film.batch * film.key_every + COLOURS_AHEAD
    nbytes = film.facts.width * film.facts.height * (1 if film.facts.codes.depth == 8 else 2)
    return frames * nbytes <= MOST_WAITING


def memory_before(making: Making, segment: Segment, segments: tuple[Segment, ...]) -> Memory | None:
    """What the segment before hands on, where both are of one shot."""
    shot = making.film.shots[making.film.shot_at(segment.first)]
    if shot.first == segment.first or making.film.passes(shot):
        return None
    return load_memory(making.folder.memory(segments[segment.number - 1]))


def make_segment(
    making: Making, segment: Segment, frames: Iterator[Numbered], answers: Iterator[Colour]
) -> None:
    """Encode one segment from frames and their colours; its file appears when it is complete."""
    confidence: list[float] = []
    memory: Memory | None = None
    with replacing(making.folder.segment(segment)) as part:
        with SegmentWriter(part, making, segment) as writer:
            for _ in range(segment.first, segment.last + 1):
                colour = next(answers)
                item = next(frames)
                if item.number != colour.number:
                    raise ItemError(Reason.FAULT, "frames and colours are out of step")
                writer.write(item, colour)
                if colour.confidence is not None:
                    confidence.append(colour.confidence)
                memory = colour.memory
                making.watch(item.number)
        if memory is not None:
            save_memory(making.folder.memory(segment), memory)
        save_confidence(making.folder.confidence(segment), confidence)


class SegmentWriter:
    """Writes the frames of one segment to a file; use as a context manager."""

    def __init__(self, part: Path, making: Making, segment: Segment) -> None:
        import av

        film = making.film
        self._film = film
        self._segment = segment
        container = SEGMENT_CONTAINERS[making.folder.suffix]
        self._container: Any = av.open(url_of(part), "w", format=container, options={"fflags": "+bitexact"})
        self._encoder = PictureEncoder(self._container, film.facts, film.target)
        self._painter = Painter(film.target.matrix, film.target.codes, film.target.steps)
        self._order = {int(pts): place for place, pts in enumerate(self._times())}
        self._packets = 0

    def __enter__(self) -> SegmentWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._mux(self._encoder.finish())
        self._container.close()

    def write(self, item: Numbered, colour: Colour) -> None:
        """Encode one frame."""
        film = self._film
        luma = luma_between(item.frame.luma, film.facts.codes, film.target.codes)
        if colour.cbcr is None:
            chroma = own_chroma(item, film)
        else:
            if film.badge is not None:
                luma = film.badge.drawn(luma, film.target.codes)
            chroma = self._painter.paint(luma, colour.cbcr)
        self._mux(self._encoder.encode(item.frame.pts, luma, chroma))

    def _times(self) -> Any:
        return self._film.survey.pts[self._segment.first : self._segment.last + 1]

    def _mux(self, packets: Iterator[Any]) -> None:
        for packet in packets:
            packet.pts = (self._order[packet.pts] + MOST_REORDERED) * TICKS_PER_FRAME
            packet.dts = self._packets * TICKS_PER_FRAME
            packet.duration = TICKS_PER_FRAME
            packet.time_base = Fraction(1, 1000)
            packet.stream = self._encoder.stream
            self._container.mux(packet)
            self._packets += 1


def own_chroma(item: Numbered, film: Film) -> ChromaPlanes:
    """The source's own chroma of a frame, in the target's format."""
    codes = film.target.codes
    if film.facts.layout.steps is None:
        height, width = item.frame.luma.shape
        across, down = film.target.steps
        neutral = np.full((-(-height // down), -(-width // across)), codes.neutral, item.frame.luma.dtype)
        return ChromaPlanes(neutral, neutral)
    picture = colour_of(item.frame, film.facts, film.target.pix_fmt, film.target.matrix, codes.full)
    return ChromaPlanes(plane_of(picture, 1, codes.depth), plane_of(picture, 2, codes.depth))


def save_memory(path: Path, memory: Memory) -> None:
    """Keep what a shot hands on, exactly."""
    with replacing(path) as part, part.open("wb") as file:
        np.savez(
            file,
            position=np.array(memory.before.position),
            luma=memory.before.luma,
            reach=memory.before.reach,
            short=memory.sums.short,
            long=memory.sums.long,
        )


def load_memory(path: Path) -> Memory:
    """What `save_memory` kept."""
    with np.load(path, allow_pickle=False) as kept:
        before = Before(int(kept["position"]), kept["luma"], kept["reach"])
        return Memory(before, Sums(kept["short"], kept["long"]))


def save_confidence(path: Path, confidence: list[float]) -> None:
    """Keep how sure the network was of the frames it was asked about."""
    with replacing(path) as part, part.open("wb") as file:
        np.save(file, np.array(confidence, np.float32))


def mean_confidence(segments: tuple[Segment, ...], folder: WorkFolder) -> float:
    """How sure the network was of the whole film, 0..1."""
    return float(np.concatenate([np.load(folder.confidence(segment)) for segment in segments]).mean())
