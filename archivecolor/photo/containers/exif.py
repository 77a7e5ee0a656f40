"""Orientation and density by their tags: those of a TIFF page, and of an Exif block, a small TIFF."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction

from archivecolor.photo.containers.tiff.directory import TagValue, exif_block, tags_of
from archivecolor.photo.facts import Density

ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 274, 282, 283, 296
UNITS = {1: "none", 2: "inch", 3: "cm"}
PREAMBLE = b"Exif\0\0"
_SHORT, _RATIONAL = 3, 5


def bare(block: bytes | None) -> bytes | None:
    """An Exif block without the preamble that some writers put before it; None without a block."""
    return block.removeprefix(PREAMBLE) if block else None


def orientation_of(block: bytes | None) -> int:
    """Orientation 1..8 of an Exif block (the bytes from its TIFF header on); 1 where it has none."""
    return orientation_in(tags_of(block)) if block else 1


def density_of(block: bytes | None) -> Density | None:
    """Resolution of an Exif block, None where it has none that makes sense."""
    return density_in(tags_of(block)) if block else None


def orientation_in(tags: Mapping[int, TagValue]) -> int:
    """Orientation 1..8 of tags; 1 where they say none."""
    values = tags[ORIENTATION].integers if ORIENTATION in tags else ()
    return values[0] if len(values) == 1 and 1 <= values[0] <= 8 else 1


def density_in(tags: Mapping[int, TagValue]) -> Density | None:
    """Value and unit of the resolution tags, untouched; None where a number is missing or not above zero."""
    x, y = (_ratio(tags[code]) if code in tags else None for code in (_X_RESOLUTION, _Y_RESOLUTION))
    if x is None or y is None:
        return None
    unit = tags[_RESOLUTION_UNIT].integers if _RESOLUTION_UNIT in tags else ()
    return Density(x, y, UNITS.get(unit[0] if unit else 2, "inch"))


def _ratio(value: TagValue) -> tuple[int, int] | None:
    """A number of any type as numerator and denominator, those of the file where it has them."""
    ratio = value.ratio
    if ratio is None and value.integers:
        ratio = (value.integers[0], 1)
    if ratio is None and value.floats:
        exact = Fraction(value.floats[0]).limit_denominator(10000)
        ratio = (exact.numerator, exact.denominator)
    return ratio if ratio and min(ratio) > 0 else None


def orientation_block(orientation: int, density: Density | None = None) -> bytes | None:
    """A minimal Exif block that says how a picture lies; None where there is nothing to say.

    Args:
        orientation: 1..8; the plain one needs no saying.
        density: for containers that say it nowhere else.
    """
    tags = {} if orientation == 1 else {ORIENTATION: TagValue(_SHORT, struct.pack("<H", orientation))}
    if density is not None and max(*density.x, *density.y) < 1 << 32:
        unit = next(code for code, name in UNITS.items() if name == density.unit)
        tags[_X_RESOLUTION] = TagValue(_RATIONAL, struct.pack("<II", *density.x))
        tags[_Y_RESOLUTION] = TagValue(_RATIONAL, struct.pack("<II", *density.y))
        tags[_RESOLUTION_UNIT] = TagValue(_SHORT, struct.pack("<H", unit))
    return exif_block(tags) if tags else None
