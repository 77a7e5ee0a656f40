"""The first visit to a picture: its facts, and its luma as small as the network sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.colour.film_base import shows_orange_base
from archivecolor.colour.lab import LUMA_WEIGHTS
from archivecolor.colour.tone import Tone, tone_of
from archivecolor.photo.containers.base import PageFacts
from archivecolor.photo.containers.registry import OpenImage, open_image
from archivecolor.photo.facts import ImageFacts
from archivecolor.photo.orientation import upright

# From least to most coloured: the most coloured page speaks for the file, so that none loses its colour.
_TONE_ORDER = (Tone.GREY, Tone.TONED, Tone.TINTED, Tone.COLOUR)


@dataclass(frozen=True)
class Inspection:
    """What a first visit found.

    Attributes:
        facts: of the file.
        lumas: one float32 (h, w) array per page, 0..1, upright, short side at the working size; none for
            bilevel files.
    """

    facts: ImageFacts
    lumas: tuple[Float32, ...]


@dataclass(frozen=True)
class _SmallPage:
    luma: Float32
    tone: Tone
    negative: bool = False


def inspect(path: Path, *, working_size: int, max_megapixels: float, strict: bool = False) -> Inspection:
    """Visit a picture, decoding as little as its container allows.

    Args:
        path: any name, UTF-8 or not.
        working_size: short side of the lumas in pixels.
        max_megapixels: larger pages are refused from the header alone.
        strict: what a decoder warns of is damage, though it costs no pixel.

    Raises:
        ItemError: with the reason the manifest gives.
    """
    with open_image(path, max_megapixels, strict=strict) as picture:
        pages = picture.reader.pages
        bilevel = all(page.bilevel for page in pages)
        small = () if bilevel else tuple(_inspect_page(picture, i, working_size) for i in range(len(pages)))
        facts = _facts(picture, small)
    return Inspection(facts, tuple(page.luma for page in small))


def small_colour(path: Path, *, working_size: int, max_megapixels: float) -> Float32:
    """The first page of a picture with what colour it has.

    Args:
        path: any name, UTF-8 or not.
        working_size: short side in pixels.
        max_megapixels: larger pages are refused from the header alone.

    Returns:
        float32 (h, w, 3), sRGB 0..1, upright; (h, w) where it has no colour at all.

    Raises:
        ItemError: as `inspect`.
    """
    with open_image(path, max_megapixels, strict=False) as picture:
        return np.asarray(
            upright(picture.reader.downscaled(0, working_size), picture.reader.pages[0].orientation)
        )


def _inspect_page(picture: OpenImage, number: int, working_size: int) -> _SmallPage:
    stored = picture.reader.downscaled(number, working_size)
    seen = upright(stored, picture.reader.pages[number].orientation)
    if seen.ndim == 2:
        return _SmallPage(seen, Tone.GREY)
    tone = tone_of(seen)
    negative = tone is not Tone.GREY and shows_orange_base(seen)
    return _SmallPage(np.ascontiguousarray(seen @ LUMA_WEIGHTS), tone, negative)


def _facts(picture: OpenImage, small: tuple[_SmallPage, ...]) -> ImageFacts:
    first: PageFacts = picture.reader.pages[0]
    tone = max((page.tone for page in small), key=_TONE_ORDER.index, default=Tone.GREY)
    return ImageFacts(
        format=picture.image_format.name,
        width=first.width,
        height=first.height,
        depth=first.depth,
        channels=first.channels,
        pages=len(picture.reader.pages),
        orientation=first.orientation,
        tone=tone,
        bilevel=not small,
        alpha=first.alpha,
        nbytes=picture.file_state.nbytes,
        mtime_ns=picture.file_state.mtime_ns,
        notes=picture.reader.notes,
        negative=any(page.negative for page in small),
        other_pages=sum(page.tone is not tone for page in small),
    )
