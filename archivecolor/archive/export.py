"""The manifest as a table: CSV or Parquet, one row per item."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TextIO
from urllib.parse import quote_from_bytes

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.record import Record, path_keys
from archivecolor.errors import UnavailableError
from archivecolor.printable import table_cell

_ROWS_AT_ONCE = 20_000
# Columns and their types; a fact that is not known is an empty cell.
COLUMNS: dict[str, type] = {
    "path": str,
    "path_raw": str,
    "kind": str,
    "status": str,
    "reason": str,
    "detail": str,
    "source_bytes": int,
    "source_mtime_ns": int,
    "source_sha256": str,
    "source_width": int,
    "source_height": int,
    "source_depth": int,
    "source_pages": int,
    "source_tone": str,
    "output_path": str,
    "output_bytes": int,
    "output_sha256": str,
    "output_width": int,
    "output_height": int,
    "output_depth": int,
    "settings": str,
    "weights": str,
    "confidence": float,
    "doubt": float,
    "doubt_reasons": str,
    "luma": str,
    "lost": str,
    "network": str,
    "runtime": str,
    "decision": str,
    "version": str,
    "seconds": float,
    "at": str,
}
# What the tables of every version begin with.
_FIRST_COLUMNS = list(COLUMNS)[:5]


def _row_of(record: Record) -> dict[str, object]:
    """The cells of one record; what was lost, and reasons of doubt, are joined by semicolons."""
    row: dict[str, object] = dict.fromkeys(COLUMNS)
    for column in COLUMNS:
        group, _, fact = column.partition("_")
        owner = {"source": record.source, "output": record.output}.get(group, record)
        row[column] = getattr(owner, fact if owner is not record else column, None)
    row |= path_keys(record.path)
    if record.output is not None:
        row["output_path"] = path_keys(record.output.path)["path"]
    row["status"] = record.status.value
    row["reason"] = str(getattr(record.reason, "value", record.reason))
    row["lost"] = "; ".join(record.lost)
    row["doubt_reasons"] = "; ".join(record.doubt_words)
    return row


def _csv_row_of(record: Record) -> dict[str, object]:
    """The cells of one record as a spreadsheet may open it; of a path that had to change the bytes too."""
    row = _row_of(record)
    texts = {column: table_cell(value) for column, value in row.items() if isinstance(value, str)}
    if texts["path"] != record.path:
        raw = quote_from_bytes(os.fsencode(record.path), safe="/ ")
        texts["path_raw"] = raw.replace("-", "%2D", 1) if raw.startswith("-") else raw
    return row | texts


def write_csv(records: Iterable[Record], file: TextIO) -> None:
    """Write the table as CSV (RFC 4180, UTF-8) to an open text file, opened with `newline=""`.

    Text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(_csv_row_of(record) for record in records)


def is_csv_export(path: Path) -> bool:
    """Whether the file begins as one of `export_csv` does, or is empty.

    Raises:
        OSError: it cannot be read.
    """
    heading = ",".join(_FIRST_COLUMNS).encode() + b","
    with path.open("rb") as file:
        return file.read(len(heading)) in (b"", heading)


def is_parquet_export(path: Path) -> bool:
    """Whether the file has the columns of one of `export_parquet`, or is empty.

    Raises:
        UnavailableError: pyarrow is not installed.
        OSError: it cannot be read.
    """
    parquet = _parquet()
    if not path.stat().st_size:
        return True
    with path.open("rb") as file:
        try:
            names: list[str] = parquet.read_schema(file).names
        except (ValueError, OSError):  # what pyarrow says of files that are no Parquet
            return False
    return names[: len(_FIRST_COLUMNS)] == _FIRST_COLUMNS


def export_csv(records: Iterable[Record], path: Path) -> None:
    """Write the table as a CSV file.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        write_csv(records, file)


def export_parquet(records: Iterable[Record], path: Path) -> None:
    """Write the table as a Parquet file.

    Raises:
        UnavailableError: pyarrow is not installed.
        OutputError: it cannot be written.
    """
    parquet = _parquet()
    import pyarrow

    kinds = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64()}
    schema = pyarrow.schema([(column, kinds[kind]) for column, kind in COLUMNS.items()])
    with atomic_write(path) as part, parquet.ParquetWriter(part, schema) as writer:
        for rows in _batches(records):
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))


def _parquet() -> ModuleType:
    try:
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise UnavailableError("Parquet needs pyarrow: pip install 'archivecolor[parquet]'") from error
    module: ModuleType = pyarrow.parquet
    return module


def _batches(records: Iterable[Record]) -> Iterator[list[dict[str, object]]]:
    """Rows, so many at a time that memory stays flat."""
    remaining = iter(records)
    while rows := [_row_of(record) for record in islice(remaining, _ROWS_AT_ONCE)]:
        yield rows
