"""Pictures as they are looked at, on sheets and pages: 8-bit RGB, upright, small or cut out.

Their profiles are not applied. A caption that we put below one is left away, so that it lies on its scan.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from archivecolor.colour.arrays import UInt8
from archivecolor.errors import ItemError, Reason
from archivecolor.metadata.provenance import PictureBox
from archivecolor.photo.containers.base import PageFacts
from archivecolor.photo.containers.registry import OpenImage, open_image
from archivecolor.photo.facts import Codes
from archivecolor.photo.marking import picture_boxes_of
from archivecolor.photo.orientation import TRANSPOSED, upright
from archivecolor.photo.shrink import resize


@dataclass(frozen=True)
class Box:
    """A part of an upright page, in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Preview:
    """What a screen shows of a page.

    Attributes:
        rgb: uint8 (h, w, 3), upright.
        width: of the whole upright page, pixels.
        height: of the whole upright page, pixels.
        pages: of the file.
    """

    rgb: UInt8
    width: int
    height: int
    pages: int


def small_preview(path: Path, box: tuple[int, int], max_megapixels: float = 1000.0, page: int = 1) -> Preview:
    """A page as large as fits into a box, never enlarged, decoded as small as its container allows.

    Args:
        path: any picture that can be read.
        box: width and height in pixels.
        max_megapixels: larger pages are refused from the header alone.
        page: from 1.

    Raises:
        ItemError: it cannot be read, or has no such page.
    """
    with open_image(path, max_megapixels) as picture:
        facts, within = _page(picture, page)
        width, height = _upright_size(facts)
        scale = min(box[0] / width, box[1] / height, 1.0)
        side = max(1, round(min(within.whole) * scale))
        stored = picture.reader.downscaled(page - 1, side)
        rows = _share(within.top, within.height, within.whole[1], len(stored))
        columns = _share(within.left, within.width, within.whole[0], stored.shape[1])
        seen = upright(stored[rows, columns], facts.orientation)
        return Preview(_rgb(seen), width, height, len(picture.reader.pages))


def part_preview(path: Path, box: Box, max_megapixels: float, page: int = 1) -> Preview:
    """A part of a page, pixel for pixel; of large pictures no more rows than it needs are held.

    Args:
        path: of the picture.
        box: what of it; cut where it reaches beyond the page.
        max_megapixels: as for `small_preview`.
        page: from 1.

    Raises:
        ItemError: as `small_preview`; the box lies outside the page.
    """
    with open_image(path, max_megapixels) as picture:
        facts, within = _page(picture, page)
        rows, columns = _stored(box, facts)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            raise ItemError(Reason.UNSUPPORTED, "the part that is asked for lies outside the picture")
        rows = slice(rows.start + within.top, rows.stop + within.top)
        columns = slice(columns.start + within.left, columns.stop + within.left)
        parts = []
        top = 0
        for band in picture.reader.coloured_bands(page - 1):
            first, last = max(rows.start, top), min(rows.stop, top + len(band.codes))
            if first < last:
                parts.append(np.array(band.codes[first - top : last - top, columns]))
            top += len(band.codes)
            if top >= rows.stop:
                break
        seen = upright(np.concatenate(parts), facts.orientation)
        return Preview(_rgb(seen), *_upright_size(facts), len(picture.reader.pages))


def _page(picture: OpenImage, page: int) -> tuple[PageFacts, PictureBox]:
    """A page's facts without its caption, and where its picture lies in it."""
    pages = picture.reader.pages
    if not 1 <= page <= len(pages):
        raise ItemError(Reason.UNSUPPORTED, f"it has {len(pages)} pages, no page {page}")
    facts = pages[page - 1]
    try:
        boxes = picture_boxes_of(picture)
    except ItemError:  # as it is now, nobody knows what of it is the caption
        boxes = ()
    whole = PictureBox(facts.width, facts.height, 0, 0, (facts.width, facts.height))
    within = boxes[page - 1] if boxes else whole
    return replace(facts, width=within.width, height=within.height), within


def _share(start: int, length: int, whole: int, there: int) -> slice:
    """A span of `whole` pixels in a picture that has `there` of them."""
    return slice(round(start * there / whole), max(1, round((start + length) * there / whole)))


def _upright_size(facts: PageFacts) -> tuple[int, int]:
    """Width and height as people see the page."""
    turned = facts.orientation in TRANSPOSED
    return (facts.height, facts.width) if turned else (facts.width, facts.height)


def _stored(box: Box, facts: PageFacts) -> tuple[slice, slice]:
    """The rows and columns of an upright box, as the page is stored: `upright` undone."""
    width, height = _upright_size(facts)
    across, down = _span(box.left, box.width, width), _span(box.top, box.height, height)
    if facts.orientation in (3, 4, 7, 8):
        down = slice(height - down.stop, height - down.start)
    if facts.orientation in (2, 3, 6, 7):
        across = slice(width - across.stop, width - across.start)
    return (across, down) if facts.orientation in TRANSPOSED else (down, across)


def _span(start: int, length: int, whole: int) -> slice:
    return slice(min(max(0, start), whole), min(max(0, start + length), whole))


def _rgb(seen: Codes) -> UInt8:
    """uint8 (h, w, 3) of codes or of floats 0..1, grey or RGB."""
    values = seen if seen.dtype == np.uint8 else np.rint(resize(seen, seen.shape[:2]) * 255)
    colours = np.clip(values, 0, 255).astype(np.uint8)
    return np.repeat(colours[..., None], 3, axis=2) if colours.ndim == 2 else colours
