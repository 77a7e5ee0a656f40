"""One film in hand: what it is, what it holds, and its frames read and checked again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from archivecolor.colour.chroma import Chroma
from archivecolor.colour.tone import Tone
from archivecolor.errors import ItemError, Reason
from archivecolor.film.badge import Badge
from archivecolor.film.encode import Target
from archivecolor.film.frames import Frame, Geometry, Reader
from archivecolor.film.pixels import Float32
from archivecolor.film.probe import FilmFacts
from archivecolor.film.shots import Shot
from archivecolor.film.survey import Survey, digest_of

# Frames read before a wanted one after a seek, so that what follows a broken start is whole.
LEAD_IN = 24


class Predictor(Protocol):
    """What a film needs of `inference.predictor`."""

    def predict(self, lumas: list[Float32]) -> list[Chroma]:
        """One answer per luma, which depends on that luma alone."""


@dataclass(frozen=True)
class Film:
    """A film that is being coloured.

    Attributes:
        facts: of the source.
        survey: what it holds.
        shots: where colour memory begins and ends; found or given.
        target: what it becomes.
        geometry: size of what the network sees.
        smoothing: strength, 0..1.
        recolour: shots in colour are coloured too.
        batch: frames the network sees at once.
        key_every: distance of the frames that the network is asked about in any case; 1 for all.
        badge: the mark that coloured frames bear, None without one.
    """

    facts: FilmFacts
    survey: Survey
    shots: tuple[Shot, ...]
    target: Target
    geometry: Geometry
    smoothing: float
    recolour: bool
    batch: int
    key_every: int
    badge: Badge | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the picture and how it is written."""
        holes = self.survey.holes
        found = []
        if len(holes):
            seconds = float(int(self.survey.pts[holes[0]]) * self.facts.time_base)
            found.append(f"frames seem to be missing in {len(holes)} places, the first after {seconds:.2f} s")
        if self.badge is not None:
            found.append(self.badge.note)
        return (*self.target.notes, *found)

    def passes(self, shot: Shot) -> bool:
        """Whether a shot keeps the source's own chroma."""
        return not self.recolour and self.survey.tone(shot) in (Tone.COLOUR, Tone.TINTED)

    def repeats(self, frame: int) -> bool:
        """Whether a frame has the very luma of the one before."""
        digests = self.survey.digests
        return frame > 0 and bool(digests[frame] == digests[frame - 1])

    def shot_at(self, frame: int) -> int:
        """Number of the shot that holds a frame."""
        starts = [shot.first for shot in self.shots]
        return int(np.searchsorted(starts, frame, side="right")) - 1


@dataclass(frozen=True)
class Numbered:
    """A frame and its place in the film, counting from 0."""

    number: int
    frame: Frame


def read_from(film: Film, first: int) -> Iterator[Numbered]:
    """The film's frames from `first` on, each held against the survey.

    Raises:
        ItemError: `CHANGED` where the film is not what it was.
    """
    can_seek = film.facts.fields == "keep" and not film.survey.repaired and not film.survey.losses
    if first > LEAD_IN and can_seek:
        sought = _sought(film, first)
        head = next(sought, None)
        if head is not None and head.number == first and _is_same(film, head):
            yield head
            yield from _checked(film, sought)
            return
    from_start = _numbered(film, Reader(film.facts), 0)
    yield from _checked(film, (item for item in from_start if item.number >= first))


def _sought(film: Film, first: int) -> Iterator[Numbered]:
    """Frames from `first` on, read from a key frame before it; nothing where the seek goes astray."""
    times = film.survey.pts
    reader = iter(Reader(film.facts, from_pts=int(times[first - LEAD_IN])))
    for frame in reader:
        number = int(np.searchsorted(times, frame.pts))
        if number >= len(times) or times[number] != frame.pts or number > first:
            return
        if number == first:
            yield Numbered(number, frame)
            break
    yield from _numbered(film, reader, first + 1)


def _numbered(film: Film, frames: Iterator[Frame] | Reader, start: int) -> Iterator[Numbered]:
    """Frames with their numbers; more of them than were seen before are not the same film."""
    number = start
    for number, frame in enumerate(frames, start=start):
        if number >= len(film.survey):
            raise changed()
        yield Numbered(number, frame)
    if number + 1 < len(film.survey):
        raise changed()


def _checked(film: Film, items: Iterator[Numbered]) -> Iterator[Numbered]:
    """The same frames, each found unchanged."""
    # What a decoder makes of damaged data may differ from time to time.
    check = not film.survey.losses
    for item in items:
        if check and not _is_same(film, item):
            raise changed()
        yield item


def _is_same(film: Film, item: Numbered) -> bool:
    """Whether a frame has the time and the luma it had."""
    survey = film.survey
    same_time = bool(survey.pts[item.number] == item.frame.pts)
    return same_time and bool(survey.digests[item.number] == digest_of(item.frame))


def changed() -> ItemError:
    """The error for a film that changes while it is read."""
    return ItemError(Reason.CHANGED, "the film changed while it was read; run again when it is complete")
