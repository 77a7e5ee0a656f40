"""The manifest: one JSON line per item and attempt, the newest line of an item counts.

The file only ever grows; a line is written after the output has its final name. Reading survives
what a crash leaves behind: a torn last line is dropped, a corrupt line in the middle is reported and
passed over.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from archivecolor.archive.atomic import open_own_file, sync_folder, with_output_errors
from archivecolor.archive.fixity import Digest
from archivecolor.archive.lock import check_locks, is_same_file
from archivecolor.archive.output_folder import held_above
from archivecolor.archive.record import (
    Output,
    Record,
    Source,
    Status,
    check_format,
    line_from_record,
    now_utc,
    record_from_values,
)
from archivecolor.archive.record_checks import DamagedLineError, check_depth, check_values, path_from_values
from archivecolor.errors import OutputError, UsageError

__all__ = [
    "IndexEntry",
    "Manifest",
    "ManifestWriter",
    "Output",
    "Record",
    "Source",
    "Status",
    "now_utc",
]

logger = logging.getLogger(__name__)

_SYNC_SECONDS = 1.0
MAX_LINE_BYTES = 1 << 20


@dataclass(frozen=True)
class ManifestLine:
    """Where a record stands in the file.

    Attributes:
        offset: of its first byte.
        values: the parsed line.
    """

    offset: int
    # Any, here and below: what JSON holds, whose kinds are checked where it is read.
    values: Mapping[str, Any]


def read_lines(
    path: Path, on_damage: Callable[[int], None] | None = None, start: int = 0
) -> Iterator[ManifestLine]:
    """Every whole line of the manifest `path`, oldest first; none where there is no manifest.

    Args:
        path: of the manifest.
        on_damage: told the number of each corrupt line but a torn last one; a warning without it.
        start: where a line begins; what stands before it is not read, and lines are counted from there.

    Raises:
        UsageError: a newer version wrote it, or it is no file.
    """
    if not path.exists():
        return
    if not path.is_file():
        raise UsageError(f"{path} is no file; take it away, or give another output folder")
    with path.open("rb") as file:
        offset = file.seek(start)
        for number, text in enumerate(lines_of(file), start=1):
            values = _parse_line(text) if len(text) <= MAX_LINE_BYTES else None
            if values is not None:
                yield ManifestLine(offset, values)
            elif text.endswith(b"\n"):
                (on_damage or partial(_warn_of_damage, path))(number)
            offset = file.tell()


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Every line; of one that is far too long its end alone, with a byte more than a line may have."""
    while text := file.readline(MAX_LINE_BYTES + 1):
        while len(text) > MAX_LINE_BYTES and not text.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES + 1)
            if not rest:
                break
            text = bytes(MAX_LINE_BYTES) + rest
        yield text


def record_at_line(path: Path, text: bytes) -> Record:
    """The record of a line that was whole when the manifest was read.

    Raises:
        UsageError: it no longer is.
    """
    values = _parse_line(text)
    if values is None:
        raise UsageError(f"{path} was changed while it was read; let no other program write to it")
    return record_from_values(values)


@cache
def _warn_of_damage(path: Path, number: int) -> None:
    """Say it once, however often a run reads the manifest."""
    logger.warning("%s, line %d is damaged; its item is done again", path, number)


def _parse_line(text: bytes) -> Mapping[str, Any] | None:
    """The values of a line; None where it is not a record of ours.

    Raises:
        UsageError: a newer version wrote it.
    """
    try:
        values = json.loads(text)
        if isinstance(values, dict) and isinstance(values.get("format"), int):
            check_format(values["format"])
        if b"\\u" in text:
            json.dumps(values, ensure_ascii=False).encode()  # halves of characters cannot be written again
        check_depth(text, values)
        return check_values(values)
    except (ValueError, RecursionError, DamagedLineError):
        return None


@dataclass(slots=True)
class IndexEntry:
    """What is kept in memory of an item's newest record.

    Attributes:
        offset: where the whole record stands in the file.
        status: done, skipped or failed.
        reason: why.
        nbytes: size of the source.
        mtime_ns: time of the source's last change.
        settings: digest of the settings.
        weights: digest of the weights.
        output: path of the output, empty without one.
        output_nbytes: its size.
        output_mtime_ns: time of its last change, 0 where the record does not tell.
        pixels: of the source, all pages, 0 where unknown.
        failures: failed attempts in a row on the same source.
        decision: digest of the decision that it was made with, empty without one.
        runtime: what ran the network, as the record has it.
        etag: of an object in a bucket, empty for a file.
    """

    offset: int
    status: str
    reason: str
    nbytes: int
    mtime_ns: int
    settings: str
    weights: str
    output: str
    output_nbytes: int
    pixels: int
    failures: int
    output_mtime_ns: int = 0
    decision: str = ""
    runtime: str = ""
    etag: str = ""


