"""The colour of every frame: predicted for key frames, steady within shots, repeated where frames repeat."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from archivecolor.colour.arrays import Float32
from archivecolor.colour.guidance import NO_GUIDANCE, Guidance
from archivecolor.film.film import ChromaPredictor, Film, NumberedFrame, network_lumas, read_from
from archivecolor.film.keyframes import FrameFeatures, select_keyframes
from archivecolor.film.set_ups import Exemplars
from archivecolor.film.temporal_smoothing import SmootherInput, SmootherState, smooth_chroma


@dataclass(frozen=True)
class FrameChroma:
    """One frame's colour.

    Attributes:
        number: of the frame.
        cbcr: float32 (h, w, 2), BT.601 fractions, as the picture is coded; None for a frame that keeps
            the source's own chroma.
        state: what the next frame of the shot needs, where it is asked for and there is one.
        confidence: how sure the network was, 0..1; None where it was not asked.
    """

    number: int
    cbcr: Float32 | None
    state: SmootherState | None
    confidence: float | None


@dataclass(frozen=True)
class FrameRange:
    """Frames to colour.

    Attributes:
        first: the first of them.
        last: the last of them.
        state: of the frame before the first, None at the start of a shot.
        state_frames: frames whose state is wanted.
    """

    first: int
    last: int
    state: SmootherState | None
    state_frames: frozenset[int] = frozenset()


def frame_chromas(
    film: Film,
    predictor: ChromaPredictor,
    frame_range: FrameRange,
    on_frame: Callable[[NumberedFrame], None] = lambda _: None,
) -> Iterator[FrameChroma]:
    """The colour of the frames of a range, in order.

    Frames after the range are looked at as far as the last shot's colour depends on them.

    Args:
        film: the film.
        predictor: the network.
        frame_range: of the film.
        on_frame: called with every frame as it is read, before its colour is there. Only frames that keep
            their own chroma still have their picture; frames with one luma share it.
    """
    items = read_from(film, frame_range.first)
    state = frame_range.state
    exemplars = Exemplars(film, predictor)
    for shot in film.shots[film.shot_at(frame_range.first) :]:
        first = max(shot.first, frame_range.first)
        own = islice(items, shot.last + 1 - first)
        if film.is_passthrough(shot):
            found = _passthrough(own, on_frame)
        else:
            rest = FrameRange(first, shot.last, state, frame_range.state_frames - {shot.last})
            guidance = _guidance_of(film, exemplars, film.shot_at(first))
            found = _shot_chroma(film, predictor, rest, network_lumas(film, own, on_frame), guidance)
        for frame_chroma in found:
            yield frame_chroma
            if frame_chroma.number == frame_range.last:
                return
        state = None


def _passthrough(
    items: Iterator[NumberedFrame], on_frame: Callable[[NumberedFrame], None]
) -> Iterator[FrameChroma]:
    """Frames that keep their own chroma."""
    for item in items:
        on_frame(item)
        yield FrameChroma(item.number, None, None, None)


def _shot_chroma(
    film: Film,
    predictor: ChromaPredictor,
    frame_range: FrameRange,
    lumas: Iterator[Float32],
    guidance: Callable[[int], Guidance],
) -> Iterator[FrameChroma]:
    """The colour of a shot's frames.

    Args:
        film: the film.
        predictor: the network.
        frame_range: of the shot, to its end.
        lumas: what the network would see, one for each frame with a luma of its own.
        guidance: what was decided about a frame, by its number in the shot.
    """
    flow = None if frame_range.state is None else frame_range.state.flow
    shot = film.shots[film.shot_at(frame_range.first)]
    frames = select_keyframes(lumas, film.keyframe_interval_of(shot), flow)
    first = 0 if flow is None else flow.position
    inputs = with_predictions(predictor, frames, film.batch, guidance, first)
    confidences: deque[float | None] = deque()
    recorded = _record_confidences(inputs, confidences)
    smoothed = smooth_chroma(recorded, film.smoothing_of(shot), frame_range.state)
    for number in range(frame_range.first, frame_range.last + 1):
        if number == frame_range.first or not film.is_repeat(number):
            smoothed_frame = next(smoothed)
            cbcr = film.geometry.as_coded(smoothed_frame.cbcr)
            confidence = confidences.popleft()
        yield FrameChroma(
            number, cbcr, smoothed_frame.state if number in frame_range.state_frames else None, confidence
        )


def _guidance_of(film: Film, all_exemplars: Exemplars, number: int) -> Callable[[int], Guidance]:
    """What the colour of a shot's frames is made with, by their numbers in the shot."""
    guide, exemplars = film.guides.get(number), all_exemplars.of(number)

    def at(position: int) -> Guidance:
        own = film.guidance if guide is None else guide.at(position)
        return replace(own, exemplars=exemplars) if exemplars else own

    return at


def _record_confidences(
    inputs: Iterator[SmootherInput], confidences: deque[float | None]
) -> Iterator[SmootherInput]:
    """The same inputs, their confidences recorded in order."""
    for item in inputs:
        confidences.append(None if item.chroma is None else item.chroma.confidence)
        yield item


def with_predictions(
    predictor: ChromaPredictor,
    frames: Iterator[FrameFeatures],
    batch: int,
    guidance: Callable[[int], Guidance] = lambda _: NO_GUIDANCE,
    position: int = 0,
) -> Iterator[SmootherInput]:
    """Smoother inputs for the frames of a shot, key frames with the network's chroma, `batch` at once.

    Args:
        predictor: the network.
        frames: of the shot.
        batch: key frames that it is asked about together.
        guidance: what was decided about a frame, by its number in the shot.
        position: number of the first of `frames`.
    """
    while pending := _take_until_keyframes(frames, batch):
        wishes = [
            guidance(number) for number, features in enumerate(pending, position) if features.is_keyframe
        ]
        position += len(pending)
        lumas = [features.luma for features in pending if features.is_keyframe]
        chromas = iter(predictor.predict(lumas, wishes))
        for features in pending:
            yield SmootherInput.of(features, next(chromas) if features.is_keyframe else None)


def _take_until_keyframes(frames: Iterator[FrameFeatures], count: int) -> list[FrameFeatures]:
    """The next frames up to the one that is the `count`-th key frame among them, or to the shot's end."""
    taken: list[FrameFeatures] = []
    for features in frames:
        taken.append(features)
        count -= features.is_keyframe
        if count == 0:
            break
    return taken
