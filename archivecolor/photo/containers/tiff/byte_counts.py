"""Byte counts of strips and tiles that cannot be, put right by what else the file says."""

from __future__ import annotations

import bisect
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from archivecolor.photo.containers.tiff.ycbcr import unit_bytes

if TYPE_CHECKING:
    from archivecolor.photo.containers.tiff.pages import StoredPage


def with_own_counts(stored: StoredPage, nbytes: int, taken: tuple[int, ...]) -> StoredPage:
    """Byte counts of an uncompressed page that are too small, or reach beyond the file, put right.

    Each is known by the size of the page. It is taken only where the file has that many bytes before
    anything else begins: where rows are missing they stay missing.
    """
    places = []
    for number, (offset, count) in enumerate(stored.places):
        own = segment_bytes(stored, number)
        following = taken[bisect.bisect_right(taken, offset) :][:1] or (nbytes,)
        is_wrong = count < own or offset + count > nbytes
        places.append((offset, own if is_wrong and offset + own <= following[0] else count))
    if tuple(places) == stored.places:
        return stored
    note = "byte counts of strips that cannot be, taken from the size of the picture"
    return replace(stored, places=tuple(places), silent=(*stored.silent, note))


def with_counts_to_the_next(stored: StoredPage, nbytes: int, taken: tuple[int, ...]) -> StoredPage:
    """Byte counts of a compressed page that are zero, missing, or reach beyond the file, put right.

    Each strip or tile goes up to whatever begins next: its decoder knows its end, or finds that it is cut.
    """
    places, sharing = [], Counter(offset for offset, _ in stored.places)
    for offset, count in stored.places:
        following = taken[bisect.bisect_right(taken, offset) :][:1] or (nbytes,)
        is_wrong = not count or offset + count > nbytes
        is_known = 0 < offset < nbytes and sharing[offset] == 1
        places.append((offset, following[0] - offset if is_wrong and is_known else count))
    if tuple(places) == stored.places:
        return stored
    note = "byte counts of strips that cannot be, taken from what stands behind them"
    is_cut = any(offset + count > nbytes for offset, count in stored.places)
    return replace(
        stored, places=tuple(places), silent=(*stored.silent, note), is_cut=is_cut, is_measured=True
    )


def segment_bytes(stored: StoredPage, number: int) -> int:
    """Bytes of a strip or tile that is not compressed, or no longer."""
    samples = stored.samples // stored.planes
    if stored.subsampling != (1, 1):
        rows, width = stored.tile or (strip_rows_of(stored, number), stored.width)
        return unit_bytes(rows, width, stored.subsampling)
    if stored.tile:
        return stored.tile[0] * -(-stored.tile[1] * samples * stored.bits // 8)
    return strip_rows_of(stored, number) * -(-stored.width * samples * stored.bits // 8)


def strip_rows_of(stored: StoredPage, number: int) -> int:
    """Rows of a strip: the last one of each plane has what is left."""
    strips = -(-stored.height // stored.strip_rows)
    return min(stored.strip_rows, stored.height - number % strips * stored.strip_rows)
