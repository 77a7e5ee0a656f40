"""Finished, durable pieces of the coloured picture, and the folder they lie in until they are joined.

A segment is a Matroska file of the picture alone (QuickTime for DNxHR). Its times count frames, not
seconds, so that no container's clock can blur them; `mux` gives the frames the times of the source.
Where a segment ends inside a shot, what smoothing hands on is kept beside it, so that a rerun goes on
at the next segment with the same colours.
"""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import ItemError, Reason
from archivecolor.film.chroma import FrameChroma, FrameRange, frame_chromas
from archivecolor.film.containers import closing_output
from archivecolor.film.encode import PictureEncoder
from archivecolor.film.film import ChromaPredictor, Film, NumberedFrame, read_from
from archivecolor.film.frames import convert_source_chroma
from archivecolor.film.keyframes import FlowState
from archivecolor.film.pixels import Plane, convert_luma, plane_view
from archivecolor.film.planes import ChromaPlaneRenderer, ChromaPlanes
from archivecolor.film.prefetch import Prefetcher
from archivecolor.film.probe import ffmpeg_url
from archivecolor.film.segment_plan import Segment, WorkFolder, needs_state
from archivecolor.film.temporal_smoothing import BLOCK, LOOKAHEAD, RunningSums, SmootherState

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

logger = logging.getLogger(__name__)

# Of the work files: those of another one are not gone on with.
FORMAT = 6
# Times in segment files: a nominal 40 ms per frame, exact in Matroska's clock.
TICKS_PER_FRAME = 40
SEGMENT_CONTAINERS = {".mkv": "matroska", ".mov": "mov"}
# Frames by which decoding order may lag presentation in any of the encoders: times start so much later.
MAX_REORDER = 32
_CHROMA_PREFETCH, FRAME_PREFETCH = BLOCK, 4
# Bytes of luma that may wait for its colour.
MAX_BUFFERED_BYTES = 300e6


def missing_segments(segments: tuple[Segment, ...], film: Film, folder: WorkFolder) -> frozenset[int]:
    """Numbers of the segments to make: those that are not there, and those whose end they go on from.

    Args:
        segments: of whole shots, in their order.
        film: whose they are.
        folder: where they lie.
    """
    missing = {segment.number for segment in segments if not is_made(folder, segment)}
    for before, segment in reversed([*itertools.pairwise(segments)]):
        if segment.number in missing and needs_state(film, segment) and not folder.state(before).exists():
            missing.add(before.number)
    return frozenset(missing)


def _unfinished_runs(
    segments: tuple[Segment, ...], missing: frozenset[int]
) -> Iterator[tuple[Segment | None, tuple[Segment, ...]]]:
    """Runs of neighbouring segments that are to be made, each with the segment before it."""
    before: Segment | None = None
    for is_missing, run in itertools.groupby(segments, lambda segment: segment.number in missing):
        neighbours = tuple(run)
        if is_missing:
            yield before, neighbours
        before = neighbours[-1]


