"""One line of `decisions.jsonl`: what was decided about an item, or about all that a glob matches.

A line is JSON in UTF-8. Keys this version does not know are kept; a line that is not wholly of the right
kinds is damaged. Where a path has the signs of a glob in it, the key `glob` says whether it is one: names of
files may have them too. Such lines have format 2, so that versions that take all of them for globs stop.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from typing import Any, TypeVar

from archivecolor.archive.manifest import MAX_LINE_BYTES
from archivecolor.archive.record import path_keys
from archivecolor.archive.record_checks import DamagedLineError, check_depth, path_from_values
from archivecolor.colour.guidance import MAX_HINTS, Guidance, Hint, Reach
from archivecolor.errors import UsageError
from archivecolor.printable import json_line
from archivecolor.settings import MAX_TEXT, ColourOptions, check, dataclass_from, fields_of, option_of

FORMAT, _FORMAT_WITHOUT_GLOB = 2, 1
_MAX_PAGE = 1 << 20
_MAX_SHOTS = 10_000
_MAX_SECONDS = 1e7
SAME_MOMENT = 0.0005  # seconds: as moments are rounded
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_SHA256 = re.compile(r"|[0-9a-f]{64}")
_GLOB = re.compile(r"[*?\[]")

Options = TypeVar("Options", bound=ColourOptions)


class State(str, Enum):
    """What was decided about an item as a whole."""

    NONE = "none"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    BY_HAND = "by-hand"


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
    """

    seconds: float
    hints: tuple[Hint, ...] = ()
    saturation: float | None = None


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


NO_CORRECTION = Correction()


@dataclass(frozen=True)
class Decision:
    """One line: what was decided about an item, or about all that a glob matches.

    Attributes:
        path: of the source, relative to the input folder, as `os.fsdecode` gives it; or a glob.
        state: of the item as a whole.
        correction: what shapes the picture.
        note: why.
        by: who decided.
        at: when, UTC, ISO 8601.
        extra: keys of the line that this version does not know.
        glob: whether `path` is a glob; None where a line of an earlier version does not say it.
        accepted_shots: of a film, a moment of each shot that is accepted, in seconds since its first frame.
        accepted_source: SHA-256 of that film; empty where it is not known.
        undoes: `at` of the line that this one undoes, by saying again what held before; empty for others.
    """

    path: str
    state: State = State.NONE
    correction: Correction = NO_CORRECTION
    note: str = ""
    by: str = ""
    at: str = ""
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)
    glob: bool | None = False
    accepted_shots: tuple[float, ...] = ()
    accepted_source: str = ""
    undoes: str = ""

    @property
    def key(self) -> tuple[str, bool | None]:
        """What it is about: of two lines with one key the newer counts."""
        return self.path, self.glob

    @property
    def digest(self) -> str | None:
        """Of all that shapes the output, 16 hexadecimal digits; None where nothing does."""
        shaping: list[object] = [State.REJECTED.value] if self.state is State.REJECTED else []
        if self.correction:
            shaping.append(correction_values(self.correction))
        if not shaping:
            return None
        return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def is_kept(self) -> bool:
        """Whether its output is what somebody wants, whatever network there will be."""
        return self.state in (State.ACCEPTED, State.BY_HAND)

    @property
    def is_none(self) -> bool:
        """Whether it says no more than that nothing is decided."""
        return self.state is State.NONE and not self.correction and not self.accepted_shots

    def applied_correction(self, *, with_hints: bool) -> Correction:
        """What of the correction shapes a picture, without hints that were given for another source."""
        return self.correction if with_hints else self.correction.without_hints

    def applied_to(self, options: Options) -> Options:
        """A run's options with those of the item's own."""
        return replace(options, **self.correction.settings.given())

    def guidance(self, page: int, *, with_hints: bool) -> Guidance:
        """What the colour of one page, from 1, is made with."""
        own = self.correction.settings
        hints = tuple(hint for hint in self.correction.hints if with_hints and hint.page == page)
        return Guidance(hints, own.saturation, own.quality or "")


# Of a line.
_KEYS = {known.name for known in fields(Decision)} - {"extra"} | {"format", "path_raw"}
UNDECIDED = Decision("")


def looks_like_glob(path: str) -> bool:
    """Whether there are signs of a glob in a path; a file may have that name all the same."""
    return _GLOB.search(path) is not None


