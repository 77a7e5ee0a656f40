"""Rows of a TIFF page out of its strips or tiles, a band at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.base import rows_per_band

Raw = npt.NDArray[Any]

NONE, JPEG, PACKED_BITS = 1, 7, 32773
JPEGS = (6, 7, 34892, 33007)
# A picture of one value out of this many encoded bytes per pixel was not decoded, whatever the decoder says.
SUSPICIOUS_BYTES_PER_PIXEL = 0.05


def raw_bands(page: Any) -> Iterator[Raw]:
    """Samples (rows, width, samples) as stored, native byte order, from the top.

    Raises:
        ItemError: UNREADABLE where a picture of many bytes decodes to one value.
    """
    plain = _has_addressable_rows(page)
    step = _segment_rows(page)
    together = max(1, rows_per_band(page.imagewidth, _pixel_bytes(page)) // step)
    constant = True
    first: Any = None
    for top in range(0, page.imagelength, step * together):
        bottom = min(page.imagelength, top + step * together)
        rows = _plain_rows(page, top, bottom) if plain else _segments(page, top, bottom)
        first = rows.flat[0] if first is None else first
        constant = constant and bool((rows == first).all())
        yield rows
    if constant and not plain and _is_suspicious(page):
        raise ItemError(Reason.UNREADABLE, "the tiff's picture decodes to a single value")


def _is_suspicious(page: Any) -> bool:
    pixels = page.imagewidth * page.imagelength
    encoded = int(sum(page.databytecounts))
    return int(page.compression) != NONE and encoded > 1024 + pixels * SUSPICIOUS_BYTES_PER_PIXEL


def _pixel_bytes(page: Any) -> int:
    return int(page.samplesperpixel * np.dtype(page.dtype).itemsize)


def _has_addressable_rows(page: Any) -> bool:
    """Whether rows lie plainly in the file, so that a strip need not be read whole."""
    whole_bytes = page.bitspersample == np.dtype(page.dtype).itemsize * 8
    return bool(
        page.compression == NONE
        and not page.is_tiled
        and whole_bytes
        and page.predictor == 1
        and (page.fillorder == 1)
    )


def _segment_rows(page: Any) -> int:
    if _has_addressable_rows(page):
        return 1
    return int(page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength))


def _planes(page: Any) -> int:
    return int(page.samplesperpixel) if page.planarconfig == 2 else 1


def _plain_rows(page: Any, top: int, bottom: int) -> Raw:
    """Rows read from an uncompressed page by their place in the file."""
    planes = _planes(page)
    samples = page.samplesperpixel // planes
    stored = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
    rows = np.empty((bottom - top, page.imagewidth, page.samplesperpixel), page.dtype)
    for plane in range(planes):
        data = b"".join(_plain_bytes(page, plane, top, bottom, page.imagewidth * samples * stored.itemsize))
        part = np.frombuffer(data, stored).reshape(bottom - top, page.imagewidth, samples)
        rows[..., plane * samples : (plane + 1) * samples] = part
    return rows


def _plain_bytes(page: Any, plane: int, top: int, bottom: int, row_bytes: int) -> Iterator[bytes]:
    strip_rows = min(page.rowsperstrip, page.imagelength)
    strips = -(-page.imagelength // strip_rows)
    while top < bottom:
        strip, within = divmod(top, strip_rows)
        rows = min(bottom - top, strip_rows - within)
        number = plane * strips + strip
        if (within + rows) * row_bytes > page.databytecounts[number]:
            raise ItemError(Reason.UNREADABLE, "a strip of the tiff is shorter than its rows")
        file = page.parent.filehandle
        file.seek(page.dataoffsets[number] + within * row_bytes)
        yield file.read(rows * row_bytes)
        top += rows


def _segments(page: Any, top: int, bottom: int) -> Raw:
    """Rows decoded from all strips or tiles that hold them; `top` is where a segment begins."""
    step = _segment_rows(page)
    across = -(-page.imagewidth // page.tilewidth) if page.is_tiled else 1
    down = -(-page.imagelength // step)
    per_plane = down * across
    numbers = [
        plane * per_plane + row * across + column
        for plane in range(_planes(page))
        for row in range(top // step, -(-bottom // step))
        for column in range(across)
    ]
    rows = np.zeros((bottom - top, page.imagewidth, page.samplesperpixel), page.dtype)
    offsets = [page.dataoffsets[number] for number in numbers]
    counts = [page.databytecounts[number] for number in numbers]
    for data, number in page.parent.filehandle.read_segments(offsets, counts, indices=numbers, flat=True):
        _place(page, rows, top, _decoded(page, data, number))
    return rows


def _decoded(page: Any, data: bytes | None, number: int) -> Any:
    if not data:
        raise ItemError(Reason.UNREADABLE, "a strip or tile of the tiff is missing")
    arguments: dict[str, Any] = {}
    if page.compression in JPEGS:
        arguments = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
    if page.compression == JPEG and page.bitspersample == 8:
        _check_jpeg(data, page.jpegtables)
    return page.decode(data, number, _fullsize=False, **arguments)


def _check_jpeg(data: bytes, tables: bytes | None) -> None:
    """Decode strictly once, because the decoder that knows TIFF passes over damage."""
    import simplejpeg

    whole = tables[:-2] + data[2:] if tables else data
    simplejpeg.decode_jpeg(whole, "GRAY")


def _place(page: Any, rows: Raw, top: int, decoded: Any) -> None:
    segment, (plane, _, row, column, _), shape = decoded
    if segment is None:
        raise ItemError(Reason.UNREADABLE, "a strip or tile of the tiff is empty")
    height = min(shape[1], page.imagelength - row)
    width = min(shape[2], page.imagewidth - column)
    part = segment[0, :height, :width]
    first = row - top
    target = rows[first : first + height, column : column + width]
    if _planes(page) > 1:
        target[..., plane] = part[..., 0]
    else:
        target[...] = part
