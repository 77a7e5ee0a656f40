"""The shots of a film that was coloured, and what is decided about each of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from archivecolor.archive.correction import SAME_MOMENT, ShotCorrection
from archivecolor.archive.decision import Decision, State
from archivecolor.archive.record import Record
from archivecolor.colour.guidance import MAX_HINTS, Hint
from archivecolor.errors import UsageError


@dataclass(frozen=True)
class Span:
    """The time of one shot.

    Attributes:
        number: of the shot, from 1.
        start: in seconds since the film's first frame.
        end: when the next one begins, or the film is over.
    """

    number: int
    start: float
    end: float

    @property
    def middle(self) -> float:
        """A moment in the middle of it."""
        return round((self.start + self.end) / 2, 3)

    def holds(self, seconds: float) -> bool:
        """Whether a moment lies in it."""
        return self.start - SAME_MOMENT <= seconds < self.end - SAME_MOMENT


@dataclass(frozen=True)
class DecidedShot:
    """A shot with what is decided about it.

    Attributes:
        span: its time.
        corrections: what was decided about it, by moments.
        accepted: somebody accepted it.
    """

    span: Span
    corrections: tuple[ShotCorrection, ...]
    accepted: bool

    @property
    def moment(self) -> float:
        """The moment to look at first: that of its first hints, else its middle."""
        hinted = (one.seconds for one in self.corrections if one.hints)
        return next(hinted, self.span.middle)

    @property
    def saturation(self) -> float | None:
        """Of the shot; None where it has none of its own."""
        own = [one.saturation for one in self.corrections if one.saturation is not None]
        return own[-1] if own else None

    def hints_at(self, seconds: float) -> tuple[Hint, ...]:
        """Those that were given at a moment."""
        return next((one.hints for one in self.corrections if is_same(one.seconds, seconds)), ())


@dataclass(frozen=True)
class ShotWish:
    """What somebody wants of a shot.

    Attributes:
        seconds: the moment that was looked at.
        hints: for places of that frame, in place of those given at this moment before.
        saturation: of the whole shot; None for that of the film.
        reference: name of the picture that soft hints are of; empty without one.
    """

    seconds: float
    hints: tuple[Hint, ...]
    saturation: float | None
    reference: str = ""


def is_same(one: float, other: float) -> bool:
    """Whether two moments are one."""
    return abs(one - other) < SAME_MOMENT


def shots_of_record(record: Record) -> tuple[Span, ...]:
    """A film's shots, as its record has them; none where it was made by a version that did not say."""
    values = record.extra.get("film")
    if not isinstance(values, Mapping):
        return ()
    starts, seconds = values.get("shot_seconds"), values.get("seconds")
    if not isinstance(starts, list) or not starts or not all(map(_is_time, [*starts, seconds])):
        return ()
    if any(after <= before for before, after in pairwise(starts)):
        return ()
    ends = [*starts[1:], max(seconds, starts[-1]) + 2 * SAME_MOMENT]
    return tuple(
        Span(number, float(start), float(end))
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1)
    )


def poster_moment(record: Record) -> float:
    """The moment that stands for a film: the middle of the longest of its shots, as far as they are known."""
    shots = shots_of_record(record)
    return max(shots, key=lambda shot: shot.end - shot.start).middle if shots else 0.0


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def decided_shot(span: Span, decision: Decision, source: str) -> DecidedShot:
    """What is decided about a shot.

    Args:
        span: its time.
        decision: about the film.
        source: SHA-256 of the film; what was said of shots of another one does not hold.
    """
    correction = decision.correction
    given = correction.shots if correction.source in ("", source) else ()
    inside = tuple(shot for shot in given if span.holds(shot.seconds))
    return DecidedShot(span, inside, accepted=any(map(span.holds, _accepted(decision, source))))


def with_accepted(decision: Decision, span: Span, source: str, *, accepted: bool) -> Decision:
    """The decision where a shot is accepted, or no longer is; arguments as for `decided_shot`."""
    others = _outside(_accepted(decision, source), span)
    return _accepting(decision, (*others, span.middle) if accepted else others, source)


def _accepted(decision: Decision, source: str) -> tuple[float, ...]:
    """Moments of accepted shots of the film with this digest."""
    return decision.accepted_shots if decision.accepted_source in ("", source) else ()


def _accepting(decision: Decision, moments: tuple[float, ...], source: str) -> Decision:
    return replace(decision, accepted_shots=tuple(sorted(moments)), accepted_source=source if moments else "")


def with_wish(decision: Decision, span: Span, wish: ShotWish, source: str) -> Decision:
    """The decision where a shot gets hints and a saturation; it is no longer accepted, nor is the film.

    Args:
        decision: about the film.
        span: the shot.
        wish: what is wanted of it.
        source: SHA-256 of the film; what was said of shots of another one goes.

    Raises:
        UsageError: the shot has more hints than are spread.
    """
    shot = decided_shot(span, decision, source)
    before = decision.correction
    others = before.shots if before.source in ("", source) else ()
    mine = [
        replace(one, saturation=None) for one in shot.corrections if not is_same(one.seconds, wish.seconds)
    ]
    here = next(
        (one for one in shot.corrections if is_same(one.seconds, wish.seconds)), ShotCorrection(wish.seconds)
    )
    is_like = not wish.reference and any(hint.soft for hint in wish.hints)
    here = replace(here, reference=here.reference if is_like else "")
    mine.append(replace(here, seconds=wish.seconds, hints=wish.hints, saturation=wish.saturation))
    count = sum(len(one.hints) for one in mine)
    if count > MAX_HINTS:
        raise UsageError(f"the shot has {count} hints then; {MAX_HINTS} are the most")
    kept = (*(one for one in others if not span.holds(one.seconds)), *(one for one in mine if one))
    decided = _corrected(decision, span, kept, source)
    reference = wish.reference or before.reference
    return replace(decided, correction=replace(decided.correction, reference=reference))


def without_shot(decision: Decision, span: Span, source: str) -> Decision:
    """The decision where nothing is decided about a shot."""
    before = decision.correction
    others = before.shots if before.source in ("", source) else ()
    return _corrected(decision, span, [one for one in others if not span.holds(one.seconds)], source)


def _corrected(decision: Decision, span: Span, shots: Iterable[ShotCorrection], source: str) -> Decision:
    kept = tuple(sorted(shots, key=lambda one: one.seconds))
    correction = replace(decision.correction, shots=kept, source=source if kept else "")
    accepted = _accepting(decision, _outside(_accepted(decision, source), span), source)
    return replace(accepted, state=State.NONE, correction=correction)


def _outside(moments: Iterable[float], span: Span) -> tuple[float, ...]:
    return tuple(moment for moment in moments if not span.holds(moment))