def line_of(decision: Decision) -> bytes:
    """The decision as one line, newline included."""
    values: dict[str, object] = {"format": _FORMAT_WITHOUT_GLOB, **path_keys(decision.path)}
    if decision.glob or (decision.glob is False and looks_like_glob(decision.path)):
        values |= {"format": FORMAT, "glob": decision.glob}
    values["state"] = decision.state.value
    if decision.correction:
        values["correction"] = correction_values(decision.correction)
    if decision.accepted_shots:
        values["accepted_shots"] = list(decision.accepted_shots)
    texts = ("accepted_source", "note", "by", "at", "undoes")
    values |= {name: text for name in texts if (text := getattr(decision, name))}
    values |= decision.extra
    return json_line(values)


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
    return values | ({} if shot.saturation is None else {"saturation": shot.saturation})


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
        return _correction(values or {})
    except (ValueError, DamagedLineError):
        return NO_CORRECTION


def parse_decision(text: bytes) -> Decision | None:
    """The decision of a line; None where it is none of ours.

    Raises:
        UsageError: a newer version wrote it.
    """
    try:
        if len(text) > MAX_LINE_BYTES:
            return None
        values = json.loads(text)
        if b"\\u" in text:
            json.dumps(values, ensure_ascii=False).encode()
        check_depth(text, values)
        return _decision(values)
    except (ValueError, RecursionError, DamagedLineError):
        return None


def _decision(values: object) -> Decision:
    line = _object(values)
    version = line.get("format")
    if type(version) is not int or version < 1:
        raise DamagedLineError
    if version > FORMAT:
        raise UsageError(
            f"a decision has format {version}, written by a newer archivecolor; "
            f"this one reads up to format {FORMAT}: update it"
        )
    path = path_from_values(line)
    glob = line.get("glob", None if looks_like_glob(path) else False)
    if not isinstance(glob, bool | None):
        raise DamagedLineError
    return Decision(
        path=path,
        glob=glob,
        state=State(line.get("state", "none")),
        correction=_correction(line.get("correction", {})),
        **_texts(line),
        undoes=_text(line, "undoes"),
        accepted_shots=tuple(map(_moment, _listed(line.get("accepted_shots", [])))),
        accepted_source=_source(line, "accepted_source"),
        extra={name: value for name, value in line.items() if name not in _KEYS},
    )


def _correction(values: object) -> Correction:
    correction = _object(values)
    return Correction(
        hints=_hints(correction),
        settings=_own_settings(_object(correction.get("settings", {}))),
        shots=tuple(_shot(_object(shot)) for shot in _listed(correction.get("shots", []))),
        source=_source(correction, "source"),
        reference=_text(correction, "reference"),
        handwork=_text(correction, "handwork"),
        **_texts(correction),
    )


def _source(values: Mapping[str, object], name: str) -> str:
    source = values.get(name, "")
    if not isinstance(source, str) or not _SHA256.fullmatch(source):
        raise DamagedLineError
    return source


def _listed(values: object) -> list[object]:
    """What is said of shots, one after the other."""
    if not isinstance(values, list) or len(values) > _MAX_SHOTS:
        raise DamagedLineError
    return values


def _shot(values: Mapping[str, object]) -> ShotCorrection:
    saturation = values.get("saturation")
    own = _own_settings({} if saturation is None else {"saturation": saturation}).saturation
    return ShotCorrection(_moment(values.get("seconds")), _hints(values), None if own is None else float(own))


def _moment(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _MAX_SECONDS:
        raise DamagedLineError
    return float(value)


def _hints(values: Mapping[str, object]) -> tuple[Hint, ...]:
    hints = values.get("hints", [])
    if not isinstance(hints, list) or len(hints) > MAX_HINTS:
        raise DamagedLineError
    return tuple(map(_hint, hints))


def _hint(values: object) -> Hint:
    hint = _object(values)
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
        try:
            check(name, value, option_of(options[name]))
        except UsageError as error:
            raise DamagedLineError from error
    return dataclass_from(OwnSettings, values)


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: _text(values, name) for name in ("note", "by", "at")}


def _text(values: Mapping[str, object], name: str) -> str:
    text = values.get(name, "")
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise DamagedLineError
    return text


def _object(values: object) -> Mapping[str, object]:
    if not isinstance(values, dict):
        raise DamagedLineError
    return values
