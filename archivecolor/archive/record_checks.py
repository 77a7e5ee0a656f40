"""What a line of the manifest must be: the one check that all its readers go through.

A manifest may have been cut, edited or come from elsewhere. A line that is not wholly of the right kinds is
damaged: it is passed over, and its item is done again.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import PureWindowsPath
from typing import Any, TypeGuard
from urllib.parse import unquote_to_bytes

MAX_DEPTH = 20
_MAX_INTEGER = 1 << 63
_SHA256 = re.compile(r"[0-9a-f]{64}")

# Says whether a value is of a kind.
Check = Callable[[object], bool]


class DamagedLineError(Exception):
    """A line is not a record."""


def path_from_values(values: Mapping[str, object]) -> str:
    """The path of a line or of its output, from its raw bytes where it has them.

    Raises:
        DamagedLineError: it is no relative path that stays below its folder.
    """
    raw = values.get("path_raw")
    path = values.get("path") if raw is None else _decoded(raw)
    if not isinstance(path, str) or not _stays_inside(path):
        raise DamagedLineError
    return path


def _decoded(raw: object) -> str:
    if not isinstance(raw, str):
        raise DamagedLineError
    return os.fsdecode(unquote_to_bytes(raw))


def _stays_inside(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    if os.name == "nt" and (PureWindowsPath(path).anchor or ".." in PureWindowsPath(path).parts):
        return False
    return bool(path) and "\0" not in path and not path.startswith("/") and ".." not in path.split("/")


# Any: checked here, so that who reads them need not.
def check_values(values: object) -> Mapping[str, Any]:
    """The values of a parsed line, all known ones of their kinds.

    Raises:
        DamagedLineError: they are not.
    """
    if not isinstance(values, dict):
        raise DamagedLineError
    _check(values, _RECORD, required=("format", "path", "status", "reason", "source"))
    _check(values["source"], _SOURCE, required=("bytes", "mtime_ns"))
    path_from_values(values)
    output = values.get("output")
    if output is not None:
        _check(output, _OUTPUT, required=("path", "bytes", "sha256"))
        path_from_values(output)
    return values


def _check(values: Mapping[str, object], kinds: Mapping[str, Check], required: tuple[str, ...]) -> None:
    # Plain loops: this is asked for every line of an archive.
    for name in required:
        if name not in values:
            raise DamagedLineError
    for name, value in values.items():
        is_kind = kinds.get(name)
        if is_kind is not None and not is_kind(value):
            raise DamagedLineError


def check_depth(text: bytes, values: object) -> None:
    """See that a line has no more levels of lists and objects than one of ours.

    Raises:
        DamagedLineError: it has.
    """
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and _depth(values) > MAX_DEPTH:
        raise DamagedLineError


def _depth(values: object) -> int:
    """Levels of lists and objects, counted no further than it matters."""
    level, depth = [values], 0
    while level and depth <= MAX_DEPTH:
        inner: list[object] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.values()
            elif isinstance(value, list):
                inner += value
        level, depth = inner, depth + 1
    return depth


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_integer(value: object) -> TypeGuard[int]:
    return type(value) is int and -_MAX_INTEGER < value < _MAX_INTEGER


def _is_count(value: object) -> bool:
    return value is None or (_is_integer(value) and value >= 0)


def _is_number(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _or_none(is_kind: Check) -> Check:
    return lambda value: value is None or is_kind(value)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _are_fingerprints(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_digest, value))  # as long as a SHA-256


def _are_findings(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and isinstance(one.get("reason"), str) for one in value
    )


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


# By the fields' names in `record`; paths are checked by `path_from_values`.
_SIZES: dict[str, Check] = {"width": _is_count, "height": _is_count, "depth": _is_count}
_SOURCE = _SIZES | {
    "bytes": _is_integer,
    "mtime_ns": _is_integer,
    "sha256": _or_none(_is_digest),
    "pages": _is_count,
    "tone": _or_none(_is_text),
    "etag": _or_none(_is_text),
}
_OUTPUT = _SIZES | {"bytes": _is_integer, "sha256": _is_digest, "mtime_ns": _or_none(_is_integer)}
_RECORD: dict[str, Check] = {
    "format": lambda value: _is_integer(value) and value >= 1,
    "status": lambda value: value in ("done", "skipped", "failed"),
    "reason": _is_text,
    "source": _is_object,
    "output": _or_none(_is_object),
    "detail": _is_text,
    "kind": _is_text,
    "settings": _is_text,
    "weights": _is_text,
    "confidence": _or_none(_is_number),
    "doubt": _or_none(_is_number),
    "doubt_reasons": _are_findings,
    "luma": _or_none(_is_text),
    "lost": _are_texts,
    "network": _is_text,
    "runtime": _is_text,
    "decision": _or_none(_is_text),
    "correction": _or_none(_is_object),
    "fingerprints": _are_fingerprints,
    "certificate": _is_text,
    "version": _is_text,
    "seconds": _is_number,
    "at": _is_text,
}
