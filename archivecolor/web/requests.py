"""What a page sends, read strictly: whatever is not of the right kind is refused, and nothing was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import urlencode

from archivecolor.archive.decision import State
from archivecolor.archive.item_filter import ORDERS, ItemFilter
from archivecolor.colour.guidance import MAX_HINTS, Hint, Reach, stroke
from archivecolor.errors import UsageError
from archivecolor.jobs.hint_words import colour_of
from archivecolor.photo.preview import Box

_MAX_NOTE = 1000
_MAX_POINTS = 500
_MAX_PART = 2048


@dataclass(frozen=True)
class Wish:
    """What somebody wants of an item.

    Attributes:
        state: of the item; None where it is left as it is.
        redo: forget what was decided, and make it anew.
        colour: hints and saturation are meant too.
        page: that the hints are for, from 1.
        hints: of that page.
        saturation: gain on the network's chroma; None for that of the run.
        note: why.
        reference: name of the picture that soft hints are of; empty without one.
    """

    state: State | None = None
    redo: bool = False
    colour: bool = False
    page: int = 1
    hints: tuple[Hint, ...] = ()
    saturation: float | None = None
    note: str = ""
    reference: str = ""


def wish_of(values: object) -> Wish:
    """A wish from parsed JSON.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(values, dict) or not set(values) <= {
        "state",
        "redo",
        "page",
        "hints",
        "saturation",
        "note",
        "reference",
    }:
        raise UsageError("that is nothing that can be decided")
    state, note, redo = values.get("state"), values.get("note", ""), values.get("redo", False)
    if (state is not None) + (redo is True) + ("hints" in values) > 1:
        raise UsageError("a state, hints and making anew are decided one at a time")
    if "hints" not in values and not {"page", "saturation", "reference"}.isdisjoint(values):
        raise UsageError("a page, a saturation and a reference come with hints, if with none")
    if state is not None and state not in (State.NONE.value, State.ACCEPTED.value, State.REJECTED.value):
        raise UsageError("there is no such state")
    reference = values.get("reference", "")
    if not _is_note(note) or not _is_note(reference) or not isinstance(redo, bool):
        raise UsageError(f"a note has up to {_MAX_NOTE} characters, all of them whole")
    page = _whole(values.get("page", 1), 1, 1 << 20)
    return Wish(
        state=None if state is None else State(state),
        redo=redo,
        colour="hints" in values,
        page=page,
        hints=_hints(values.get("hints", []), page),
        saturation=None if values.get("saturation") is None else _number(values["saturation"], 0.0, 3.0),
        note=note,
        reference=reference,
    )


def other_of(values: object) -> tuple[int, float | None]:
    """The number of a picture, of a film the moment in seconds too. Raises `UsageError` where it is none."""
    if not isinstance(values, dict) or not set(values) <= {"item", "moment"}:
        raise UsageError("that names no picture")
    moment = values.get("moment")
    number = _whole(values.get("item"), 0, 1 << 60)
    return number, None if moment is None else _whole(moment, 0, 1 << 40) / 1000


def _is_note(value: object) -> TypeGuard[str]:
    """Whether it is short text; half of a character, as JSON can have it, could not be written."""
    return (
        isinstance(value, str)
        and len(value) <= _MAX_NOTE
        and not any("\ud800" <= character <= "\udfff" for character in value)
    )


def _hints(values: object, page: int) -> tuple[Hint, ...]:
    if not isinstance(values, list) or len(values) > MAX_HINTS:
        raise UsageError(f"up to {MAX_HINTS} hints are taken")
    hints = [hint for value in values for hint in _hint(value, page)]
    if len(hints) > MAX_HINTS:
        raise UsageError(f"up to {MAX_HINTS} hints are taken, and a stroke counts as several")
    return tuple(hints)


def _hint(value: object, page: int) -> tuple[Hint, ...]:
    """The hints of a place, or of a stroke."""
    if not isinstance(value, dict) or not isinstance(value.get("colour"), str):
        raise UsageError("a hint has a place and a colour")
    colour = colour_of(value["colour"][:50])
    try:
        reach = Reach(value.get("reach", "all"))
    except ValueError as error:
        raise UsageError("there is no such reach") from error
    soft = value.get("soft", False)
    if not isinstance(soft, bool):
        raise UsageError("a hint is soft or not")
    points = value.get("points", [[value.get("x"), value.get("y")]])
    if not isinstance(points, list) or not 1 <= len(points) <= _MAX_POINTS:
        raise UsageError(f"a stroke has 1 to {_MAX_POINTS} points")
    places = [_place(point) for point in points]
    if len(places) == 1:
        return (Hint(*places[0], colour, reach, page, soft),)
    return tuple(
        Hint(round(hint.x, 6), round(hint.y, 6), colour, reach, page, soft) for hint in stroke(places, colour)
    )


def _place(point: object) -> tuple[float, float]:
    if not isinstance(point, list) or len(point) != 2:
        raise UsageError("a place has two numbers")
    return _number(point[0], 0.0, 1.0), _number(point[1], 0.0, 1.0)


def _number(value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise UsageError(f"a number from {low:g} to {high:g} is missing")
    return float(value)


def _whole(value: object, low: int, high: int) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"a whole number from {low} to {high} is missing")
    return value


def page_of(query: Mapping[str, str]) -> int:
    """The page of a file that an address asks for. Raises `UsageError` where that is none."""
    return _whole(query.get("page", "1"), 1, 1 << 20)


def place_of(query: Mapping[str, str]) -> tuple[float, float]:
    """The place in a picture that an address asks for. Raises `UsageError` where that is none."""
    try:
        return tuple(_number(float(query.get(name, "")), 0.0, 1.0) for name in "xy")  # type: ignore[return-value]
    except ValueError as error:
        raise UsageError("a place has two numbers") from error


def box_of(query: Mapping[str, str]) -> Box:
    """The part of a picture that an address asks for. Raises `UsageError` where that is none."""
    left, top = (_whole(query.get(name), 0, 1 << 24) for name in ("left", "top"))
    width, height = (_whole(query.get(name), 1, _MAX_PART) for name in ("width", "height"))
    return Box(left, top, width, height)


def query_of(query: Mapping[str, str]) -> str:
    """The filters of an address, to be carried along."""
    names = ("order", "status", "reason", "folder", "kind", "decided", "day", "text", "least_doubt")
    return urlencode([(name, query[name]) for name in names if query.get(name)], errors="replace")


def filter_of(query: Mapping[str, str]) -> ItemFilter:
    """Which items an address asks for; what is not understood does not matter."""
    names = ("status", "reason", "folder", "kind", "decided", "day", "text")
    # Any: they are keywords among others of other types.
    values: dict[str, Any] = {name: query.get(name, "")[:1000] for name in names}
    order = query.get("order", "doubt")
    try:
        least = _number(float(query["least_doubt"]), 0.0, 1.0)
    except (KeyError, ValueError, UsageError):
        least = None
    return ItemFilter(**values, order=order if order in ORDERS else "doubt", least_doubt=least)
