"""A page of small pictures under captions."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

from archivecolor.colour.arrays import UInt8
from archivecolor.engine.programs import is_elsewhere
from archivecolor.printable import printable

CAPTION_HEIGHT, _CAPTION_SIZE = 16, 12
CUT = "..."
# Of systems with a desktop; the font that Pillow brings along has no letter outside of ASCII.
SYSTEM_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial.ttf", "arial.ttf")
Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"


@dataclass(frozen=True)
class Captioned:
    """A picture with what is written above it.

    Attributes:
        caption: one line; what does not fit is cut.
        picture: uint8 (h, w, 3), no larger than the cells of its page.
    """

    caption: str
    picture: UInt8


def draw_page(pictures: Sequence[Captioned], columns: int, cell: tuple[int, int]) -> Image.Image:
    """One page of pictures in their order, row by row.

    Args:
        pictures: at least one.
        columns: how many stand side by side.
        cell: width and height that each has, in pixels.
    """
    width, height = cell[0] + 8, cell[1] + CAPTION_HEIGHT + 6
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (min(columns, len(pictures)) * width, rows * height), "white")
    draw, (font, has_all_letters) = ImageDraw.Draw(page), caption_font()
    for number, one in enumerate(pictures):
        left, top = number % columns * width + 4, number // columns * height + 2
        page.paste(Image.fromarray(one.picture), (left, top + CAPTION_HEIGHT))
        caption = printable(one.caption)
        caption = _fitted(caption if has_all_letters else _in_ascii(caption), cell[0], font)
        draw.text((left, top), caption, fill="black", font=font)
    return page


@cache
def caption_font() -> tuple[Font, bool]:
    """The font of captions, and whether it has more letters than ASCII."""
    files = {path.name: path for folder in _font_folders() for path in _files_in(folder)}
    for name in SYSTEM_FONTS:
        if name in files:
            with suppress(OSError):
                return ImageFont.truetype(files[name], _CAPTION_SIZE), True
    return ImageFont.load_default(_CAPTION_SIZE), False


def _font_folders() -> list[Path]:
    """Folders in which systems keep fonts.

    Pillow, given a name, looks in the current folder before them, where a font may be anybody's.
    """
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    data = [os.environ.get("XDG_DATA_HOME") or "~/.local/share", *shared.split(":")]
    data += ["~/Library", "/Library", "/System/Library", os.environ.get("WINDIR", "")]
    # Without a home the sign for it stays, and with it no absolute path.
    places = [os.path.expanduser(place) for place in data]  # noqa: PTH111
    return [Path(place) / kind for place in places if is_elsewhere(place) for kind in ("fonts", "Fonts")]


def _files_in(folder: Path) -> Iterator[Path]:
    """The files at any depth; none where there is no such folder."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)


def _in_ascii(text: str) -> str:
    """`text` without its accents; a question mark for what has no likeness."""
    parts = unicodedata.normalize("NFKD", text)
    return (
        "".join(part for part in parts if not unicodedata.combining(part)).encode("ascii", "replace").decode()
    )


def _fitted(text: str, width: int, font: Font) -> str:
    """As much of `text` as is no wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + CUT) > width:
        text = text[:-1]
    return text + CUT
