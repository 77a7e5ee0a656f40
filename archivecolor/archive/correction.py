"""What of a decision shapes the picture: hints, options of an item's own, and what holds for single shots.

It is kept as a JSON object in lines of decisions and in records of the manifest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from archivecolor.archive.record_checks import DamagedLineError
from archivecolor.colour.guidance import MAX_HINTS, Hint, Reach
from archivecolor.errors import UsageError
from archivecolor.settings import (
    MAX_TEXT,
    ColourOptions,
    Settings,
    VideoSettings,
    check,
    dataclass_from,
    fields_of,
    option_of,
)

_MAX_PAGE = 1 << 20
_MAX_SHOTS = 10_000
_MAX_SECONDS = 1e7
SAME_MOMENT = 0.0005  # seconds: as moments are rounded
KEEP, RECOLOUR = "keep", "recolour"
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_SHA256 = re.compile(r"|[0-9a-f]{64}")


@dataclass(frozen=True)
class OwnSettings:
    """Options of the run that are others for an item; None where they are the run's.

    Attributes:
        saturation: gain on the network's chroma.
        quality: "normal" or "high".
        working_size: short side at which the network sees it, pixels.
        toned: what is done with it if it is toned.
        colour: what is done with it if it is in colour.
    """

    saturation: float | None = None
    quality: str | None = None
    working_size: int | None = None
    toned: str | None = None
    colour: str | None = None

    def given(self) -> dict[str, Any]:
        """Those that are not the run's, by name; Any, as they are keywords of other settings too."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class ShotCorrection:
    """What was decided about the shot of a film that a moment lies in.

    Attributes:
        seconds: of the frame that was looked at, since the film's first.
        hints: colours wished for at places of that frame.
        saturation: gain on the network's chroma; None for that of the film.
        smoothing: how steady its colour is, 0..1; None for that of the film.
        colour: `KEEP` for a shot that stays as the source has it, `RECOLOUR` for one that is coloured though
            it is in colour, or tinted; empty for what the film's options say.
        reference: name and digest of the picture that hints were taken from; empty without one.
    """

    seconds: float
    hints: tuple[Hint, ...] = ()
    saturation: float | None = None
    smoothing: float | None = None
    colour: str = ""
    reference: str = ""

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return self != ShotCorrection(self.seconds)


# Behind the names of those who corrected a picture, where more did who gave none.
_OTHERS = " and others"


@dataclass(frozen=True)
class Correction:
    """What of a decision shapes the picture.

    Attributes:
        hints: colours wished for at places.
        shots: of a film, what holds for one shot alone, by the time of the frame that was looked at.
        handwork: the day, ISO 8601, on which what somebody had made of the output was put aside; or empty.
        settings: options of its own.
        source: SHA-256 of the source that hints were given for; empty where that does not matter.
        reference: name and digest of the picture that soft hints were taken from; empty without one.
        note: why, for the metadata of the derivative.
        by: who corrected it.
        at: when, UTC, ISO 8601.
    """

    hints: tuple[Hint, ...] = ()
    settings: OwnSettings = OwnSettings()
    source: str = ""
    note: str = ""
    by: str = ""
    at: str = ""
    reference: str = ""
    shots: tuple[ShotCorrection, ...] = ()
    handwork: str = ""

    def __bool__(self) -> bool:
        return bool(self.hints or self.shots or self.settings.given() or self.handwork)

    @property
    def without_hints(self) -> Correction:
        """The same without what was said of places and moments."""
        return replace(self, hints=(), shots=())

    def names_with(self, name: str) -> str:
        """Who corrected it, where somebody of that name goes on; who gave none is one of others."""
        if not self:
            return name
        listed = _with_part(self.by.removesuffix(_OTHERS), name, ", ")
        has_others = self.by.endswith(_OTHERS) or not (self.by and name)
        return f"{listed}{_OTHERS}" if listed and has_others else listed

    def notes_with(self, note: str) -> str:
        """Why it was corrected, where somebody goes on for that reason."""
        return _with_part(self.note, note, "; ") if self else note


def _with_part(text: str, part: str, between: str) -> str:
    """A text of parts with one more, unless it stands there already."""
    if f"{between}{part}{between}" in f"{between}{text}{between}":
        return text
    return between.join(filter(None, (text, part)))


NO_CORRECTION = Correction()


def correction_values(correction: Correction) -> dict[str, object]:
    """The correction as lines of decisions and of the manifest have it."""
    values: dict[str, object] = {}
    if correction.hints:
        values["hints"] = [_hint_values(hint) for hint in correction.hints]
    if given := correction.settings.given():
        values["settings"] = given
    if correction.shots:
        values["shots"] = [shot_values(shot) for shot in correction.shots]
    return values | {
        name: text
        for name in ("source", "reference", "handwork", "note", "by", "at")
        if (text := getattr(correction, name))
    }


def shot_values(shot: ShotCorrection) -> dict[str, object]:
    """What was decided about a shot, as lines have it."""
    values: dict[str, object] = {"seconds": shot.seconds}
    values |= {"hints": [_hint_values(hint) for hint in shot.hints]} if shot.hints else {}
    numbers = {"saturation": shot.saturation, "smoothing": shot.smoothing}
    values |= {name: number for name, number in numbers.items() if number is not None}
    return values | {name: text for name in ("colour", "reference") if (text := getattr(shot, name))}


