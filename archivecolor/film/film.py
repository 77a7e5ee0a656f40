"""One film in hand: what it is, what it holds, and its frames read and checked again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from archivecolor.archive.correction import KEEP, SAME_MOMENT, ShotCorrection
from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.guidance import NO_GUIDANCE, Guidance
from archivecolor.colour.kernel import Answer
from archivecolor.colour.tone import Tone
from archivecolor.errors import ItemError, Reason
from archivecolor.film.encode import Target
from archivecolor.film.first_pass import FirstPass, luma_digest
from archivecolor.film.frames import Frame, FrameReader, Geometry
from archivecolor.film.interlacing import MIN_CLASSIFIED
from archivecolor.film.pixels import Plane
from archivecolor.film.probe import FilmFacts
from archivecolor.film.shots import Shot
from archivecolor.film.watermark import Watermark

# Frames read before a wanted one after a seek, so that what follows a broken start is whole.
_SEEK_MARGIN = 24
# The next of some frames is sought where it is further than this; before, frames are decoded one by one.
_SEEK_BEYOND = 60


class ChromaPredictor(Protocol):
    """What a film needs of `inference.predictor`."""

    def predict(self, lumas: list[Float32], guidance: Sequence[Guidance]) -> list[Chroma]:
        """One answer per luma, which depends on that luma and its guidance alone."""

    def answers(self, lumas: list[Float32], guidance: Sequence[Guidance]) -> list[Answer]:
        """The same before hints are laid in, with the features of each place."""


class Guide(Protocol):
    """What was decided about a shot."""

    def at(self, position: int) -> Guidance:
        """For the frame of this number in the shot, from 0; frames that repeat are not counted."""


@dataclass(frozen=True)
class View:
    """A frame of a shot that was looked at before any got its colour.

    Attributes:
        shot: its number.
        frame: its number.
        certainty: how sure the network is of it, 0..1.
        luma: uint8 (h, w), what the network saw.
    """

    shot: int
    frame: int
    certainty: float
    luma: UInt8

    @property
    def seen(self) -> Float32:
        """What the network sees, float32 (h, w), 0..1."""
        return np.asarray(self.luma / np.float32(255), np.float32)


@dataclass(frozen=True)
class Film:
    """A film that is being coloured.

    Attributes:
        facts: of the source.
        first_pass: what it holds.
        shots: where colour memory begins and ends; found or given.
        target: what it becomes.
        geometry: size of what the network sees.
        smoothing: strength, 0..1.
        recolour: shots in colour are coloured too.
        colour_toned: shots of one tone, as sepia or a tint, are coloured too.
        batch: frames the network sees at once.
        keyframe_interval: distance of the frames that the network is asked about in any case; 1 for all.
        watermark: the mark that coloured frames bear, None without one.
        guidance: what was decided about the colour of the whole film.
        corrections: what was decided about single shots, by their numbers.
        guides: the same made ready, for those shots that are to be coloured.
        colour_sources: frames that shots take their colours from, by the shots' numbers: of the set-ups that
            they show with other shots.
    """

    facts: FilmFacts
    first_pass: FirstPass
    shots: tuple[Shot, ...]
    target: Target
    geometry: Geometry
    smoothing: float
    recolour: bool
    colour_toned: bool
    batch: int
    keyframe_interval: int
    watermark: Watermark | None = None
    guidance: Guidance = NO_GUIDANCE
    corrections: Mapping[int, tuple[ShotCorrection, ...]] = field(default_factory=dict)
    guides: Mapping[int, Guide] = field(default_factory=dict)
    colour_sources: Mapping[int, tuple[View, ...]] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the picture and how it is written."""
        gaps = self.first_pass.gaps
        found = list(self.first_pass.notes)
        flagged, count = self.first_pass.fields.flagged, len(self.first_pass)
        if 0 < flagged < count:
            how = "with fields" if self.target.interlaced else "as whole pictures"
            found.append(f"{flagged} of {count} frames are flagged as interlaced; all are coded {how}")
        top, bottom = self.first_pass.fields.top_first, self.first_pass.fields.bottom_first
        if min(top, bottom) >= MIN_CLASSIFIED and self.facts.fields == "keep":
            found.append(f"fields come in both orders: top first in {top} frames, bottom first in {bottom}")
        if len(gaps):
            seconds = float(int(self.first_pass.pts[gaps[0]]) * self.facts.time_base)
            found.append(f"frames seem to be missing in {len(gaps)} places, the first after {seconds:.2f} s")
        if self.watermark is not None:
            found.append(self.watermark.note)
        return (*self.target.notes, *self.facts.notes, *found)

    @property
    def keeps_luma_exactly(self) -> bool:
        """Whether every luma code of the output is the source's."""
        same = self.target.sample_format == self.facts.sample_format
        return self.target.codec == "ffv1" and same and self.watermark is None

    def is_passthrough(self, shot: Shot) -> bool:
        """Whether a shot keeps the source's own chroma, by what was decided about it, else by the options."""
        decided = [one.colour for one in self.decided(shot) if one.colour]
        return decided[-1] == KEEP if decided else self.is_passthrough_by_options(shot)

    def is_passthrough_by_options(self, shot: Shot) -> bool:
        """Whether a shot would keep the source's own chroma if nothing was decided about it."""
        tone = self.first_pass.tone(shot)
        if tone is Tone.TONED:
            return not self.colour_toned
        return not self.recolour and tone in (Tone.COLOUR, Tone.TINTED)

    def decided(self, shot: Shot) -> tuple[ShotCorrection, ...]:
        """What was decided about a shot, by moments."""
        return self.corrections.get(self.shot_at(shot.first), ()) if self.corrections else ()

    def smoothing_of(self, shot: Shot) -> float:
        """How steady a shot's colour is, 0..1."""
        own = [one.smoothing for one in self.decided(shot) if one.smoothing is not None]
        return own[-1] if own else self.smoothing

    def keyframe_interval_of(self, shot: Shot) -> int:
        """Distance of a shot's key frames: without smoothing each frame has its own colour."""
        return self.keyframe_interval if self.smoothing_of(shot) else 1

    @property
    def is_toned(self) -> bool:
        """Whether every shot is of one tone, as sepia or a tint."""
        return all(self.first_pass.tone(shot) is Tone.TONED for shot in self.shots)

    def is_repeat(self, frame: int) -> bool:
        """Whether a frame has the very luma of the one before."""
        digests = self.first_pass.digests
        return frame > 0 and bool(digests[frame] == digests[frame - 1])

    def frame_at(self, seconds: float) -> int:
        """Number of the frame that is shown so long after the first."""
        return frame_at(self.facts, self.first_pass, seconds)

    def shot_at(self, frame: int) -> int:
        """Number of the shot that holds a frame."""
        starts = [shot.first for shot in self.shots]
        return int(np.searchsorted(starts, frame, side="right")) - 1

    def position_in_shot(self, frame: int) -> int:
        """The number of a frame among those of its shot that do not repeat the one before, from 0."""
        first = self.shots[self.shot_at(frame)].first
        return sum(not self.is_repeat(number) for number in range(first + 1, frame + 1))


