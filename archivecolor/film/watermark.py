"""A small mark in a corner of the picture that says its colour was added.

It is the one thing that changes luma, and only where it was asked for: inside its box.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.film.frames import Geometry
from archivecolor.film.pixels import Plane, SampleFormat
from archivecolor.film.probe import FilmFacts

TEXT = "AI COLOUR"
# Height of the mark as a share of the short side, its least height in lines, and its most of the width.
_HEIGHT_SHARE, _MIN_HEIGHT, MAX_WIDTH = 0.04, 16, 0.5
# How much of the picture the ground and the words of the mark hide, of 255.
_BACKGROUND_OPACITY, _TEXT_OPACITY = 115, 215


@dataclass(frozen=True)
class Watermark:
    """The mark, as the picture is coded.

    Attributes:
        left: column of its box.
        top: line of its box.
        opacity: float32 (h, w), 0..1, how much of the picture it hides.
        level: float32 (h, w), 0..1, its own luma.
    """

    left: int
    top: int
    opacity: Float32
    level: Float32

    @property
    def box(self) -> dict[str, int]:
        """Where luma is not the source's, in samples of the picture as it is coded."""
        height, width = self.opacity.shape
        return {"left": self.left, "top": self.top, "width": width, "height": height}

    @property
    def note(self) -> str:
        """The same for people."""
        box = self.box
        return (
            f"a mark is drawn into coloured frames: luma is not the source's in {box['width']} x "
            f"{box['height']} samples from column {self.left}, line {self.top}"
        )

    def apply(self, luma: Plane, sample_format: SampleFormat) -> Plane:
        """A copy of a luma plane (h, w) in `sample_format` with the mark in it."""
        marked: Plane = luma.copy()
        height, width = self.opacity.shape
        corner = marked[self.top : self.top + height, self.left : self.left + width]
        under = sample_format.luma_fraction(corner)
        mixed = under + self.opacity * (self.level - under)
        corner[...] = np.rint(mixed * np.float32(sample_format.luma_span) + np.float32(sample_format.black))
        return marked


def watermark_for(facts: FilmFacts, geometry: Geometry) -> Watermark:
    """The mark for a film: at the lower right as the picture is shown, whatever its size and its pixels."""
    from archivecolor.opencv import cv2

    high, wide = facts.height, max(1, round(facts.width * facts.aspect))
    if geometry.quarter_turns % 2:
        high, wide = wide, high
    size = (facts.width, facts.height)
    opacity, level = (
        np.asarray(
            cv2.resize(np.rot90(plane, -geometry.quarter_turns), size, interpolation=cv2.INTER_AREA), np.uint8
        )
        for plane in _draw_upright(high, wide)
    )
    lines, columns = (np.flatnonzero(opacity.any(axis=axis)) for axis in (1, 0))
    box = np.s_[lines[0] : lines[-1] + 1, columns[0] : columns[-1] + 1]
    return Watermark(int(columns[0]), int(lines[0]), _to_unit_range(opacity[box]), _to_unit_range(level[box]))


def _draw_upright(high: int, wide: int) -> tuple[UInt8, UInt8]:
    """Weight and level of the mark on an upright picture (high, wide) with square pixels."""
    from archivecolor.opencv import cv2

    height = max(_MIN_HEIGHT, round(_HEIGHT_SHARE * min(high, wide)))
    (width, _), _ = cv2.getTextSize(TEXT, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)
    scale = min(height / 44, MAX_WIDTH * wide / (width + 24))
    height, width = min(high, round(44 * scale)), round((width + 24) * scale)
    margin = min(height // 2, (high - height) // 2, (wide - width) // 2)
    left, top = wide - margin - width, high - margin - height
    opacity, level = np.zeros((2, high, wide), np.uint8)
    opacity[top : top + height, left : left + width] = _BACKGROUND_OPACITY
    at = (left + round(12 * scale), top + round(33 * scale))
    for canvas, value in ((opacity, _TEXT_OPACITY), (level, 255)):
        cv2.putText(
            canvas, TEXT, at, cv2.FONT_HERSHEY_SIMPLEX, scale, value, max(1, round(2 * scale)), cv2.LINE_AA
        )
    return opacity, level


def _to_unit_range(plane: UInt8) -> Float32:
    """0..255 as 0..1."""
    share: Float32 = plane.astype(np.float32) / np.float32(255)
    return share
