"""Hints as people write them: `X,Y=COLOUR[,REACH]`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from PIL import ImageColor

from archivecolor.colour.guidance import Hint, Reach
from archivecolor.errors import UsageError
from archivecolor.printable import printable, quoted
from archivecolor.settings import nearest

_FORM = "X,Y=COLOUR or X,Y=COLOUR,REACH, such as 120,340=#c8641e or 30%,55%=navy,thing"
_WORDS = re.compile(r"\s*([^,=\s]+)\s*,\s*([^,=\s]+)\s*=\s*([^,=\s]+)\s*(?:,\s*(\w+)\s*)?")


# Colours as other programs write them: rgb(10,20,30), hsl(...).
_FUNCTION = re.compile(r"=\s*\w+\(")


@dataclass(frozen=True)
class PageSize:
    """Of an upright page, in pixels."""

    width: int
    height: int


def check_page(page: int, pages: int) -> None:
    """See that a file has the page that hints are for. Raises `UsageError` where it does not."""
    if page > pages:
        raise UsageError(f"it has {pages} page{'s' if pages > 1 else ''}, no page {page}")


def hint_of_words(
    words: str, path: str, page: int, size_of: Callable[[int], PageSize], name: str = "--hint"
) -> Hint:
    """The hint that is meant.

    Args:
        words: as typed.
        path: of the picture, for messages.
        page: of the file, from 1.
        size_of: gives the size of a page.
        name: where they were typed, for messages.

    Raises:
        UsageError: the words are no hint, or its place is outside the picture.
    """
    match = _WORDS.fullmatch(words)
    if match is None and _FUNCTION.search(words):
        raise UsageError(
            f"{name} {quoted(words)}: write the colour as #rrggbb, or as a CSS name such as navy"
        )
    if match is None:
        raise UsageError(f"{name} {quoted(words)} is not understood; write {_FORM}")
    across, down, colour, reach = match.groups()
    try:
        size = size_of(page)
        place = _fraction(across, size.width), _fraction(down, size.height)
    except UsageError as error:
        raise UsageError(f"{name} {quoted(words)}: {printable(path)}: {error}") from None
    if not all(0 <= part <= 1 for part in place):
        raise UsageError(
            f"{name} {quoted(words)}: {printable(path)} is {size.width} x {size.height} pixels (upright);"
            " the place is outside"
        )
    try:
        return Hint(*place, colour=colour_of(colour), reach=_reach(reach or "all"), page=page)
    except UsageError as error:
        raise UsageError(f"{name} {quoted(words)}: {error}") from None


def colour_of(word: str) -> tuple[int, int, int]:
    """The sRGB codes of `#rrggbb` or of a CSS name.

    Raises:
        UsageError: there is no such colour.
    """
    names = {*ImageColor.colormap}
    known = re.fullmatch(r"#?[0-9a-fA-F]{6}|#[0-9a-fA-F]{3}", word)
    if known is None and word.lower() not in names:
        raise UsageError(
            f"there is no colour {quoted(word)}; write #rrggbb or a CSS name{nearest(word.lower(), names)}"
        )
    hexadecimal = f"#{word}" if known and not word.startswith("#") and word.lower() not in names else word
    red, green, blue = ImageColor.getrgb(hexadecimal)[:3]
    return red, green, blue


def _reach(word: str) -> Reach:
    try:
        return Reach(word)
    except ValueError:
        words = [reach.value for reach in Reach]
        raise UsageError(
            f"there is no reach {quoted(word)}; it is one of {', '.join(words)}{nearest(word, words)}"
        ) from None


def _fraction(text: str, pixels: int) -> float:
    """A place along one side: per cent of it, or pixels, whose middle is meant."""
    percent = text.endswith("%")
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        raise UsageError(f"{quoted(text)} is no number of pixels or per cent") from None
    if not math.isfinite(number):
        raise UsageError(f"{quoted(text)} is no place")
    # Rounded, so that files of decisions read well; finer than any pixel that matters.
    return round(number / 100 if percent else (number + 0.5) / pixels, 6)