def frame_at(facts: FilmFacts, found: FirstPass, seconds: float) -> int:
    """Number of the frame that is shown so long after the first."""
    # Moments are rounded; the frame that was looked at may begin a little behind one.
    pts = int(found.pts[0]) + int((seconds + SAME_MOMENT) / float(facts.time_base))
    return max(0, int(np.searchsorted(found.pts, pts, side="right")) - 1)


@dataclass(frozen=True)
class NumberedFrame:
    """A frame and its place in the film, counting from 0."""

    number: int
    frame: Frame


class _LevelLight:
    """Takes out how the light of old film swings, shot by shot."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._shot: Shot | None = None
        self._gains: Float32 | None = None

    def levelled(self, luma: Float32, number: int) -> Float32:
        """The luma of a frame with the light of its shot."""
        if self._shot is None or not self._shot.first <= number <= self._shot.last:
            self._shot = self._film.shots[self._film.shot_at(number)]
            self._gains = self._film.first_pass.level_gains(self._shot)
        if self._gains is None:
            return luma
        return np.asarray(np.clip(luma * self._gains[number - self._shot.first], 0, 1), np.float32)


def network_lumas(
    film: Film, items: Iterator[NumberedFrame], on_frame: Callable[[NumberedFrame], None] = lambda _: None
) -> Iterator[Float32]:
    """What the network would see of a shot: one luma per frame that does not repeat the one before."""
    last: Plane | None = None
    light = _LevelLight(film)
    for item in items:
        is_new = last is None or not film.is_repeat(item.number)
        # Digests of different frames may be equal, if hardly ever: no luma is given up on their word.
        if last is None or is_new or not np.array_equal(last, item.frame.luma):
            last = item.frame.luma
        on_frame(replace(item, frame=replace(item.frame, luma=last, picture=None)))
        if is_new:
            yield light.levelled(film.geometry.small_luma(item.frame, film.facts), item.number)


def read_from(film: Film, first: int) -> Iterator[NumberedFrame]:
    """The film's frames from `first` on, each compared with the first pass.

    Raises:
        ItemError: `CHANGED` where the film is not what it was.
    """
    facts, found = film.facts, film.first_pass
    yield from _read_after_seek(facts, found, first) or _read_from_start(facts, found, first)


def frames_at(facts: FilmFacts, found: FirstPass, numbers: Sequence[int]) -> Iterator[NumberedFrame]:
    """Some frames of a film, each compared with the first pass; others are passed over where that can be.

    Args:
        facts: of the film.
        found: what it holds.
        numbers: of the frames, in ascending order.

    Raises:
        ItemError: `CHANGED` where the film is not what it was.
    """
    before = numbers[0]
    frames = _read_after_seek(facts, found, before) or _read_from_start(facts, found, before)
    for number in numbers:
        if number - before > _SEEK_BEYOND:
            frames = _read_after_seek(facts, found, number, beyond=before) or frames
        yield next(item for item in frames if item.number == number)
        before = number


def _read_from_start(facts: FilmFacts, found: FirstPass, first: int) -> Iterator[NumberedFrame]:
    """Frames from `first` on, where all before them are decoded too."""
    numbered = _numbered(found, FrameReader(facts), 0)
    return _verified(found, (item for item in numbered if item.number >= first))


def _read_after_seek(
    facts: FilmFacts, found: FirstPass, first: int, beyond: int = -1
) -> Iterator[NumberedFrame] | None:
    """Frames from `first` on, read from a key frame before it; None where that goes astray.

    Nor is there anything where that key frame is not behind the frame `beyond`.
    """
    if first <= _SEEK_MARGIN or not facts.can_seek or found.repaired or found.defects:
        return None
    sought = _seek(facts, found, first, beyond)
    head = next(sought, None)
    if head is None or not _is_same(found, head):
        return None
    return itertools.chain((head,), _verified(found, sought))


def _seek(facts: FilmFacts, found: FirstPass, first: int, beyond: int) -> Iterator[NumberedFrame]:
    """As `_read_after_seek`, not compared; nothing where the seek goes astray."""
    times = found.pts
    reader = iter(FrameReader(facts, from_pts=int(times[first - _SEEK_MARGIN])))
    for frame in reader:
        number = int(np.searchsorted(times, frame.pts))
        if number >= len(times) or times[number] != frame.pts or not beyond < number <= first:
            return
        if number == first:
            yield NumberedFrame(number, frame)
            break
    yield from _numbered(found, reader, first + 1)


def _numbered(found: FirstPass, frames: Iterator[Frame] | FrameReader, start: int) -> Iterator[NumberedFrame]:
    """Frames with their numbers; more of them than were seen before are not the same film."""
    number = start
    for number, frame in enumerate(frames, start=start):
        if number >= len(found):
            raise changed_error()
        yield NumberedFrame(number, frame)
    if number + 1 < len(found):
        raise changed_error()


def _verified(found: FirstPass, items: Iterator[NumberedFrame]) -> Iterator[NumberedFrame]:
    """The same frames, each found unchanged."""
    # What a decoder makes of damaged data may differ from time to time.
    check = not found.defects
    for item in items:
        if check and not _is_same(found, item):
            raise changed_error()
        yield item


def _is_same(found: FirstPass, item: NumberedFrame) -> bool:
    """Whether a frame has the time and the luma it had."""
    same_time = bool(found.pts[item.number] == item.frame.pts)
    return same_time and bool(found.digests[item.number] == luma_digest(item.frame))


def changed_error() -> ItemError:
    """The error for a film that changes while it is read."""
    return ItemError(Reason.CHANGED, "the film changed while it was read; run again when it is complete")
