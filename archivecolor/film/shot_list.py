"""The list of a film's shots, written for people and read again from them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import UsageError
from archivecolor.film.first_pass import FirstPass
from archivecolor.film.probe import FilmFacts
from archivecolor.film.shots import Shot, measure_cut, shots_from_starts

MAX_BYTES, MAX_DIGITS = 64 << 20, 18
COLUMNS = ("shot", "first_frame", "last_frame", "start_seconds", "begins", "distance", "neighbours")


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


def read_shots(path: Path, count: int) -> tuple[Shot, ...]:
    """Shots from a CSV with a column `first_frame`; what other columns say does not matter.

    Args:
        path: of the list.
        count: frames of the film.

    Raises:
        UsageError: the list cannot be read, or does not fit the film.
    """
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"the list of shots {path} is no file")
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is too large for a list of shots")
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read the list of shots {path}: {error}") from error
    begins: dict[int, str] = {}
    last = -1
    for number, row in enumerate(rows, start=2):
        frame = _first_frame_of(row, path, number)
        if not last < frame < count:
            raise UsageError(
                f"{path}, line {number}: first_frame {frame} must be above the row before and below the "
                f"film's {count} frames"
            )
        last = frame
        begins[frame] = "file"
    return shots_from_starts(begins, count)


def _first_frame_of(row: Mapping[str, str | None], path: Path, number: int) -> int:
    """The frame a row begins at."""
    text = row.get("first_frame")
    if text is None or not text.strip().isdecimal() or len(text) > MAX_DIGITS:
        raise UsageError(f"{path}, line {number}: the column first_frame must hold a whole number")
    return int(text)
