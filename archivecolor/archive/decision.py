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
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import TypeVar

from archivecolor.archive.correction import (
    NO_CORRECTION,
    Correction,
    checked_list,
    checked_object,
    correction_values,
    parse_correction,
    parse_digest,
    parse_moment,
    text_of,
    texts_of,
)
from archivecolor.archive.manifest import MAX_LINE_BYTES
from archivecolor.archive.record import path_keys
from archivecolor.archive.record_checks import DamagedLineError, check_depth, path_from_values
from archivecolor.colour.guidance import Guidance
from archivecolor.errors import UsageError
from archivecolor.printable import json_line
from archivecolor.settings import ColourOptions

FORMAT, _FORMAT_WITHOUT_GLOB = 2, 1
_GLOB = re.compile(r"[*?\[]")

Options = TypeVar("Options", bound=ColourOptions)


class State(str, Enum):
    """What was decided about an item as a whole."""

    NONE = "none"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    BY_HAND = "by-hand"


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
        plan: digest of the plan that this line takes in, of a film; empty for others.
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
    plan: str = ""

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
    texts = ("accepted_source", "note", "by", "at", "undoes", "plan")
    values |= {name: text for name in texts if (text := getattr(decision, name))}
    values |= decision.extra
    return json_line(values)


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
    line = checked_object(values)
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
        correction=parse_correction(line.get("correction", {})),
        **texts_of(line),
        undoes=text_of(line, "undoes"),
        plan=text_of(line, "plan"),
        accepted_shots=tuple(map(parse_moment, checked_list(line.get("accepted_shots", [])))),
        accepted_source=parse_digest(line, "accepted_source"),
        extra={name: value for name, value in line.items() if name not in _KEYS},
    )
