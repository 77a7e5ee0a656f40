"""Which items of the table of records are wanted, in which order, and how one of them is described."""

from __future__ import annotations

import os
from dataclasses import dataclass

# What no network was asked about comes after all else.
NO_CONFIDENCE = 2.0
NO_SURENESS = 1.0


@dataclass(frozen=True)
class IndexedItem:
    """One item, as lists show it.

    Attributes:
        number: of the item; the same as long as the manifest only grows.
        path: of the source, relative to the input folder, as `os.fsdecode` gives it.
        kind: photo, film or grey.
        status: done, skipped or failed.
        reason: why.
        confidence: 0..1; None where no network was asked.
        doubt: 0..1, as `doubt_of` has it; None where no network was asked.
        at: when, UTC, ISO 8601.
        has_output: there is a derivative.
        place: offset of its newest record in the manifest.
        decided: the word of `State`.
        corrected: somebody corrected its colour.
        by: who decided.
        megapixels: of the source, all pages.
    """

    number: int
    path: str
    kind: str
    status: str
    reason: str
    confidence: float | None
    doubt: float | None
    at: str
    has_output: bool
    place: int
    decided: str
    corrected: bool
    by: str
    megapixels: float

    @property
    def has_picture(self) -> bool:
        """There is a derivative that can be shown as one picture."""
        return self.has_output and self.kind != "film"


@dataclass(frozen=True)
class ItemFilter:
    """Which items are wanted, and in which order; what is empty or None does not matter.

    Attributes:
        status: done, skipped or failed.
        reason: the word from the fixed list.
        folder: of the source, it and all below it.
        kind: photo, film or grey.
        decided: the word of `State`, or "corrected".
        day: YYYY-MM-DD, of the newest record.
        least_doubt: at least this, 0..1.
        text: part of the file's name.
        order: "doubt" (the most doubtful first), "newest" or "path".
        with_output: those alone of which there is a derivative.
    """

    status: str = ""
    reason: str = ""
    folder: str = ""
    kind: str = ""
    decided: str = ""
    day: str = ""
    least_doubt: float | None = None
    text: str = ""
    order: str = "doubt"
    with_output: bool = False


@dataclass(frozen=True)
class Order:
    """A column to sort by, and which way; ties go by number."""

    key: str
    descending: bool = False

    @property
    def clause(self) -> str:
        """As SQL."""
        way = "DESC" if self.descending else "ASC"
        return f"{self.key} {way}, id {way}"


# The column has minus the doubt, so that equals come in the order of their numbers.
ORDERS = {"doubt": Order("sureness"), "newest": Order("at", descending=True), "path": Order("path")}


def doubt_of(doubt: float | None, confidence: float | None) -> float | None:
    """By how much doubt an item is sorted: the doubt of its record, else what its confidence lacks.

    Films, and what was made before there was doubt, have confidence alone.
    """
    if doubt is not None:
        return float(doubt)
    return None if confidence is None else 1.0 - confidence


def key_of(item: IndexedItem, key: str) -> object:
    """What an item has in a column that is sorted by."""
    if key == "sureness":
        return NO_SURENESS if item.doubt is None else -item.doubt
    return os.fsencode(item.path) if key == "path" else item.at


def table_of(wanted: ItemFilter) -> str:
    """The table of items as a query names it.

    No index helps to find a part of a name, and rows are read fastest in the order in which they lie.
    """
    return "items NOT INDEXED" if wanted.text else "items"


def conditions_of(wanted: ItemFilter) -> tuple[list[str], list[object]]:
    """The conditions of a query and their values."""
    conditions: list[str] = []
    values: list[object] = []
    for column in ("status", "reason", "kind", "day"):
        if word := getattr(wanted, column):
            conditions.append(f"{column} = ?")
            values.append(word)
    if wanted.decided == "corrected":
        conditions.append("corrected = 1")
    elif wanted.decided:
        conditions.append("decided = ?")
        values.append(wanted.decided)
    if wanted.folder:
        folder = os.fsencode(wanted.folder)
        # A slash is the byte before the digit nought: what lies between are the folders below.
        conditions.append("(folder = ? OR (folder >= ? AND folder < ?))")
        values += [folder, folder + b"/", folder + b"0"]
    if wanted.least_doubt is not None:
        conditions.append("sureness <= ?")
        values.append(-wanted.least_doubt)
    if wanted.text:
        conditions.append("instr(name, ?) > 0")
        values.append(os.fsencode(wanted.text))
    if wanted.with_output:
        conditions.append("has_output = 1")
    return conditions, values
