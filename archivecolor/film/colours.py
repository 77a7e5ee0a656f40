"""The colour of every frame: predicted for key frames, steady within shots, repeated where frames repeat."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from archivecolor.film.film import Film, Numbered, Predictor, read_from
from archivecolor.film.pixels import Float32, Plane
from archivecolor.film.sights import Sight, sights
from archivecolor.film.steady import Look, Memory, steadied


@dataclass(frozen=True)
class Colour:
    """One frame's colour.

    Attributes:
        number: of the frame.
        cbcr: float32 (h, w, 2), BT.601 fractions, as the picture is coded; None for a frame that keeps
            the source's own chroma.
        memory: what the next frame of the shot needs, where it is asked for and there is one.
        confidence: how sure the network was, 0..1; None where it was not asked.
    """

    number: int
    cbcr: Float32 | None
    memory: Memory | None
    confidence: float | None


@dataclass(frozen=True)
class Span:
    """Frames to colour.

    Attributes:
        first: the first of them.
        last: the last of them.
        memory: of the frame before the first, None at the start of a shot.
        ends: frames whose memory is wanted.
    """

    first: int
    last: int
    memory: Memory | None
    ends: frozenset[int] = frozenset()


def colours(
    film: Film, predictor: Predictor, span: Span, hold: Callable[[Numbered], None] = lambda _: None
) -> Iterator[Colour]:
    """The colour of the frames of a span, in order.

    Frames after the span are looked at as far as the last shot's colour depends on them.

    Args:
        film: the film.
        predictor: the network.
        span: of the film.
        hold: called with every frame as it is read, before its colour is there. Only frames that keep their
            own chroma still have their picture; frames with one luma share it.
    """
    items = read_from(film, span.first)
    memory = span.memory
    for shot in film.shots[film.shot_at(span.first) :]:
        first = max(shot.first, span.first)
        own = islice(items, shot.last + 1 - first)
        if film.passes(shot):
            found = passed(own, hold)
        else:
            rest = Span(first, shot.last, memory, span.ends - {shot.last})
            found = shot_colours(film, predictor, rest, small_lumas(film, own, hold))
        for colour in found:
            yield colour
            if colour.number == span.last:
                return
        memory = None


def passed(items: Iterator[Numbered], hold: Callable[[Numbered], None]) -> Iterator[Colour]:
    """Frames that keep their own chroma."""
    for item in items:
        hold(item)
        yield Colour(item.number, None, None, None)


def shot_colours(film: Film, predictor: Predictor, span: Span, lumas: Iterator[Float32]) -> Iterator[Colour]:
    """The colour of a shot's frames.

    Args:
        film: the film.
        predictor: the network.
        span: of the shot, to its end.
        lumas: what the network would see, one for each frame with a luma of its own.
    """
    before = None if span.memory is None else span.memory.before
    looks = predicted(predictor, sights(lumas, film.key_every, before), film.batch)
    confidences: deque[float | None] = deque()
    steady = steadied(noted(looks, confidences), film.smoothing, span.memory)
    for number in range(span.first, span.last + 1):
        if number == span.first or not film.repeats(number):
            answer = next(steady)
            cbcr = film.geometry.as_coded(answer.cbcr)
            confidence = confidences.popleft()
        yield Colour(number, cbcr, answer.memory if number in span.ends else None, confidence)


def noted(looks: Iterator[Look], confidences: deque[float | None]) -> Iterator[Look]:
    """The same looks, their confidences noted in order."""
    for look in looks:
        confidences.append(None if look.chroma is None else look.chroma.confidence)
        yield look


def small_lumas(
    film: Film, items: Iterator[Numbered], hold: Callable[[Numbered], None] = lambda _: None
) -> Iterator[Float32]:
    """What the network would see of a shot: one luma per frame that does not repeat the one before."""
    last: Plane | None = None
    for item in items:
        is_new = last is None or not film.repeats(item.number)
        # Digests of different frames may be equal, if hardly ever: no luma is given up on their word.
        if last is None or is_new or not np.array_equal(last, item.frame.luma):
            last = item.frame.luma
        hold(replace(item, frame=replace(item.frame, luma=last, picture=None)))
        if is_new:
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