def _hint_values(hint: Hint) -> dict[str, object]:
    values: dict[str, object] = {"x": hint.x, "y": hint.y, "colour": colour_word(hint.colour)}
    values["reach"] = hint.reach.value
    values |= {"page": hint.page} if hint.page != 1 else {}
    return values | ({"soft": True} if hint.soft else {})


def colour_word(colour: tuple[int, int, int]) -> str:
    """`#rrggbb` of sRGB codes."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def recorded_correction(values: Mapping[str, object] | None) -> Correction:
    """The correction of a record; none where it has none of ours."""
    try:
        return parse_correction(values or {})
    except (ValueError, DamagedLineError):
        return NO_CORRECTION


def parse_correction(values: object) -> Correction:
    """What `correction_values` gave. Raises `DamagedLineError` where it is none."""
    correction = checked_object(values)
    return Correction(
        hints=_hints(correction),
        settings=_own_settings(checked_object(correction.get("settings", {}))),
        shots=tuple(_shot(checked_object(shot)) for shot in checked_list(correction.get("shots", []))),
        source=parse_digest(correction, "source"),
        reference=text_of(correction, "reference"),
        handwork=text_of(correction, "handwork"),
        **texts_of(correction),
    )


def parse_digest(values: Mapping[str, object], name: str) -> str:
    """A SHA-256 in hexadecimal digits, empty without one. Raises `DamagedLineError` where it is none."""
    source = values.get(name, "")
    if not isinstance(source, str) or not _SHA256.fullmatch(source):
        raise DamagedLineError
    return source


def checked_list(values: object) -> list[object]:
    """A list of shots. Raises `DamagedLineError` where it is none."""
    if not isinstance(values, list) or len(values) > _MAX_SHOTS:
        raise DamagedLineError
    return values


def _shot(values: Mapping[str, object]) -> ShotCorrection:
    colour = text_of(values, "colour")
    if colour not in ("", KEEP, RECOLOUR):
        raise DamagedLineError
    return ShotCorrection(
        seconds=parse_moment(values.get("seconds")),
        hints=_hints(values),
        saturation=_number(values, "saturation", ColourOptions),
        smoothing=_number(values, "smoothing", VideoSettings),
        colour=colour,
        reference=text_of(values, "reference"),
    )


def _number(values: Mapping[str, object], name: str, settings: type[Settings]) -> float | None:
    """A number of a shot's own, within the bounds of the option of that name; None without one."""
    value = values.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise DamagedLineError
    _check_option(name, value, settings)
    return float(value)


def _check_option(name: str, value: object, settings: type[Settings]) -> None:
    spec = next(option_of(setting) for setting in fields_of(settings) if setting.name == name)
    try:
        check(name, value, spec)
    except UsageError as error:
        raise DamagedLineError from error


def parse_moment(value: object) -> float:
    """Seconds since a film's first frame. Raises `DamagedLineError` where they are none."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _MAX_SECONDS:
        raise DamagedLineError
    return float(value)


def _hints(values: Mapping[str, object]) -> tuple[Hint, ...]:
    hints = values.get("hints", [])
    if not isinstance(hints, list) or len(hints) > MAX_HINTS:
        raise DamagedLineError
    return tuple(map(_hint, hints))


def _hint(values: object) -> Hint:
    hint = checked_object(values)
    x, y, colour, page = (hint.get(name) for name in ("x", "y", "colour", "page"))
    page = 1 if page is None else page
    is_sound = all(isinstance(place, (int, float)) and 0 <= place <= 1 for place in (x, y))
    if not is_sound or not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
        raise DamagedLineError
    soft = hint.get("soft", False)
    if type(page) is not int or not 1 <= page <= _MAX_PAGE or not isinstance(soft, bool):
        raise DamagedLineError
    red, green, blue = bytes.fromhex(colour[1:])
    return Hint(float(x), float(y), (red, green, blue), Reach(hint.get("reach", "all")), page, soft)  # type: ignore[arg-type]


def _own_settings(values: Mapping[str, object]) -> OwnSettings:
    """Options of an item's own, each as the run's own option would have it."""
    names = {setting.name for setting in fields(OwnSettings)}
    options = {setting.name: setting for setting in fields_of(ColourOptions) if setting.name in names}
    for name, value in values.items():
        if name not in options:
            raise DamagedLineError
        default = options[name].default
        number = isinstance(default, float) and type(value) is int
        if type(value) is not type(default) and not number:
            raise DamagedLineError
        _check_option(name, value, ColourOptions)
    return dataclass_from(OwnSettings, values)


def texts_of(values: Mapping[str, object]) -> dict[str, str]:
    """Note, writer and time. Raises as `text_of`."""
    return {name: text_of(values, name) for name in ("note", "by", "at")}


def text_of(values: Mapping[str, object], name: str) -> str:
    """A short text, empty without one. Raises `DamagedLineError` where it is none."""
    text = values.get(name, "")
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise DamagedLineError
    return text


def checked_object(values: object) -> Mapping[str, object]:
    """An object of JSON. Raises `DamagedLineError` where it is none."""
    if not isinstance(values, dict):
        raise DamagedLineError
    return values
