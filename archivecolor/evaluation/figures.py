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
from archivecolor.scoring.photo_score import PictureScore

Figures = dict[str, Any]  # Any: what JSON holds, by the table's own names


def row_figures(row: Row) -> Figures:
    """One row of the table by name; None where a figure does not apply."""
    correlation, doubt, skin = row.confidence, row.doubt, row.skin()
    return {
        "name": row.name,
        "pictures": len(row.pictures),
        **row.means(),
        **{f"de_at_{share:g}": row.difference_at(share).mean for share in SHARES},
        **{f"gain_at_{share:g}": row.difference_at(share).gain for share in SHARES},
        "confidence_pictures": correlation.pictures if correlation else None,
        "confidence_regions": correlation.regions if correlation else None,
        "confidence_worst_found": correlation.worst_found if correlation else None,
        "doubt_pictures": doubt.pictures if doubt else None,
        "doubt_worst_found": doubt.worst_found if doubt else None,
        "doubt_palest_surest": doubt.palest_surest if doubt else None,
        "skin_chroma_share": skin.chroma / skin.true_chroma if skin else None,
        "skin_ciede2000": skin.ciede2000 if skin else None,
        "skin_pixels": skin.pixels if skin else 0,
        "frechet": row.frechet,
        "pictures_per_second": row.pictures_per_second,
    }


def picture_figures(rows: Iterable[Row]) -> list[Figures]:
    """A record per row and photograph."""
    return [
        {
            "row": row.name,
            **_picture_figures(score),
            **{f"de_at_{at.share:g}": at.ciede2000[number] if at.ciede2000 else None for at in row.at},
        }
        for row in rows
        for number, score in enumerate(row.pictures)
    ]


def _picture_figures(score: PictureScore) -> Figures:
    figures = asdict(score) | {"doubt_reasons": "; ".join(score.doubt_reasons)}
    skin = figures.pop("skin") or {"pixels": 0, "chroma": None, "true_chroma": None, "ciede2000": None}
    return figures | {f"skin_{name}": value for name, value in skin.items()}


def paired_figures(differences: Iterable[PairedDifference]) -> list[Figures]:
    """A record per compared pair of rows and measure."""
    return [asdict(difference) for difference in differences]


def _cell(value: object) -> object:
    if isinstance(value, str):
        return table_cell(value)
    return f"{value:.6g}" if isinstance(value, float) else value


def csv_text(records: Sequence[Mapping[str, object]]) -> str:
    """Records of one kind as CSV with a header line; floats with six digits, nothing for None."""
    if not records:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({key: _cell(value) for key, value in record.items()})
    return text.getvalue()
