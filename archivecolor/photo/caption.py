"""A line of text on a strip below a picture, whose own pixels stay as they are."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from archivecolor.colour.arrays import UInt8
from archivecolor.errors import ItemError, Reason, UsageError
from archivecolor.photo.contact_sheet import SYSTEM_FONTS
from archivecolor.photo.containers.base import PageFacts
from archivecolor.photo.containers.placement import BLOCK, Placement, Strip
from archivecolor.photo.orientation import TRANSPOSED, as_stored

_MAX_LETTERS = 300
# Luma codes of the ground and of the letters.
GROUND, _INK = 236, 16
# Height of the letters as a share of the short side, and their least height in pixels.
_SIZE_SHARE, _MIN_SIZE, _SMALLEST_SIZE = 0.03, 12, 7
_LINE_HEIGHT, MARGIN = 1.3, 0.6


def check_caption(text: str) -> None:
    """Raise `UsageError` where `text` is nothing that can be written below pictures on this machine."""
    if not text:
        return
    if len(text) > _MAX_LETTERS or not text.isprintable() or not text.strip():
        raise UsageError(f"a caption is one line of text, of at most {_MAX_LETTERS} letters")
    missing = _missing_letters(text, _font_name(text), _MIN_SIZE)
    if missing:
        raise UsageError(
            f"no font of this machine has the letters {missing} of the caption; install DejaVu Sans or "
            "Noto Sans, or write it otherwise"
        )


def place_caption(page: PageFacts, text: str, *, by_blocks: bool) -> Placement:
    """Where a page and the strip with its caption lie in the output.

    Args:
        page: the page, as stored.
        text: see `check_caption`.
        by_blocks: the page's own JPEG blocks go into the output, so that the strip begins at the next one.

    Raises:
        ItemError: UNSUPPORTED; the picture is too small for the caption.
    """
    size = (page.height, page.width)
    across = page.height if page.orientation in TRANSPOSED else page.width
    strip = as_stored(draw_strip(text, across, min(size)), page.orientation)
    height, width = strip.shape
    is_row = page.orientation not in TRANSPOSED
    # Where the lower edge of the upright picture lies as it is stored: on the far side, or at the beginning.
    at_end = bool(as_stored(np.array([[0], [1]], np.uint8), page.orientation).ravel()[1])
    if not at_end:
        offset = (height, 0) if is_row else (0, width)
        return Placement(size, offset, Strip(strip, (0, 0)))
    gap = -size[0 if is_row else 1] % BLOCK if by_blocks else 0
    corner = (page.height + gap, 0) if is_row else (0, page.width + gap)
    return Placement(size, (0, 0), Strip(strip, corner))


def draw_strip(text: str, width: int, short_side: int) -> UInt8:
    """The caption's strip, grey codes (h, `width`); `h` is a multiple of a JPEG block's side.

    Raises:
        ItemError: UNSUPPORTED; its words do not fit into that width.
    """
    text = unicodedata.normalize("NFC", text)
    name = _font_name(text)
    for size in range(max(_MIN_SIZE, round(_SIZE_SHARE * short_side)), _SMALLEST_SIZE - 1, -1):
        font, margin = _font(name, size), round(MARGIN * size)
        lines = _wrapped(text.split(), width - 2 * margin, font)
        if lines:
            break
    else:
        raise ItemError(Reason.UNSUPPORTED, f"a picture of {width} pixels is too narrow for its caption")
    height = round(_LINE_HEIGHT * size) * len(lines) + 2 * margin
    canvas = Image.new("L", (width, height + -height % BLOCK), GROUND)
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        draw.text((margin, margin + number * round(_LINE_HEIGHT * size)), line, fill=_INK, font=font)
    return np.asarray(canvas)


def _wrapped(words: list[str], width: int, font: ImageFont.FreeTypeFont) -> list[str]:
    """The words in lines of at most `width` pixels; nothing where one alone is wider."""
    lines: list[str] = []
    for word in words:
        if font.getlength(word) > width:
            return []
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _font_name(text: str) -> str:
    """The font that the text is written in: of the system where it must be, else that of Pillow, named ''.

    Pillow's own, which is the same everywhere, comes first: bytes do not depend on the machine.
    """
    names = [name for name in ("", *SYSTEM_FONTS) if _is_there(name)]
    return next((name for name in names if not _missing_letters(text, name, _MIN_SIZE)), "")


@cache
def _is_there(name: str) -> bool:
    with suppress(OSError):
        return bool(_font(name, _MIN_SIZE))
    return False


@cache
def _missing_letters(text: str, name: str, size: int) -> str:
    """The letters of a text that a font draws as it draws what nobody ever encoded."""
    font = _font(name, size)
    unknown = bytes(font.getmask("\uffff"))
    letters = dict.fromkeys(unicodedata.normalize("NFC", text).replace(" ", ""))
    return "".join(letter for letter in letters if bytes(font.getmask(letter)) == unknown)


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font at a size in pixels; the basic layout is the same whatever Pillow was built with."""
    layout = ImageFont.Layout.BASIC
    if name:
        return ImageFont.truetype(name, size, layout_engine=layout)
    own = ImageFont.load_default(size)
    assert isinstance(own, ImageFont.FreeTypeFont)
    return own.font_variant(layout_engine=layout)
