"""One line of the manifest: what became of one item in one attempt, and how it is written.

A line is JSON in UTF-8. Keys this version does not know are kept.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from archivecolor.errors import Reason, UsageError

FORMAT = 1


class Status(str, Enum):
    """What became of an item."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class Source:
    """What is known of an item's source; None where it was not found out.

    Attributes:
        bytes: size.
        mtime_ns: time of the last change, nanoseconds.
        sha256: 64 hex digits.
        width: pixels, as stored.
        height: pixels, as stored.
        depth: bits per sample.
        pages: pictures in the file.
        tone: the word of `colour.tone.Tone`.
    """

    bytes: int
    mtime_ns: int
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    depth: int | None = None
    pages: int | None = None
    tone: str | None = None


@dataclass(frozen=True)
class Output:
    """What was written.

    Attributes:
        path: relative to the output folder, POSIX, as `os.fsdecode` gives it.
        bytes: size.
        sha256: 64 hex digits.
        width: pixels.
        height: pixels.
        depth: bits per sample.
    """

    path: str
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    depth: int | None = None


@dataclass(frozen=True)
class Record:
    """One line of the manifest: what became of one item in one attempt.

    Attributes:
        path: of the source, relative to the input folder, POSIX, as `os.fsdecode` gives it.
        status: done, skipped or failed.
        reason: why, from the fixed list.
        source: facts of the source.
        detail: one sentence for people.
        kind: photo or film.
        output: facts of the output, where there is one.
        settings: digest of the settings (`Settings.digest`).
        weights: digest of the weights.
        confidence: 0..1, how sure the network was.
        luma: "coefficients", "exact" or "re-encoded".
        lost: metadata that could not be carried.
        network: name of the network, empty where none was asked.
        version: of the archivecolor that made it.
        seconds: time the item took.
        at: when, UTC, ISO 8601.
        format: version of the schema.
        extra: keys of the line that this version does not know.
    """

    path: str
    status: Status
    reason: Reason | str
    source: Source
    detail: str = ""
    kind: str = "photo"
    output: Output | None = None
    settings: str = ""
    weights: str = ""
    confidence: float | None = None
    luma: str | None = None
    lost: tuple[str, ...] = ()
    network: str = ""
    version: str = ""
    seconds: float = 0.0
    at: str = ""
    format: int = FORMAT
    extra: Mapping[str, Any] = field(default_factory=dict)


def now_utc() -> str:
    """The present time as records have it."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line_of(record: Record) -> bytes:
    """The record as one line, newline included."""
    values = {
        spec.name: value
        for spec in dataclasses.fields(record)
        if spec.name != "extra" and (value := getattr(record, spec.name)) is not None
    }
    values["source"] = present(record.source)
    if record.output is not None:
        values["output"] = present(record.output) | with_raw(record.output.path)
    values = {"format": values.pop("format")} | with_raw(record.path) | values | dict(record.extra)
    values["path"] = printable_text(record.path)
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def present(facts: Source | Output) -> dict[str, Any]:
    """The facts that are known."""
    return {
        spec.name: value
        for spec in dataclasses.fields(facts)
        if (value := getattr(facts, spec.name)) is not None
    }


def with_raw(path: str) -> dict[str, str]:
    """`path` in UTF-8, and beside it, where its bytes are not UTF-8, the bytes percent-encoded."""
    text = printable_text(path)
    if text == path:
        return {"path": text}
    return {"path": text, "path_raw": quote_from_bytes(os.fsencode(path), safe="/ ")}


def printable_text(path: str) -> str:
    """`path` as JSON in UTF-8 can hold it: bytes that are not UTF-8 as backslash escapes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    return path


def record_of(values: Mapping[str, Any]) -> Record:
    """The record of one parsed line.

    Raises:
        KeyError, TypeError, ValueError: it is not a record.
        UsageError: a newer version wrote it.
    """
    refuse_newer(values["format"])
    known = {spec.name for spec in dataclasses.fields(Record)} - {"extra"}
    taken = {name: value for name, value in values.items() if name in known}
    taken["path"] = path_of(values)
    taken["status"] = Status(values["status"])
    taken["reason"] = reason_of(values["reason"])
    taken["source"] = facts_of(Source, values["source"])
    taken["lost"] = tuple(values.get("lost", ()))
    if values.get("output") is not None:
        taken["output"] = facts_of(Output, {**values["output"], "path": path_of(values["output"])})
    extra = {name: value for name, value in values.items() if name not in known and name != "path_raw"}
    return Record(**taken, extra=extra)


def refuse_newer(version: int) -> None:
    """Raise `UsageError` where the schema is one we cannot know."""
    if version > FORMAT:
        raise UsageError(
            f"the manifest has format {version}, written by a newer archivecolor; "
            f"this one reads up to format {FORMAT}: update it, or give another output folder"
        )


def path_of(values: Mapping[str, Any]) -> str:
    """The path of a line, from its raw bytes where it has them."""
    raw = values.get("path_raw")
    return str(values["path"]) if raw is None else os.fsdecode(unquote_to_bytes(raw))


def reason_of(word: str) -> Reason | str:
    """The reason of that name; the bare word where a later version of the same schema has more."""
    try:
        return Reason(word)
    except ValueError:
        return word


def facts_of(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """Facts of `kind` from the keys it knows."""
    names = {spec.name for spec in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in names})
