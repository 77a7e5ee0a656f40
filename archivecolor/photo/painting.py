"""A picture in colour whose transparency counts, as small as the network sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from archivecolor.colour.reference_frame import Painting
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.base import Band, ImageReader
from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.facts import Codes
from archivecolor.photo.orientation import upright
from archivecolor.photo.shrink import shrink_bands

_LEAST_OPACITY = 1e-3


def small_painting(path: Path, *, working_size: int, max_megapixels: float) -> Painting:
    """The first page of a picture with its colour, and with how opaque each place is.

    Args:
        path: any name, UTF-8 or not.
        working_size: short side in pixels.
        max_megapixels: larger pages are refused from the header alone.

    Raises:
        ItemError: it cannot be read, or has no colour.
    """
    with open_image(path, max_megapixels, strict=False) as picture:
        reader = picture.reader
        facts = reader.pages[0]
        size = facts.height, facts.width
        colour = shrink_bands(_weighted(reader), size, working_size)
        if colour.ndim == 2:
            raise ItemError(Reason.UNSUPPORTED, "it has no colour to take")
        opacity = shrink_bands(map(_alpha, reader.coloured_bands(0)), size, working_size)
        rgb = np.clip(colour / np.maximum(opacity, _LEAST_OPACITY)[..., None], 0, 1)
        return Painting(
            np.asarray(upright(rgb, facts.orientation), np.float32), upright(opacity, facts.orientation)
        )


def _weighted(reader: ImageReader) -> Iterator[Codes]:
    """The codes of all rows, by as much as each place is opaque."""
    is_weighted = reader.pages[0].premultiplied
    for band in reader.coloured_bands(0):
        if band.alpha is None or is_weighted or band.codes.ndim == 2:
            yield band.codes
        else:
            largest = np.iinfo(band.codes.dtype).max
            codes = band.codes * band.alpha.astype(np.uint32)[..., None] // largest
            yield codes.astype(band.codes.dtype)


def _alpha(band: Band) -> Codes:
    """How opaque the places of some rows are."""
    if band.alpha is not None:
        return band.alpha
    return np.full(band.codes.shape[:2], np.iinfo(band.codes.dtype).max, band.codes.dtype)
