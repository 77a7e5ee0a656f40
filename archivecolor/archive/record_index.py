"""The newest records as a table that is sorted, filtered and paged through: SQLite, beside the manifest.

It is derived: whatever is wrong with it, it is made anew from the manifest and the decisions. It takes in
what was appended since it last looked, so a run may go on beside it.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from archivecolor.archive.decision import Decision
from archivecolor.archive.decisions import Decisions
from archivecolor.archive.item_filter import (
    NO_CONFIDENCE,
    NO_SURENESS,
    ORDERS,
    IndexedItem,
    ItemFilter,
    Order,
    conditions_of,
    doubt_of,
    key_of,
    table_of,
)
from archivecolor.archive.layout import INDEX_NAME, Layout, review_folder
from archivecolor.archive.manifest import ManifestLine, read_lines, record_at_line
from archivecolor.archive.record import Record
from archivecolor.archive.record_checks import path_from_values
from archivecolor.archive.record_schema import COLUMNS, SCHEMA, UPSERT
from archivecolor.errors import OutputError, UnavailableError

logger = logging.getLogger(__name__)

VERSION = 2
LINES_AT_ONCE = 10_000
_BUSY_SECONDS = 30.0
HEAD_BYTES = 4096
_CACHE_KIB = 32 * 1024


class RecordIndex:
    """The table of an output folder's items. Calls from several threads come one after the other.

    Args:
        file: of the table; made if it is not there.
        root: the folder that the tree of derivatives begins in.
    """

    def __init__(self, file: Path, root: Path) -> None:
        self._layout = Layout(root)
        self._guard = threading.RLock()
        self._file = file
        self._base = _opened(file)

    def __enter__(self) -> RecordIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def update(self, on_lines: Callable[[int], None] = lambda _count: None) -> bool:
        """Take in what was appended to the manifest and decided since the last call.

        Args:
            on_lines: told now and then how many lines were read.

        Returns:
            Whether anything changed.

        Raises:
            UsageError: a newer version wrote the manifest or the decisions.
            OutputError: the table cannot be written.
        """
        with self._guard:
            try:
                return self._updated(on_lines)
            except sqlite3.OperationalError as error:
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise OutputError(f"cannot write {self._file}: {error}; is the disk full?") from error
            except sqlite3.DatabaseError:
                self._make_anew()
                return self._updated(on_lines)

    def _updated(self, on_lines: Callable[[int], None]) -> bool:
        changed = self._take_manifest(on_lines)
        return self._take_decisions(all_items=changed) or changed

    def _make_anew(self) -> None:
        """Begin again with an empty table."""
        logger.warning("%s is damaged and is made anew", self._file)
        self._base.close()
        self._base = _made(self._file)

    def _take_manifest(self, on_lines: Callable[[int], None]) -> bool:
        path = self._layout.manifest
        size, head = path.stat().st_size, _head_of(path)
        known = self._state()
        start = int(known.get("next", "0"))
        if known.get("head", "") != head[: len(known.get("head", ""))] or size < start:
            self._base.execute("DELETE FROM items")
            start, known = 0, {}
        if known.get("size") == str(size):
            return False
        lines = read_lines(path, lambda _number: None, start)
        count = 0
        while batch := list(islice(lines, LINES_AT_ONCE)):
            rows = [row for line in batch if (row := _row_of(line)) is not None]
            self._base.execute("BEGIN")
            self._base.executemany(UPSERT, rows)
            start = batch[-1].offset
            count += len(batch)
            # The last line is read again next time: it may have been torn when it was read.
            self._remember({"next": str(start), "head": head, "size": ""})
            self._base.execute("COMMIT")
            on_lines(count)
        self._remember({"size": str(size)})
        return count > 0

    def _take_decisions(self, *, all_items: bool) -> bool:
        path = self._layout.decisions
        state = _state_of(path)
        if state == self._state().get("decisions", "none") and not all_items:
            return False
        decisions = Decisions.read(path).settled(lambda name: self.named(name) is not None)
        self._base.execute("BEGIN")
        self._base.execute("UPDATE items SET decided = 'none', corrected = 0, by = '' WHERE decided != 'none'"
                           " OR corrected OR by != ''")  # fmt: skip
        for item, decision in self._decided(decisions):
            self._base.execute(
                "UPDATE items SET decided = ?, corrected = ?, by = ? WHERE path = ?",
                (decision.state.value, bool(decision.correction), decision.by, item),
            )
        self._remember({"decisions": state})
        self._base.execute("COMMIT")
        return True

    def _decided(self, decisions: Decisions) -> Iterator[tuple[bytes, Decision]]:
        """Items by name, and what is decided about them; all are looked at where a glob may mean any."""
        if not decisions.has_globs:
            for line in decisions.newest():
                yield os.fsencode(line.path), line
            return
        for (path,) in self._base.execute("SELECT path FROM items").fetchall():
            decision = decisions.of(os.fsdecode(path))
            if not decision.is_none:
                yield path, decision

    def _state(self) -> dict[str, str]:
        return dict(self._base.execute("SELECT name, value FROM state").fetchall())

    def _remember(self, values: Mapping[str, str]) -> None:
        self._base.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", list(values.items()))

    def page(
        self, wanted: ItemFilter, count: int, after: IndexedItem | None = None, *, backwards: bool = False
    ) -> list[IndexedItem]:
        """The next items behind one, in the order that is asked for.

        Args:
            wanted: which, and in which order.
            count: at most so many.
            after: the item that they follow; from the start without it.
            backwards: those before it instead, the nearest first.
        """
        order = ORDERS[wanted.order]
        if backwards:
            order = Order(order.key, not order.descending)
        conditions, values = conditions_of(wanted)
        if after is not None:
            conditions.append(f"({order.key}, id) {'<' if order.descending else '>'} (?, ?)")
            values += [key_of(after, order.key), after.number]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = self._rows(
            f"SELECT {COLUMNS} FROM {table_of(wanted)} {where} ORDER BY {order.clause} LIMIT ?",
            [*values, count],
        )
        return [_item_of(row) for row in rows]

    def items(self, wanted: ItemFilter, count: int) -> Iterator[list[IndexedItem]]:
        """All items, a page of so many at a time."""
        page = self.page(wanted, count)
        while page:
            yield page
            page = self.page(wanted, count, page[-1])

    def count(self, wanted: ItemFilter) -> int:
        """How many there are."""
        conditions, values = conditions_of(wanted)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        return int(self._rows(f"SELECT COUNT(*) FROM {table_of(wanted)} {where}", values)[0][0])

    def item(self, number: int) -> IndexedItem | None:
        """The item of that number, if there is one."""
        rows = self._rows(f"SELECT {COLUMNS} FROM items WHERE id = ?", [number])
        return _item_of(rows[0]) if rows else None

    def named(self, path: str) -> IndexedItem | None:
        """The item of that source, if there is one."""
        rows = self._rows(f"SELECT {COLUMNS} FROM items WHERE path = ?", [os.fsencode(path)])
        return _item_of(rows[0]) if rows else None

    def record(self, item: IndexedItem) -> Record:
        """The whole newest record of an item.

        Raises:
            UsageError: the manifest was changed by another program.
        """
        with self._layout.manifest.open("rb") as file:
            file.seek(item.place)
            return record_at_line(self._layout.manifest, file.readline())

    # Any, here and below: SQLite tells of no types.
    def counted(self, *columns: str) -> list[tuple[Any, ...]]:
        """Items counted by the values of some columns: the values, the count, megapixels and seconds."""
        names = ", ".join(columns)
        return self._rows(
            f"SELECT {names}, COUNT(*), SUM(megapixels), SUM(seconds) FROM items GROUP BY {names}", []
        )

    def words(self, column: str) -> list[tuple[Any, int]]:
        """The values of a column and how often each is there, the commonest first."""
        return self._rows(f"SELECT {column}, COUNT(*) FROM items GROUP BY {column} ORDER BY 2 DESC", [])

    def mean_doubt(self, column: str) -> dict[Any, float]:
        """The mean doubt of those that have one, by the values of a column."""
        return dict(
            self._rows(
                f"SELECT {column}, AVG(-sureness) FROM items WHERE sureness <= 0 GROUP BY {column}", []
            )
        )

    def doubts(self, bins: int) -> list[int]:
        """How many items have a doubt in each of so many equal parts of 0..1."""
        rows = self._rows(
            "SELECT MIN(CAST(-sureness * ? AS INTEGER), ?), COUNT(*) FROM items WHERE sureness <= 0"
            " GROUP BY 1",
            [bins, bins - 1],
        )
        counts = dict(rows)
        return [counts.get(number, 0) for number in range(bins)]

    def _rows(self, query: str, values: Iterable[object]) -> list[Any]:
        asked = list(values)
        with self._guard:
            try:
                return self._base.execute(query, asked).fetchall()
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                self._make_anew()
                self._updated(lambda _count: None)
                return self._base.execute(query, asked).fetchall()


def _opened(file: Path) -> sqlite3.Connection:
    """The table of a file; one that is damaged or of another version is made anew."""
    try:
        base = _connected(file)
        (version,) = base.execute("PRAGMA user_version").fetchone()
        if version == VERSION:
            # Written once more: it raises where the table can only be read.
            base.execute(f"PRAGMA user_version = {VERSION}")
            return base
        base.close()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        logger.debug("%s is damaged: %s", file, error)
    return _made(file)


def _made(file: Path) -> sqlite3.Connection:
    """A new table in the place of what is there."""
    for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
        file.with_name(name).unlink(missing_ok=True)
    base = _connected(file)
    base.executescript(f"BEGIN EXCLUSIVE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    return base


def _connected(file: Path) -> sqlite3.Connection:
    base = sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    base.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    # It can be made again: it need not survive a power cut.
    base.execute("PRAGMA synchronous = OFF")
    return base


def _row_of(line: ManifestLine) -> dict[str, object] | None:
    """The columns of one line; None for what is no item."""
    values, source = line.values, line.values["source"]
    if values.get("kind") == "sidecar":
        return None
    path = os.fsencode(path_from_values(values))
    folder, _, name = path.rpartition(b"/")
    pixels = (source.get("width") or 0) * (source.get("height") or 0) * (source.get("pages") or 1)
    confidence = values.get("confidence")
    doubt = doubt_of(values.get("doubt"), confidence)
    at = values.get("at", "")
    return {
        "path": path,
        "folder": folder,
        "name": name,
        "kind": values.get("kind", "photo"),
        "status": values["status"],
        "reason": values.get("reason", ""),
        "confidence": NO_CONFIDENCE if confidence is None else float(confidence),
        "sureness": NO_SURENESS if doubt is None else -doubt,
        "at": at,
        "day": at[:10],
        "megapixels": pixels / 1e6,
        "seconds": float(values.get("seconds", 0.0)),
        "has_output": values["status"] == "done" and values.get("output") is not None,
        "place": line.offset,
    }


def _item_of(row: tuple[Any, ...]) -> IndexedItem:
    (
        number,
        path,
        kind,
        status,
        reason,
        confidence,
        sureness,
        at,
        has_output,
        place,
        decided,
        corrected,
        by,
        size,
    ) = row
    return IndexedItem(
        number=number,
        path=os.fsdecode(path),
        kind=kind,
        status=status,
        reason=reason,
        confidence=None if confidence > 1 else confidence,
        doubt=None if sureness > 0 else -sureness,
        at=at,
        has_output=bool(has_output),
        place=place,
        decided=decided,
        corrected=bool(corrected),
        by=by,
        megapixels=size,
    )


def _head_of(path: Path) -> str:
    """Which file a manifest is and how it begins, to tell one that was replaced."""
    with path.open("rb") as file:
        return f"{os.fstat(file.fileno()).st_ino} {file.read(HEAD_BYTES).hex()}"


def _state_of(path: Path) -> str:
    try:
        about = path.stat()
    except FileNotFoundError:
        return "none"
    return f"{about.st_size} {about.st_mtime_ns} {about.st_ino}"


def open_index(output: Path, root: Path, fallback: Path) -> RecordIndex:
    """The table of an output folder, or one in `fallback` where nothing can be written in the output.

    Args:
        output: the folder of a run.
        root: the folder that its tree begins in.
        fallback: a folder for temporary files.

    Raises:
        UnavailableError: the table cannot be made there either.
    """
    trouble: Exception | None = None
    for folder in (review_folder(output, root), fallback):
        try:
            folder.mkdir(exist_ok=True)
            return RecordIndex(folder / INDEX_NAME, root)
        except (OSError, sqlite3.OperationalError) as error:
            trouble = error
    raise UnavailableError(f"no table of the manifest can be made in {fallback}: {trouble}; set TMPDIR")
