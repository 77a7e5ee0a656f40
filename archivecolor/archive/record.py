"""One line of the manifest: what became of one item in one attempt, and how it is written.

A line is JSON in UTF-8. Keys this version does not know are kept.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from urllib.parse import quote_from_bytes

from archivecolor.archive.record_checks import check_values, path_from_values
from archivecolor.errors import Reason, UsageError
from archivecolor.printable import json_line
from archivecolor.settings import dataclass_from

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
        etag: of an object in a bucket, as the server says it: with the size it tells whether it is another.
    """

    bytes: int
    mtime_ns: int
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    depth: int | None = None
    pages: int | None = None
    tone: str | None = None
    etag: str | None = None


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
        mtime_ns: time of its last change, nanoseconds: with the size it tells whether somebody worked on it.
    """

    path: str
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    depth: int | None = None
    mtime_ns: int | None = None


@dataclass(frozen=True)
class Record:
    """One line of the manifest: what became of one item in one attempt.

    Attributes:
        path: of the source, relative to the input folder, POSIX, as `os.fsdecode` gives it.
        status: done, skipped or failed.
        reason: why, from the fixed list.
        source: facts of the source.
        detail: one sentence for people.
        kind: photo, film, grey or sidecar.
        output: facts of the output, where there is one.
        settings: digest of the settings (`Settings.digest`).
        weights: digest of the weights.
        confidence: 0..1, how sure the network was.
        doubt: 0..1, how much of a second look it deserves (`colour.doubt`); of its most doubtful page.
        doubt_reasons: why, in which part: each with `reason`, `share` and `region`.
        luma: "coefficients", "exact" or "re-encoded".
        lost: metadata that could not be carried.
        network: name of the network, empty where none was asked.
        runtime: the library that ran it, its version, the device and the number format.
        decision: digest of the decision that it was made with (`Decision.digest`).
        correction: what of that decision shaped the output, as `correction_values` has it.
        fingerprints: of the grey of each coloured page (`colour.fingerprint`), to find the record by.
        certificate: SHA-256 of the certificate that signed the output; empty where nobody did.
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
    doubt: float | None = None
    doubt_reasons: tuple[Mapping[str, Any], ...] = ()
    luma: str | None = None
    lost: tuple[str, ...] = ()
    network: str = ""
    runtime: str = ""
    decision: str | None = None
    # Any, here and below: what JSON holds; this version knows only some of it.
    correction: Mapping[str, Any] | None = None
    fingerprints: tuple[str, ...] = ()
    certificate: str = ""
    version: str = ""
    seconds: float = 0.0
    at: str = ""
    format: int = FORMAT
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def doubt_words(self) -> tuple[str, ...]:
        """The reasons of doubt, each once."""
        return tuple(dict.fromkeys(one["reason"] for one in self.doubt_reasons))


def now_utc() -> str:
    """The present time as records have it."""
    return time_as_text(datetime.now(UTC))


def time_as_text(time: datetime) -> str:
    """A time in UTC as records have it; of two texts the later one is the greater."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line_from_record(record: Record) -> bytes:
    """The record as one line, newline included."""
    values = {
        attribute.name: value
        for attribute in dataclasses.fields(record)
        if attribute.name != "extra" and (value := getattr(record, attribute.name)) is not None
    }
    values["source"] = _known_values(record.source)
    if record.output is not None:
        values["output"] = _known_values(record.output) | path_keys(record.output.path)
    values["detail"] = escape_non_utf8(record.detail)
    values["lost"] = [escape_non_utf8(text) for text in record.lost]
    for name in ("doubt_reasons", "fingerprints", "certificate"):
        if not values[name]:
            del values[name]
    values = {"format": values.pop("format")} | path_keys(record.path) | values | dict(record.extra)
    values["path"] = escape_non_utf8(record.path)
    return json_line(values)


def _known_values(facts: Source | Output) -> dict[str, Any]:
    """The facts that are known."""
    return {
        attribute.name: value
        for attribute in dataclasses.fields(facts)
        if (value := getattr(facts, attribute.name)) is not None
    }


def path_keys(path: str) -> dict[str, str]:
    """`path` in UTF-8, and beside it, where its bytes are not UTF-8, the bytes percent-encoded."""
    text = escape_non_utf8(path)
    if text == path:
        return {"path": text}
    return {"path": text, "path_raw": quote_from_bytes(os.fsencode(path), safe="/ ")}


def escape_non_utf8(path: str) -> str:
    """`path` as JSON in UTF-8 can hold it: bytes that are not UTF-8 as backslash escapes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    return path


def record_from_values(values: Mapping[str, Any]) -> Record:
    """The record of one parsed line.

    Raises:
        DamagedLineError: it is not a record.
        UsageError: a newer version wrote it.
    """
    values = check_values(values)
    check_format(values["format"])
    known = {attribute.name for attribute in dataclasses.fields(Record)} - {"extra"}
    taken = {name: value for name, value in values.items() if name in known}
    taken["path"] = path_from_values(values)
    taken["status"] = Status(values["status"])
    taken["reason"] = _parse_reason(values["reason"])
    taken["source"] = dataclass_from(Source, values["source"])
    taken["lost"] = tuple(values.get("lost", ()))
    for name in ("fingerprints", "doubt_reasons"):
        taken[name] = tuple(values.get(name, ()))
    if values.get("output") is not None:
        taken["output"] = dataclass_from(
            Output, {**values["output"], "path": path_from_values(values["output"])}
        )
    extra = {name: value for name, value in values.items() if name not in known and name != "path_raw"}
    return Record(**taken, extra=extra)


def check_format(version: int) -> None:
    """Raise `UsageError` where the schema is one we cannot know."""
    if version > FORMAT:
        raise UsageError(
            f"the manifest has format {version}, written by a newer archivecolor; "
            f"this one reads up to format {FORMAT}: update it, or give another output folder"
        )


def _parse_reason(word: str) -> Reason | str:
    """The reason of that name; the bare word where a later version of the same schema has more."""
    try:
        return Reason(word)
    except ValueError:
        return word
