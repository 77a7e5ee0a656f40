"""The colour of every frame: predicted for key frames, steady within shots, repeated where frames repeat."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from archivecolor.film.film import Film, Predictor, read_from
from archivecolor.film.pixels import Float32
from archivecolor.film.shots import Shot
from archivecolor.film.sights import Sight, sights
from archivecolor.film.steady import Look, Memory, steadied


@dataclass(frozen=True)
class Colour:
    """One frame's colour.

    Attributes:
        number: of the frame.
        cbcr: float32 (h, w, 2), BT.601 fractions, as the picture is coded; None for a frame that keeps
            the source's own chroma.
        memory: what the next frame of the shot needs; None at the end of a shot.
        confidence: how sure the network was, 0..1; None where it was not asked.
    """

    number: int
    cbcr: Float32 | None
    memory: Memory | None
    confidence: float | None


@dataclass(frozen=True)
class Span:
    """Frames to colour: from `first` to `last`, with the memory of the frame before the first."""

    first: int
    last: int
    memory: Memory | None


def colours(film: Film, predictor: Predictor, span: Span) -> Iterator[Colour]:
    """The colour of the frames of a span, in order.

    Frames after the span are looked at as far as the last shot's colour depends on them.
    """
    lumas = small_lumas(film, span.first)
    memory = span.memory
    for shot in film.shots[film.shot_at(span.first) :]:
        first = max(shot.first, span.first)
        if film.passes(shot):
            found = (Colour(number, None, None, 1.0) for number in range(first, shot.last + 1))
        else:
            fresh = [is_fresh(film, shot, number) for number in range(first, shot.last + 1)]
            before = (0, None) if memory is None else (memory.position, memory.luma)
            seen = sights(islice(lumas, sum(fresh)), film.key_every, *before)
            looks = predicted(predictor, seen, film.batch)
            found = shot_colours(film, Span(first, shot.last, memory), fresh, looks)
        for colour in found:
            yield colour
            if colour.number == span.last:
                return
        memory = None


def shot_colours(film: Film, span: Span, fresh: Sequence[bool], looks: Iterator[Look]) -> Iterator[Colour]:
    """The colour of a shot's frames, from `span.first` to its end.

    Args:
        film: the film.
        span: of the shot.
        fresh: for each frame, whether it has a look of its own.
        looks: at the fresh frames.
    """
    confidences: deque[float | None] = deque()
    steady = steadied(noted(looks, confidences), film.smoothing, span.memory)
    for number, is_new in enumerate(fresh, start=span.first):
        if is_new:
            answer = next(steady)
            cbcr = film.geometry.as_coded(answer.cbcr)
            confidence = confidences.popleft()
        yield Colour(number, cbcr, None if number == span.last else answer.memory, confidence)


def is_fresh(film: Film, shot: Shot, number: int) -> bool:
    """Whether a frame of a shot has a luma of its own, rather than that of the one before."""
    return number == shot.first or not film.repeats(number)


def noted(looks: Iterator[Look], confidences: deque[float | None]) -> Iterator[Look]:
    """The same looks, their confidences noted in order."""
    for look in looks:
        confidences.append(None if look.chroma is None else look.chroma.confidence)
        yield look


def small_lumas(film: Film, first: int) -> Iterator[Float32]:
    """What the network is to see: one luma per frame with a luma of its own, in coloured shots."""
    shots = iter(film.shots[film.shot_at(first) :])
    shot = next(shots)
    passes = film.passes(shot)
    for item in read_from(film, first):
        if item.number > shot.last:
            shot = next(shots)
            passes = film.passes(shot)
        if not passes and is_fresh(film, shot, item.number):
            yield film.geometry.small_luma(item.frame, film.facts)


def predicted(predictor: Predictor, seen: Iterator[Sight], batch: int) -> Iterator[Look]:
    """Looks at the frames of a shot, key frames with what the network says of them, `batch` at once."""
    while waiting := up_to_keys(seen, batch):
        answers = iter(predictor.predict([sight.luma for sight in waiting if sight.is_key]))
        for sight in waiting:
            yield Look.of(sight, next(answers) if sight.is_key else None)


def up_to_keys(seen: Iterator[Sight], count: int) -> list[Sight]:
    """The next frames up to the one that is the `count`-th key frame among them, or to the shot's end."""
    taken: list[Sight] = []
    for sight in seen:
        taken.append(sight)
        count -= sight.is_key
        if count == 0:
            break
    return taken