def is_made(folder: WorkFolder, segment: Segment) -> bool:
    """Whether a segment is there with all that goes with it; one that a bad disk damaged is made again."""
    import av

    if not folder.segment(segment).exists():
        return False
    try:
        np.load(folder.confidence(segment), allow_pickle=False)
        if folder.state(segment).exists():
            _load_state(folder.state(segment))
        with av.open(ffmpeg_url(folder.segment(segment))) as made:
            return bool(made.streams.video)
    except (av.error.FFmpegError, OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        logger.warning("%s is damaged and made again: %s", folder.segment(segment), error)
        return False


@dataclass(frozen=True)
class SegmentContext:
    """What segments are made with.

    Attributes:
        film: the film.
        predictor: the network.
        folder: where they go.
        on_progress: called with the number of each frame that is done; may raise to end the making.
        should_continue: asked before each new segment; False ends the making.
    """

    film: Film
    predictor: ChromaPredictor
    folder: WorkFolder
    on_progress: Callable[[int], None]
    should_continue: Callable[[], bool]


def make_segments(context: SegmentContext, segments: tuple[Segment, ...]) -> bool:
    """Make those of `segments`, of whole shots, that are missing; False where it was ended between two."""
    missing = missing_segments(segments, context.film, context.folder)
    return all(_make_run(context, run, before) for before, run in _unfinished_runs(segments, missing))


def _make_run(context: SegmentContext, run: tuple[Segment, ...], before: Segment | None) -> bool:
    """Make neighbouring segments, one after the other, without looking at a frame twice."""
    film, ends = context.film, frozenset(segment.last for segment in run)
    state = _state_of(context, before) if needs_state(film, run[0]) else None
    frame_range = FrameRange(run[0].first, run[-1].last, state, ends)
    with ExitStack() as stages:
        frames: Iterator[NumberedFrame]
        if fits_in_memory(film):
            buffered: deque[NumberedFrame] = deque()
            chroma_source = frame_chromas(film, context.predictor, frame_range, buffered.append)
            frames = iter(buffered.popleft, None)
        else:
            chroma_source = frame_chromas(film, context.predictor, frame_range)
            frames = stages.enter_context(Prefetcher(read_from(film, frame_range.first), FRAME_PREFETCH))
        chromas = stages.enter_context(Prefetcher(chroma_source, _CHROMA_PREFETCH))
        for segment in run:
            if not context.should_continue():
                return False
            make_segment(context, segment, frames, chromas)
    return True


def fits_in_memory(film: Film) -> bool:
    """Whether frames are small enough to be kept until their colour is there, rather than be read twice."""
    frames = BLOCK + LOOKAHEAD + film.batch * film.keyframe_interval + _CHROMA_PREFETCH
    nbytes = film.facts.width * film.facts.height * (1 if film.facts.sample_format.depth == 8 else 2)
    return frames * nbytes <= MAX_BUFFERED_BYTES


def _state_of(context: SegmentContext, before: Segment | None) -> SmootherState:
    """What the segment before hands on."""
    assert before is not None
    return _load_state(context.folder.state(before))


def make_segment(
    context: SegmentContext, segment: Segment, frames: Iterator[NumberedFrame], chromas: Iterator[FrameChroma]
) -> None:
    """Encode one segment from frames and their colours; its file appears when it is complete."""
    confidence: list[float] = []
    state: SmootherState | None = None
    source = context.film.facts.path
    with atomic_write(context.folder.segment(segment), source) as part:
        with _segment_writer(part, context, segment) as writer:
            for _ in range(segment.first, segment.last + 1):
                frame_chroma = next(chromas)
                item = next(frames)
                if item.number != frame_chroma.number:
                    raise ItemError(Reason.FAULT, "frames and colours are out of step")
                writer.write(item, frame_chroma)
                if frame_chroma.confidence is not None:
                    confidence.append(frame_chroma.confidence)
                state = frame_chroma.state
                context.on_progress(item.number)
        if state is not None:
            _save_state(context.folder.state(segment), state, source)
        _save_confidence(context.folder.confidence(segment), confidence)


@contextmanager
def _segment_writer(part: Path, context: SegmentContext, segment: Segment) -> Iterator[_SegmentWriter]:
    """Give what writes the frames of one segment to a file, which is whole at the end of the block."""
    import av

    container = SEGMENT_CONTAINERS[context.folder.suffix]
    opened = av.open(ffmpeg_url(part), "w", format=container, options={"fflags": "+bitexact"})
    with closing_output(opened) as out:
        writer = _SegmentWriter(out, context.film, segment)
        yield writer
        writer.finish()


@dataclass(frozen=True)
class ComposedPicture:
    """The planes of a coloured frame, as they are encoded."""

    luma: Plane
    chroma: ChromaPlanes


class PictureComposer:
    """Lays colour beside the luma of a film's frames.

    Args:
        film: the film.
    """

    def __init__(self, film: Film) -> None:
        self._film = film
        target = film.target
        self._renderer = ChromaPlaneRenderer(target.matrix, target.sample_format, target.subsampling)

    def compose(self, item: NumberedFrame, frame_chroma: FrameChroma) -> ComposedPicture:
        """One frame with its colour, or with the source's own."""
        film = self._film
        luma = convert_luma(item.frame.luma, film.facts.sample_format, film.target.sample_format)
        if frame_chroma.cbcr is None:
            return ComposedPicture(luma, _source_chroma(item, film))
        if film.watermark is not None:
            luma = film.watermark.apply(luma, film.target.sample_format)
        return ComposedPicture(luma, self._renderer.render(luma, frame_chroma.cbcr))


class _SegmentWriter:
    """Writes the frames of one segment into an open container."""

    def __init__(self, out: OutputContainer, film: Film, segment: Segment) -> None:
        self._film = film
        self._out = out
        self._encoder = PictureEncoder(out, film.facts, film.target)
        self._composer = PictureComposer(film)
        times = film.first_pass.pts[segment.first : segment.last + 1]
        self._order = {int(pts): place for place, pts in enumerate(times)}
        self._packets = 0

    def write(self, item: NumberedFrame, frame_chroma: FrameChroma) -> None:
        """Encode one frame."""
        picture = self._composer.compose(item, frame_chroma)
        self._mux(self._encoder.encode(item.frame.pts, picture.luma, picture.chroma))

    def finish(self) -> None:
        """Write what is still inside the encoder."""
        self._mux(self._encoder.flush())

    def _mux(self, packets: Iterator[Packet[Stream]]) -> None:
        for packet in packets:
            assert packet.pts is not None
            packet.pts = (self._order[packet.pts] + MAX_REORDER) * TICKS_PER_FRAME
            packet.dts = self._packets * TICKS_PER_FRAME
            packet.duration = TICKS_PER_FRAME
            packet.time_base = Fraction(1, 1000)
            packet.stream = self._encoder.stream
            self._out.mux(packet)
            self._packets += 1


def _source_chroma(item: NumberedFrame, film: Film) -> ChromaPlanes:
    """The source's own chroma of a frame, in the target's format."""
    sample_format = film.target.sample_format
    if film.facts.layout.subsampling is None:
        height, width = item.frame.luma.shape
        across, down = film.target.subsampling
        neutral = np.full(
            (-(-height // down), -(-width // across)), sample_format.neutral, item.frame.luma.dtype
        )
        return ChromaPlanes(neutral, neutral)
    assert item.frame.picture is not None
    picture = convert_source_chroma(
        item.frame.picture, film.facts, film.target.pix_fmt, film.target.matrix, sample_format.full
    )
    return ChromaPlanes(
        plane_view(picture, 1, sample_format.depth), plane_view(picture, 2, sample_format.depth)
    )


def _save_state(path: Path, state: SmootherState, source: Path) -> None:
    """Keep what a shot of the film `source` hands on, exactly."""
    with atomic_write(path, source) as part, part.open("wb") as file:
        np.savez(
            file,
            position=np.array(state.flow.position),
            since_keyframe=np.array(state.flow.since_keyframe),
            luma=state.flow.luma,
            reach=state.flow.flow_confidence,
            short=state.sums.short,
            long=state.sums.long,
        )


def _load_state(path: Path) -> SmootherState:
    """What `_save_state` kept."""
    with np.load(path, allow_pickle=False) as kept:
        flow = FlowState(int(kept["position"]), kept["luma"], kept["reach"], int(kept["since_keyframe"]))
        return SmootherState(flow, RunningSums(kept["short"], kept["long"]))


def _save_confidence(path: Path, confidence: list[float]) -> None:
    """Keep how sure the network was of the frames it was asked about."""
    with atomic_write(path) as part, part.open("wb") as file:
        np.save(file, np.array(confidence, np.float64))


@dataclass(frozen=True)
class Confidence:
    """How sure the network was of a segment.

    Attributes:
        asked: frames that it was asked about.
        mean: over them, 0..1.
    """

    asked: int
    mean: float


def confidence_of(segment: Segment, folder: WorkFolder) -> Confidence:
    """How sure the network was of a segment that is made."""
    kept = np.load(folder.confidence(segment))
    return Confidence(len(kept), round(float(kept.mean(dtype=np.float64)), 6) if len(kept) else 0.0)


def save_confidence(segment: Segment, folder: WorkFolder, confidence: Confidence) -> None:
    """Keep how sure the network was of a segment that was made by an earlier run."""
    _save_confidence(folder.confidence(segment), [confidence.mean] * confidence.asked)


def mean_confidence(confidences: Iterable[Confidence]) -> float:
    """How sure the network was of a whole film, 0..1."""
    known = list(confidences)
    asked = sum(confidence.asked for confidence in known)
    return sum(confidence.asked * confidence.mean for confidence in known) / max(1, asked)
