"""The list of a film's shots, written for people and read again from them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import UsageError
from archivecolor.film.shots import Shot, shots_from_starts

MAX_BYTES, MAX_DIGITS = 64 << 20, 18
COLUMNS = ("shot", "first_frame", "last_frame", "start_seconds", "begins")


def write_shots(path: Path, shots: Iterable[Shot], seconds: Sequence[float]) -> None:
    """Write the list as CSV, to be looked at, edited and given back by `--cuts FILE`.

    Args:
        path: of the list.
        shots: all shots.
        seconds: presentation time of every frame.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, shot in enumerate(shots, start=1):
        writer.writerow([number, shot.first, shot.last, f"{seconds[shot.first]:.3f}", shot.begins])
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
