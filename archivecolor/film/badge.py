"""A small mark in a corner of the picture that says its colour was added.

It is the one thing that changes luma, and only where it was asked for: inside its box.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from archivecolor.film.frames import Geometry
from archivecolor.film.pixels import Codes, Float32, Plane
from archivecolor.film.probe import FilmFacts

WORDS = "AI COLOUR"
# Height of the mark as a share of the short side, its least height in lines, and its most of the width.
HEIGHT_SHARE, LEAST_HEIGHT, MOST_WIDTH = 0.04, 16, 0.5
# How much of the picture the ground and the words of the mark hide, of 255.
GROUND_WEIGHT, WORDS_WEIGHT = 115, 215


@dataclass(frozen=True)
class Badge:
    """The mark, as the picture is coded.

    Attributes:
        left: column of its box.
        top: line of its box.
        weight: float32 (h, w), 0..1, how much of the picture it hides.
        level: float32 (h, w), 0..1, its own luma.
    """

    left: int
    top: int
    weight: Float32
    level: Float32

    @property
    def box(self) -> dict[str, int]:
        """Where luma is not the source's, in samples of the picture as it is coded."""
        height, width = self.weight.shape
        return {"left": self.left, "top": self.top, "width": width, "height": height}

    @property
    def note(self) -> str:
        """The same for people."""
        box = self.box
        return (
            f"a mark is drawn into coloured frames: luma is not the source's in {box['width']} x "
            f"{box['height']} samples from column {self.left}, line {self.top}"
        )

    def drawn(self, luma: Plane, codes: Codes) -> Plane:
        """A copy of a luma plane (h, w) in `codes` with the mark in it."""
        marked: Plane = luma.copy()
        height, width = self.weight.shape
        corner = marked[self.top : self.top + height, self.left : self.left + width]
        under = codes.luma_fraction(corner)
        mixed = under + self.weight * (self.level - under)
        corner[...] = np.rint(mixed * np.float32(codes.luma_span) + np.float32(codes.black))
        return marked


def badge_for(facts: FilmFacts, geometry: Geometry) -> Badge:
    """The mark for a film: at the lower right as the picture is shown, whatever its size and its pixels."""
    import cv2

    high, wide = facts.height, max(1, round(facts.width * facts.aspect))
    if geometry.quarter_turns % 2:
        high, wide = wide, high
    size = (facts.width, facts.height)
    weight, level = (
        cv2.resize(np.rot90(plane, -geometry.quarter_turns), size, interpolation=cv2.INTER_AREA)
        for plane in canvases(high, wide)
    )
    lines, columns = (np.flatnonzero(weight.any(axis=axis)) for axis in (1, 0))
    box = np.s_[lines[0] : lines[-1] + 1, columns[0] : columns[-1] + 1]
    return Badge(int(columns[0]), int(lines[0]), as_share(weight[box]), as_share(level[box]))


def canvases(high: int, wide: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Weight and level of the mark on an upright picture (high, wide) with square pixels."""
    import cv2

    height = max(LEAST_HEIGHT, round(HEIGHT_SHARE * min(high, wide)))
    (width, _), _ = cv2.getTextSize(WORDS, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)
    scale = min(height / 44, MOST_WIDTH * wide / (width + 24))
    height, width = min(high, round(44 * scale)), round((width + 24) * scale)
    margin = min(height // 2, (high - height) // 2, (wide - width) // 2)
    left, top = wide - margin - width, high - margin - height
    weight, level = np.zeros((2, high, wide), np.uint8)
    weight[top : top + height, left : left + width] = GROUND_WEIGHT
    at = (left + round(12 * scale), top + round(33 * scale))
    for canvas, value in ((weight, WORDS_WEIGHT), (level, 255)):
        cv2.putText(
            canvas, WORDS, at, cv2.FONT_HERSHEY_SIMPLEX, scale, value, max(1, round(2 * scale)), cv2.LINE_AA
        )
    return weight, level


def as_share(plane: npt.NDArray[np.uint8]) -> Float32:
    """0..255 as 0..1."""
    share: Float32 = plane.astype(np.float32) / np.float32(255)
    return share
