"""The list of a film's shots, written for people and read again from them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import UsageError
from archivecolor.film.first_pass import FirstPass
from archivecolor.film.grey_shots import measure_cut
from archivecolor.film.probe import FilmFacts
from archivecolor.film.shots import Shot, shots_from_starts
from archivecolor.printable import printable

MAX_BYTES, MAX_DIGITS, MAX_SHOWN = 64 << 20, 18, 200
# The first of them that the line of names has.
_DELIMITERS = (";", "\t", ",")
_COLUMN = "first_frame"
COLUMNS = ("shot", _COLUMN, "last_frame", "start_seconds", "begins", "distance", "neighbours")


def write_shots(
    path: Path,
    shots: Iterable[Shot],
    facts: FilmFacts,
    found: FirstPass,
    confidences: Sequence[float | None] = (),
) -> None:
    """Write the list as CSV, to be looked at, edited and given back by `--cuts FILE`.

    Args:
        path: of the list.
        shots: all shots.
        facts: of the film.
        found: what it holds.
        confidences: of each shot that of its colour, 0..1, None where it keeps its own; empty for no
            such column.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, "confidence") if confidences else COLUMNS)
    for number, shot in enumerate(shots):
        seconds = float(int(found.pts[shot.first]) * facts.time_base)
        measure = measure_cut(found.distances, shot.first, facts.read_rate)
        row = [number + 1, shot.first, shot.last, f"{seconds:.3f}", shot.begins]
        row += [f"{measure.distance:.3f}", f"{measure.neighbours:.3f}"]
        if confidences:
            confidence = confidences[number]
            row.append("" if confidence is None else f"{confidence:.3f}")
        writer.writerow(row)
    with atomic_write(path) as part:
        part.write_text(text.getvalue(), encoding="utf-8")


def read_shots(path: Path, film: Path, count: int) -> tuple[Shot, ...]:
    """The shots of a film from a list of them.

    Args:
        path: of the list, as `read_starts` takes it.
        film: its path, for messages.
        count: its frames.

    Raises:
        UsageError: the list cannot be read, or does not fit the film.
    """
    begins = {}
    for start in read_starts(path):
        if start.frame >= count:
            raise UsageError(
                f"{printable(path)}, line {start.line}: first_frame {start.frame} must be below the "
                f"{count} frames of {printable(film)}; is it the list of another film?"
            )
        begins[start.frame] = "file"
    return shots_from_starts(begins, count)


@dataclass(frozen=True)
class ListedStart:
    """Where a list has a shot begin: the frame, and the line that says so."""

    frame: int
    line: int


def read_starts(path: Path) -> tuple[ListedStart, ...]:
    """Where shots begin, from a CSV with a column `first_frame`; what other columns say does not matter.

    Spreadsheets of some languages part columns by semicolons or tabs, which are taken too.

    Args:
        path: of the list.

    Raises:
        UsageError: it cannot be read, has no such column, or lists no frames in their order.
    """
    shown = printable(path)
    rows = _rows_of(path)
    columns = [name.strip() for name in rows[0].values] if rows else []
    if _COLUMN not in columns:
        found = f"its first line has {printable(', '.join(columns)[:MAX_SHOWN])}" if rows else "it is empty"
        raise UsageError(
            f"{shown} has no column {_COLUMN} ({found}); `archivecolor shots FILM` writes such a list"
        )
    if len(rows) == 1:
        raise UsageError(f"{shown} lists no shot; --cuts none is for a film without cuts")
    starts: list[ListedStart] = []
    for row in rows[1:]:
        frame = _frame_of(row, columns.index(_COLUMN), shown)
        if starts and frame <= starts[-1].frame:
            raise UsageError(
                f"{shown}, line {row.line}: {_COLUMN} {frame} must be above that of the row before"
            )
        starts.append(ListedStart(frame, row.line))
    return tuple(starts)


@dataclass(frozen=True)
class _Row:
    values: list[str]
    line: int


def _rows_of(path: Path) -> list[_Row]:
    """The rows of a list that are not empty."""
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"the list of shots {printable(path)} is no file")
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{printable(path)} is too large for a list of shots")
        with path.open(newline="", encoding="utf-8-sig") as file:
            delimiter = next((one for one in _DELIMITERS if one in file.readline()), _DELIMITERS[-1])
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter)
            return [_Row(values, reader.line_num) for values in reader if any(values)]
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the list of shots {printable(path)} is not UTF-8; save it as CSV in UTF-8"
        ) from error
    except (OSError, csv.Error) as error:
        raise UsageError(f"cannot read the list of shots {printable(path)}: {error}") from error


def _frame_of(row: _Row, column: int, shown: str) -> int:
    """The frame that a row has a shot begin at."""
    text = row.values[column] if column < len(row.values) else ""
    if not text.strip().isdecimal() or len(text) > MAX_DIGITS:
        raise UsageError(f"{shown}, line {row.line}: the column {_COLUMN} must hold a whole number")
    return int(text)