class Manifest:
    """The newest record of every item, read once; small enough for a million of them.

    Attributes:
        items: the newest of every item, by the source's path.
        superseded: where the newest record of each output stands that only older records name: a
            changed format left it, or the item failed since.

    Raises:
        UsageError: a newer version wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.items: dict[str, IndexEntry] = {}
        self.superseded: dict[str, int] = {}
        # One copy of each word and digest, not one per item.
        self.interned: dict[str, str] = {}
        for line in read_lines(path):
            item = path_from_values(line.values)
            previous = self.items.get(item)
            entry = self.index_entry(line, item, previous)
            if previous is not None and previous.output not in ("", entry.output):
                self.superseded[previous.output] = previous.offset
            self.items[item] = entry
        if self.superseded:
            for entry in self.items.values():
                self.superseded.pop(entry.output, None)

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, item: str) -> bool:
        return item in self.items

    def entry(self, item: str) -> IndexEntry | None:
        """What is known of the source path `item`."""
        return self.items.get(item)

    def record(self, item: str) -> Record:
        """The whole newest record of `item`, read from the file."""
        return self.record_at(self.items[item].offset)

    def record_at(self, offset: int) -> Record:
        """The whole record that stands at `offset`, read from the file."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return record_at_line(self.path, file.readline())

    def records(self) -> Iterator[Record]:
        """The newest record of every item, in the order they were written."""
        offsets = sorted(entry.offset for entry in self.items.values())
        if not offsets:
            return
        with self.path.open("rb") as file:
            for offset in offsets:
                file.seek(offset)
                yield record_at_line(self.path, file.readline())

    def digests(self) -> list[Digest]:
        """Every output of the newest records with its SHA-256, bytewise by path."""
        outputs = [record.output for record in self.records() if record.output is not None]
        digests = [Digest(output.path, output.sha256) for output in outputs]
        return sorted(digests, key=lambda digest: os.fsencode(digest.path))

    def index_entry(self, line: ManifestLine, item: str, previous: IndexEntry | None) -> IndexEntry:
        """The part of a line that planning needs."""
        values, source = line.values, line.values["source"]
        output = values.get("output") or {}
        output_path = path_from_values(output) if output else ""
        entry = IndexEntry(
            offset=line.offset,
            status=self.intern(values["status"]),
            reason=self.intern(values.get("reason", "")),
            nbytes=source["bytes"],
            mtime_ns=source["mtime_ns"],
            settings=self.intern(values.get("settings", "")),
            weights=self.intern(values.get("weights", "")),
            output=item if output_path == item else output_path,
            output_nbytes=output.get("bytes", 0),
            output_mtime_ns=output.get("mtime_ns") or 0,
            pixels=(source.get("width") or 0) * (source.get("height") or 0) * (source.get("pages") or 1),
            failures=0,
            decision=self.intern(values.get("decision") or ""),
            runtime=self.intern(values.get("runtime") or ""),
            etag=source.get("etag") or "",
        )
        entry.failures = _consecutive_failures(entry, previous)
        return entry

    def intern(self, text: str) -> str:
        """The one copy of a word that many items share."""
        return self.interned.setdefault(text, text)


def _consecutive_failures(entry: IndexEntry, previous: IndexEntry | None) -> int:
    """Failed attempts on an unchanged source, `entry` included."""
    if entry.status != Status.FAILED:
        return 0
    if previous is None or (previous.nbytes, previous.mtime_ns) != (entry.nbytes, entry.mtime_ns):
        return 1
    return previous.failures + 1


class ManifestWriter:
    """Appends records; one process at a time (the lock sees to it).

    Every record is handed to the system at once, so a killed process loses none; it is flushed to
    disk at least every second and at the end, so a power cut loses at most that second's lines,
    whose items the rerun does again with the same bytes.

    Raises:
        OutputError: the manifest cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.synced = time.monotonic()
        self.handle = open_own_file(path, os.O_RDWR | os.O_APPEND)
        try:
            with with_output_errors(path):
                self.end = repair_end(self.handle)
                sync_folder(path.parent)
        except BaseException:
            os.close(self.handle)
            raise

    def __enter__(self) -> ManifestWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, record: Record) -> None:
        """Write one record; it stands in the file when this returns.

        Raises:
            OutputError: the disk is full or gone, or the manifest is no longer the one in the output; the
                file still ends with a whole line.
            LockedError: the output's lock is no longer this run's.
        """
        line = line_from_record(record)
        check_still_ours(self.path, self.handle)
        with with_output_errors(self.path):
            if os.write(self.handle, line) < len(line):
                os.ftruncate(self.handle, self.end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            self.end += len(line)
            if time.monotonic() - self.synced > _SYNC_SECONDS:
                self.sync()

    def sync(self) -> None:
        """Flush what was appended to disk.

        Raises:
            OutputError: the disk is full or gone.
        """
        with with_output_errors(self.path):
            os.fsync(self.handle)
        self.synced = time.monotonic()

    def close(self) -> None:
        """Flush and close."""
        with with_output_errors(self.path):
            try:
                self.sync()
            finally:
                os.close(self.handle)


def check_still_ours(path: Path, handle: int) -> None:
    """See that the output, its lock and the file `path` in it are still those of this run.

    Raises:
        OutputError: the folder or the file was moved, unmounted or replaced.
        LockedError: the lock was.
    """
    if (root := held_above(path)) is not None:
        root.check()
    check_locks()
    with with_output_errors(path):
        if not is_same_file(handle, path):
            raise OutputError(
                f"{path} was moved or replaced while the run wrote to it; put it back and run again"
            )


def repair_end(handle: int, parse: Callable[[bytes], object | None] = _parse_line) -> int:
    """Cut off a torn last line, so that the next one starts on a line of its own; returns the size.

    Args:
        handle: of the open file.
        parse: what a line says; None where it is torn.
    """
    size = os.fstat(handle).st_size
    start = _last_line_start(handle, size)
    os.lseek(handle, start, os.SEEK_SET)
    last = os.read(handle, size - start)
    if not last:
        return size
    if parse(last) is None:
        os.ftruncate(handle, start)
        return start
    return size + os.write(handle, b"\n")


def _last_line_start(handle: int, size: int) -> int:
    """Offset behind the last newline of the open file."""
    end = size
    while end > 0:
        begin = max(0, end - 65536)
        os.lseek(handle, begin, os.SEEK_SET)
        found = os.read(handle, end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0
