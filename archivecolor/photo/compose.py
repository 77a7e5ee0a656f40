"""Exact luma and coarse chroma put together, band by band."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.colour.chroma import Chroma, upsample
from archivecolor.colour.gamut import chroma_codes, compose_exact_luma
from archivecolor.colour.luma import luma_codes
from archivecolor.photo.containers.base import Band, PageFacts
from archivecolor.photo.facts import Codes
from archivecolor.photo.orientation import as_stored


def compose_page(page: PageFacts, bands: Iterable[Band], chroma: Chroma, depth: int) -> Iterator[Codes]:
    """Lay `chroma` over a page.

    Args:
        page: its facts.
        bands: its rows from the top, as stored.
        chroma: of the upright page.
        depth: 8 or 16, of the codes that come out.

    Yields:
        Codes (rows, width, 3), or (rows, width, 4) with alpha, as stored; their luma codes are the page's
        (at a lower depth: the page's rounded).
    """
    for band, cbcr in _with_chroma(page, bands, chroma):
        alpha = None if band.alpha is None else _convert_depth(band.alpha, depth)
        white = alpha if page.premultiplied else None
        rgb = compose_exact_luma(_convert_depth(_band_luma(band.codes), depth), cbcr, white)
        yield rgb if alpha is None else np.dstack([rgb, alpha])


def compose_chroma(page: PageFacts, bands: Iterable[Band], chroma: Chroma) -> Iterator[UInt8]:
    """Cb and Cr codes (2, rows, width) to stand beside a page's own luma, as stored; see `compose_page`."""
    for band, cbcr in _with_chroma(page, bands, chroma):
        yield chroma_codes(_convert_depth(_band_luma(band.codes), 8), cbcr)


def _with_chroma(page: PageFacts, bands: Iterable[Band], chroma: Chroma) -> Iterator[tuple[Band, Float32]]:
    """Each band with the chroma (rows, width, 2) of its pixels."""
    grid = as_stored(chroma.cbcr, page.orientation)
    top = 0
    for band in bands:
        rows = slice(top, top + len(band.codes))
        yield band, upsample(grid, page.height, page.width, rows)
        top = rows.stop


def page_luma(bands: Iterable[Band]) -> Iterator[Codes]:
    """The luma codes of a page: (rows, width), or (rows, width, 2) with alpha."""
    for band in bands:
        luma = _band_luma(band.codes)
        yield luma if band.alpha is None else np.dstack([luma, band.alpha])


def drop_alpha(bands: Iterable[Band]) -> Iterator[Band]:
    """The same rows for a container that holds no alpha."""
    for band in bands:
        yield Band(band.codes)


def divide_alpha_out(bands: Iterable[Band]) -> Iterator[Band]:
    """The same rows for a container that holds alpha beside the codes; those beyond it become white."""
    for band in bands:
        if band.alpha is None:
            yield band
            continue
        alpha = band.alpha.astype(np.uint64)
        top = np.iinfo(band.codes.dtype).max
        weights = np.where(alpha, alpha, top)
        weights = weights if band.codes.ndim == 2 else weights[..., None]
        divided = (band.codes.astype(np.uint64) * top + weights // 2) // weights
        yield Band(np.minimum(divided, top).astype(band.codes.dtype), band.alpha)


def _band_luma(codes: Codes) -> Codes:
    """The grey of a band: its own codes, or the luma of its RGB."""
    return np.ascontiguousarray(codes) if codes.ndim == 2 else luma_codes(codes)


def _convert_depth(codes: Codes, depth: int) -> Codes:
    """uint8 or uint16 codes at 8 or 16 bits, full range to full range."""
    if codes.dtype.itemsize * 8 == depth:
        return codes
    if depth == 16:
        return codes.astype(np.uint16) * 257
    return ((codes.astype(np.uint32) + 128) // 257).astype(np.uint8)
