"""Contact sheets: grey, ours, truth of every photograph, the worst first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from archivecolor.colour.luma import luma_codes
from archivecolor.scoring.photo_score import ReferencePhoto, ScoredPhoto, UInt8

STRIP_WIDTH, STRIP_HEIGHT = 528, 132
CAPTION_HEIGHT = 14
COLUMNS, ROWS = 4, 15


@dataclass(frozen=True)
class Strip:
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
    def of(cls, truth: ReferencePhoto, scored: ScoredPhoto) -> Strip:
        """A strip small enough to keep a whole set in memory."""
        grey = np.repeat(luma_codes(truth.rgb)[..., None], 3, axis=2)
        strip = Image.fromarray(np.hstack([grey, scored.rgb, truth.rgb]))
        strip.thumbnail((STRIP_WIDTH, STRIP_HEIGHT))
        return cls(truth.name, scored.score.ciede2000, np.asarray(strip))


def contact_sheets(strips: Sequence[Strip]) -> Iterator[Image.Image]:
    """Pages of strips, sorted from the worst to the best."""
    ordered = sorted(strips, key=lambda strip: strip.ciede2000, reverse=True)
    for first in range(0, len(ordered), COLUMNS * ROWS):
        yield _sheet(ordered[first : first + COLUMNS * ROWS], first)


def _sheet(strips: Sequence[Strip], first: int) -> Image.Image:
    cell = (STRIP_WIDTH + 8, STRIP_HEIGHT + CAPTION_HEIGHT + 4)
    rows = -(-len(strips) // COLUMNS)
    page = Image.new("RGB", (min(COLUMNS, len(strips)) * cell[0], rows * cell[1]), "white")
    draw = ImageDraw.Draw(page)
    for number, strip in enumerate(strips):
        corner = (number % COLUMNS * cell[0] + 4, number // COLUMNS * cell[1] + 2)
        _place(page, draw, strip, corner, first + number + 1)
    return page


def _place(page: Image.Image, draw: Any, strip: Strip, corner: tuple[int, int], rank: int) -> None:
    page.paste(Image.fromarray(strip.picture), (corner[0], corner[1] + CAPTION_HEIGHT))
    caption = f"{rank}  dE {strip.ciede2000:.1f}  {strip.name}".encode("ascii", "replace").decode()
    draw.text(corner, caption[:64], fill="black")
