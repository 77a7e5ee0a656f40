"""Orientation and density of an Exif block, read and written; the rest is `metadata`'s work."""

from __future__ import annotations

import struct
from typing import Any

from archivecolor.photo.facts import Density

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 274, 282, 283, 296
UNITS = {1: "none", 2: "inch", 3: "cm"}
PARSE_ERRORS = (
    ValueError,
    TypeError,
    SyntaxError,
    LookupError,
    OSError,
    EOFError,
    ArithmeticError,
    struct.error,
)


def orientation_of(block: bytes | None) -> int:
    """Orientation 1..8 of an Exif block (the bytes from its TIFF header on); 1 where it has none."""
    value = _tags(block).get(ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def density_of(block: bytes | None) -> Density | None:
    """Resolution of an Exif block, None where it has none that makes sense."""
    tags = _tags(block)
    try:
        x, y = (_ratio(tags[name]) for name in (X_RESOLUTION, Y_RESOLUTION))
    except PARSE_ERRORS:
        return None
    return Density(x, y, UNITS.get(int(tags.get(RESOLUTION_UNIT, 2)), "inch"))


def _ratio(value: Any) -> tuple[int, int]:
    top, bottom = int(value.numerator), int(value.denominator)
    if top <= 0 or bottom <= 0:
        raise ValueError("a resolution is above zero")
    return top, bottom


def _tags(block: bytes | None) -> dict[int, Any]:
    from PIL import Image

    if not block:
        return {}
    exif = Image.Exif()
    try:
        exif.load(b"Exif\0\0" + block)
        return dict(exif)
    except PARSE_ERRORS:
        return {}


def orientation_block(orientation: int) -> bytes | None:
    """A minimal Exif block that says `orientation`, None where the plain one needs no saying."""
    if orientation == 1:
        return None
    entry = struct.pack("<HHIHH", ORIENTATION, 3, 1, orientation, 0)
    return struct.pack("<2sHIH", b"II", 42, 8, 1) + entry + bytes(4)
