"""Options of a network or of its objective: from words and JSON to a frozen dataclass, checked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from archivecolor.errors import UsageError
from archivecolor.printable import quoted
from archivecolor.settings import nearest


@dataclass(frozen=True)
class BaseOptions:
    """What a network, or its objective, can be made with: a frozen dataclass.

    Its fields are numbers, words or tuples of counts, and each has a default.
    """


OptionsT = TypeVar("OptionsT", bound=BaseOptions)


def options_from(kind: type[OptionsT], values: Mapping[str, object], owner: str) -> OptionsT:
    """Make options of `kind`, a dataclass whose fields all have a default.

    Args:
        kind: the dataclass.
        values: by name; lists and single numbers stand for tuples, whole numbers for any.
        owner: whose options they are, as a message says it.

    Raises:
        UsageError: an option that is not known, or a value that is not of the default's kind.
    """
    specs = {spec.name: spec for spec in dataclasses.fields(kind)}
    for name in sorted(set(values) - set(specs)):
        known = ", ".join(sorted(specs)) or "none"
        raise UsageError(f"{owner} has no option {quoted(name)}; it has {known}{nearest(name, specs)}")
    checked = {name: _checked(name, value, specs[name].default) for name, value in values.items()}
    return dataclasses.replace(kind(), **checked)


def _checked(name: str, value: object, default: object) -> object:
    """`value` as the kind of thing that `default` is. Raises `UsageError`."""
    if isinstance(default, tuple):
        parts = tuple(value) if isinstance(value, (tuple, list)) else (value,)
        if parts and all(_is_count(part) and part != 0 for part in parts):
            return parts
        raise UsageError(f"option {name} is {_shown(value)}; it takes whole numbers from 1, as {name}=8,16")
    if isinstance(default, bool):
        good, wanted = isinstance(value, bool), "true or false"
    elif isinstance(default, int):
        good, wanted = _is_count(value), "a whole number from 0"
    elif isinstance(default, float):
        good, wanted = is_number(value), "a number"
    else:
        good, wanted = isinstance(value, str), "a word"
    if not good:
        raise UsageError(f"option {name} is {_shown(value)}; it takes {wanted}")
    return value


def _shown(value: object) -> str:
    """A value for a message: words in quotes."""
    return quoted(value) if isinstance(value, str) else str(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_number(value: object) -> bool:
    """Whether `value` is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
