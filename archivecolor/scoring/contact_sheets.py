"""Contact sheets: grey, ours, truth of every photograph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from archivecolor.colour.arrays import UInt8
from archivecolor.colour.luma import luma_codes
from archivecolor.photo.contact_sheet import Captioned, draw_page
from archivecolor.scoring.photo_score import ReferencePhoto, ScoredPhoto

_STRIP_WIDTH, _STRIP_HEIGHT = 528, 132
COLUMNS, ROWS = 4, 15


@dataclass(frozen=True)
class ComparisonStrip:
    """One photograph on a sheet.

    Attributes:
        name: path inside its collection.
        ciede2000: of the answer.
        picture: uint8 (h, w, 3): grey, ours and truth side by side.
    """

    name: str
    ciede2000: float
    picture: UInt8

    @classmethod
    def of(cls, truth: ReferencePhoto, scored: ScoredPhoto) -> ComparisonStrip:
        """A strip small enough to keep a whole set in memory."""
        grey = np.repeat(luma_codes(truth.rgb)[..., None], 3, axis=2)
        strip = Image.fromarray(np.hstack([grey, scored.rgb, truth.rgb]))
        strip.thumbnail((_STRIP_WIDTH, _STRIP_HEIGHT))
        return cls(truth.name, scored.score.ciede2000, np.asarray(strip))


def contact_sheets(strips: Sequence[ComparisonStrip]) -> Iterator[Image.Image]:
    """Pages of strips, sorted from the worst to the best."""
    ordered = sorted(strips, key=lambda strip: strip.ciede2000, reverse=True)
    for first in range(0, len(ordered), COLUMNS * ROWS):
        yield contact_sheet(ordered[first : first + COLUMNS * ROWS], COLUMNS, first + 1)


def contact_sheet(strips: Sequence[ComparisonStrip], columns: int, first: int = 1) -> Image.Image:
    """One page of strips in their order, numbered from `first`."""
    captioned = [
        Captioned(f"{number}  dE {strip.ciede2000:.1f}  {strip.name}", strip.picture)
        for number, strip in enumerate(strips, first)
    ]
    return draw_page(captioned, columns, (_STRIP_WIDTH, _STRIP_HEIGHT))
