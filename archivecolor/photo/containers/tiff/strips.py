"""Rows of a TIFF page out of its strips or tiles, a band at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.bands import is_too_much_for_one_value, rows_per_band
from archivecolor.photo.containers.jpeg import decoding, segments, tolerance
from archivecolor.photo.containers.reading import DamagedError, SourceFile, decoder_call
from archivecolor.photo.containers.tiff import ends
from archivecolor.photo.containers.tiff.byte_counts import segment_bytes, strip_rows_of
from archivecolor.photo.containers.tiff.pages import JPEG, NONE, OLD_JPEG, PACKBITS, ZSTD, StoredPage
from archivecolor.photo.containers.tiff.samples import Raw
from archivecolor.photo.containers.tiff.ycbcr import rows_of_units

_JPEGS = (OLD_JPEG, JPEG, 34892, 33007)
_REVERSED = 2  # FillOrder: the lowest bit first


def raw_bands(file: SourceFile, stored: StoredPage, warnings: list[str]) -> Iterator[Raw]:
    """Samples (rows, width, samples) as stored, native byte order, from the top.

    Args:
        file: the TIFF.
        stored: the page.
        warnings: gets what a decoder warned of although every block is there.

    Raises:
        ItemError: UNREADABLE where a picture of many bytes decodes to one value.
        DamagedError: a strip cannot be decoded.
    """
    step = 1 if stored.plain else stored.strip_rows
    pixel_bytes = stored.samples * stored.dtype.itemsize
    together = max(1, rows_per_band(stored.width, pixel_bytes) // step)
    first, constant = None, True
    for top in range(0, stored.height, step * together):
        bottom = min(stored.height, top + step * together)
        rows = (
            _plain_rows(file, stored, top, bottom)
            if stored.plain
            else _segments(file, stored, top, bottom, warnings)
        )
        first = rows.flat[0] if first is None else first
        constant = constant and bool((rows == first).all())
        yield rows
    if constant and not stored.plain and _is_suspicious(stored):
        raise ItemError(Reason.UNREADABLE, "the tiff's picture decodes to a single value")


def _is_suspicious(stored: StoredPage) -> bool:
    encoded = sum(count for _, count in stored.places)
    return stored.compression != NONE and is_too_much_for_one_value(encoded, stored.width * stored.height)


def _plain_rows(file: SourceFile, stored: StoredPage, top: int, bottom: int) -> Raw:
    """Rows read from an uncompressed page by their place in the file."""
    samples = stored.samples // stored.planes
    order = stored.dtype.newbyteorder(stored.page.parent.byteorder)
    rows = np.empty((bottom - top, stored.width, stored.samples), stored.dtype)
    row_bytes = stored.width * samples * order.itemsize
    for plane in range(stored.planes):
        data = b"".join(_plain_bytes(file, stored, plane, row_bytes, top, bottom))
        part = np.frombuffer(data, order).reshape(bottom - top, stored.width, samples)
        rows[..., plane * samples : (plane + 1) * samples] = part
    return rows


def _plain_bytes(
    file: SourceFile, stored: StoredPage, plane: int, row_bytes: int, top: int, bottom: int
) -> Iterator[bytes]:
    strips = -(-stored.height // stored.strip_rows)
    while top < bottom:
        strip, within = divmod(top, stored.strip_rows)
        rows = min(bottom - top, stored.strip_rows - within)
        offset, count = stored.places[plane * strips + strip]
        if (within + rows) * row_bytes > count:
            raise ItemError(Reason.UNREADABLE, "a strip of the tiff is shorter than its rows")
        file.seek(offset + within * row_bytes)
        yield file.read(rows * row_bytes)
        top += rows


def _segments(source: SourceFile, stored: StoredPage, top: int, bottom: int, warnings: list[str]) -> Raw:
    """Rows decoded from all strips or tiles that hold them; `top` is where a segment begins."""
    step = stored.strip_rows
    across = -(-stored.width // stored.tile[1]) if stored.tile else 1
    per_plane = -(-stored.height // step) * across
    numbers = [
        plane * per_plane + row * across + column
        for plane in range(stored.planes)
        for row in range(top // step, -(-bottom // step))
        for column in range(across)
    ]
    rows = np.zeros((bottom - top, stored.width, stored.samples), stored.dtype)
    offsets, counts = zip(*(stored.places[number] for number in numbers), strict=True)
    file = stored.page.parent.filehandle
    # With `flat` it gives pairs of bytes and number, which its annotation does not say.
    pairs: Iterator[tuple[bytes | None, int]]
    pairs = file.read_segments(offsets, counts, indices=numbers, flat=True)  # type: ignore[assignment]
    for data, number in pairs:
        if stored.is_strict_jpeg and data:
            warnings += _jpeg_warnings(data, stored, strict=source.strict)
        _place(stored, rows, top, _decoded(stored, data, number))
    return rows


_Segment = tuple[Raw, tuple[int, int, int], tuple[int, int]]


def _decoded(stored: StoredPage, data: bytes | None, number: int) -> _Segment:
    """The samples (rows, columns, samples) of a segment; its plane, row and column; its own size."""
    if not data:
        raise ItemError(Reason.UNREADABLE, "a strip or tile of the tiff is missing")
    page = stored.page
    if stored.is_measured:
        data = _without_what_follows(stored, data, number)
    if stored.subsampling != (1, 1):
        return _decoded_units(stored, data, number)
    with decoder_call():
        arguments = {}
        if stored.compression in _JPEGS:
            arguments = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
        segment, (plane, _, row, column, _), shape = page.decode(data, number, _fullsize=False, **arguments)
    if segment is None:
        raise ItemError(Reason.UNREADABLE, "a strip or tile of the tiff is empty")
    return segment[0], (plane, row, column), (shape[1], shape[2])


def _decoded_units(stored: StoredPage, data: bytes, number: int) -> _Segment:
    """As `_decoded`, where chroma has fewer samples than luma, which the library does not take apart."""
    import imagecodecs
    import tifffile

    with decoder_call():
        if stored.page.fillorder == _REVERSED:
            data = bytes(imagecodecs.bitorder_decode(data))
        if stored.compression != NONE:
            data = bytes(tifffile.TIFF.DECOMPRESSORS[stored.compression](data))
    across = -(-stored.width // stored.tile[1]) if stored.tile else 1
    row, column = number // across * stored.strip_rows, number % across * (stored.tile or (0, 0))[1]
    rows, width = stored.tile or (strip_rows_of(stored, number), stored.width)
    codes = rows_of_units(data, rows, width, stored.subsampling)
    return codes, (0, row, column), (rows, width)


def _without_what_follows(stored: StoredPage, data: bytes, number: int) -> bytes:
    """A segment of unknown length up to where its data end, where its decoder does not find that."""
    if stored.compression == ZSTD:
        return data[: ends.zstd_end(data)]
    if stored.compression == PACKBITS:
        return data[: ends.packbits_end(data, segment_bytes(stored, number))]
    return data


def _jpeg_warnings(data: bytes, stored: StoredPage, *, strict: bool) -> list[str]:
    """Decode strictly once, because the decoder that knows TIFF passes over damage.

    Returns:
        What was harmless; see `jpeg.tolerance`.

    Raises:
        DamagedError: not every block is there.
    """

    def decode(jpeg: bytes) -> None:
        decoding.decode_strictly(jpeg, "GRAY", at_least=(1, 1))

    whole = _whole_jpeg(stored, data)
    try:
        decode(whole)
    except DamagedError as warning:
        if decoding.is_unknown_sampling(warning):
            return []
        if strict:
            raise
        tolerance.mended(whole, decode)
        return [str(warning)]
    return []


def _whole_jpeg(stored: StoredPage, data: bytes) -> bytes:
    """A strip with the tables that its file keeps for all of them.

    Raises:
        ItemError: UNSUPPORTED where an old file keeps the whole header elsewhere.
    """
    if stored.compression == OLD_JPEG and not data.startswith(segments.START):
        raise ItemError(Reason.UNSUPPORTED, "a tiff of old JPEG whose strips are without their headers")
    tables = stored.page.jpegtables
    return bytes(tables[:-2] + data[2:]) if tables else data


def _place(stored: StoredPage, rows: Raw, top: int, segment: _Segment) -> None:
    codes, (plane, row, column), shape = segment
    height = min(shape[0], stored.height - row)
    width = min(shape[1], stored.width - column)
    target = rows[row - top : row - top + height, column : column + width]
    with decoder_call():  # a segment of another shape than its page says
        if stored.planes > 1:
            target[..., plane] = codes[:height, :width, 0]
        else:
            target[...] = codes[:height, :width]
