"""The colour of every frame: predicted in batches, steady within shots, repeated where frames repeat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from archivecolor.film.film import Film, Predictor, read_from
from archivecolor.film.pixels import Float32
from archivecolor.film.shots import Shot
from archivecolor.film.steady import Look, Memory, steadied


@dataclass(frozen=True)
class Colour:
    """One frame's colour.

    Attributes:
        number: of the frame.
        cbcr: float32 (h, w, 2), BT.601 fractions, as the picture is coded; None for a frame that keeps
            the source's own chroma.
        memory: what the next frame of the shot needs; None at the end of a shot.
        confidence: how sure the network was, 0..1.
    """

    number: int
    cbcr: Float32 | None
    memory: Memory | None
    confidence: float


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
    looks = predicted(film, predictor, small_lumas(film, span.first))
    memory = span.memory
    for shot in film.shots[film.shot_at(span.first) :]:
        for colour in shot_colours(film, shot, looks, max(shot.first, span.first), memory):
            yield colour
            if colour.number == span.last:
                return
        memory = None


def shot_colours(
    film: Film, shot: Shot, looks: Iterator[Look], first: int, memory: Memory | None
) -> Iterator[Colour]:
    """The colour of a shot's frames from `first` on."""
    numbers = range(first, shot.last + 1)
    if film.passes(shot):
        for number in numbers:
            yield Colour(number, None, None, 1.0)
        return
    fresh = [is_fresh(film, shot, number) for number in numbers]
    seen: list[float] = []
    steady = steadied(noted(islice(looks, sum(fresh)), seen), film.smoothing, memory)
    cbcr: Float32 | None = None
    count = 0
    for number, is_new in zip(numbers, fresh, strict=True):
        if is_new or cbcr is None:
            answer = next(steady)
            cbcr = film.geometry.as_coded(answer.cbcr)
            memory = answer.memory
            confidence = seen[count]
            count += 1
        yield Colour(number, cbcr, None if number == shot.last else memory, confidence)


def is_fresh(film: Film, shot: Shot, number: int) -> bool:
    """Whether a frame of a shot has a luma of its own, rather than that of the one before."""
    return number == shot.first or not film.repeats(number)


def noted(looks: Iterable[Look], seen: list[float]) -> Iterator[Look]:
    """The same looks, their confidence noted in `seen`."""
    for look in looks:
        seen.append(look.chroma.confidence)
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


def predicted(film: Film, predictor: Predictor, lumas: Iterator[Float32]) -> Iterator[Look]:
    """Each luma with what the network says of it."""
    while batch := list(islice(lumas, film.batch)):
        for luma, chroma in zip(batch, predictor.predict(batch), strict=True):
            yield Look(luma, chroma)
