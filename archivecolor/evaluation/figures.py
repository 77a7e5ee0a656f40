"""The tables as plain values and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from archivecolor.evaluation.tables import PairedDifference, Row
from archivecolor.printable import table_cell
from archivecolor.scoring.matched_colourfulness import SHARES

Figures = dict[str, Any]


def row_figures(row: Row) -> Figures:
    """One row of the table by name; None where a figure does not apply."""
    correlation = row.confidence
    return {
        "name": row.name,
        "pictures": len(row.pictures),
        "ciede2000": row.mean("ciede2000"),
        "psnr": row.mean("psnr"),
        "ssim": row.mean("ssim"),
        "colourfulness": row.mean("colourfulness"),
        "colourfulness_ratio": row.colourfulness_ratio,
        **{f"de_at_{share:g}": row.difference_at(share).mean for share in SHARES},
        **{f"gain_at_{share:g}": row.difference_at(share).gain for share in SHARES},
        "confidence_pictures": correlation.pictures if correlation else None,
        "confidence_regions": correlation.regions if correlation else None,
        "frechet": row.frechet,
        "pictures_per_second": row.pictures_per_second,
    }


def picture_figures(rows: Iterable[Row]) -> list[Figures]:
    """A record per row and photograph."""
    return [
        {
            "row": row.name,
            **asdict(score),
            **{f"de_at_{at.share:g}": at.ciede2000[number] if at.ciede2000 else None for at in row.at},
        }
        for row in rows
        for number, score in enumerate(row.pictures)
    ]


def paired_figures(differences: Iterable[PairedDifference]) -> list[Figures]:
    """A record per compared pair of rows and measure."""
    return [asdict(difference) for difference in differences]


def csv_text(records: Sequence[Mapping[str, Any]]) -> str:
    """Records of one kind as CSV with a header line; floats with six digits, nothing for None."""
    if not records:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _plain(value) for key, value in record.items()} for record in records)
    return text.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return table_cell(value)
    return f"{value:.6g}" if isinstance(value, float) else value
