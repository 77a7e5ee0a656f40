"""Rows of codes, cut into bands and put together again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.base import Band, ImageReader
from archivecolor.photo.facts import Codes

# Bytes of codes that a band holds, about: large enough for speed, small enough to forget.
BAND_BYTES = 1 << 24
# A picture of one value out of this many encoded bytes per pixel was not decoded, whatever the decoder says.
_SUSPICIOUS_BYTES_PER_PIXEL = 0.05


class WholeImageReader(ImageReader):
    """A one-page picture whose decoder only works on the whole."""

    @abstractmethod
    def decode(self) -> Band:
        """All rows."""

    def bands(self, page: int) -> Iterator[Band]:
        """See `ImageReader.bands`; the picture is decoded when the first band is asked for."""
        whole = self.decode()
        if whole.codes.shape[:2] != (self.pages[page].height, self.pages[page].width):
            raise ItemError(Reason.UNREADABLE, "the decoded size is not the size in the header")
        yield from _split_bands(whole)


def is_too_much_for_one_value(nbytes: int, pixels: int) -> bool:
    """Whether a picture of so many encoded bytes can hardly have one value alone."""
    return nbytes > 1024 + pixels * _SUSPICIOUS_BYTES_PER_PIXEL


def rows_per_band(width: int, bytes_per_pixel: int) -> int:
    """How many rows make a band of about `BAND_BYTES`."""
    return max(1, BAND_BYTES // max(1, width * bytes_per_pixel))


def _split_bands(whole: Band) -> Iterator[Band]:
    """A decoded picture, band by band."""
    codes, alpha = whole.codes, whole.alpha
    rows = rows_per_band(codes.shape[1], codes.dtype.itemsize * 4)
    for top in range(0, len(codes), rows):
        yield Band(codes[top : top + rows], None if alpha is None else alpha[top : top + rows])


def split_samples(raster: Codes) -> Band:
    """Grey, grey with alpha, RGB or RGBA samples (h, w[, n]) as a band."""
    if raster.ndim == 2:
        return Band(raster)
    samples = raster.shape[2]
    if samples in (2, 4):
        colour = raster[..., 0] if samples == 2 else raster[..., :3]
        return Band(colour, raster[..., samples - 1])
    return Band(raster[..., 0] if samples == 1 else raster)


def to_full_range(samples: Codes, top: int) -> Codes:
    """Samples 0..`top` as codes of the least of 8 and 16 bits that holds them, rounded to nearest."""
    full = 255 if top <= 255 else 65535
    dtype = np.uint8 if top <= 255 else np.uint16
    if top == full:
        return samples.astype(dtype, copy=False)
    return ((samples.astype(np.uint32) * full + top // 2) // top).astype(dtype)


def rechunk_rows(bands: Iterable[Codes], rows: int) -> Iterator[Codes]:
    """The same rows in bands of exactly `rows`, the last one shorter."""
    buffered: list[Codes] = []
    count = 0
    for band in bands:
        buffered.append(band)
        count += len(band)
        if count < rows:
            continue
        joined = buffered[0] if len(buffered) == 1 else np.concatenate(buffered)
        full = count // rows * rows
        for top in range(0, full, rows):
            yield joined[top : top + rows]
        buffered, count = ([joined[full:]] if full < count else []), count - full
    if count:
        yield buffered[0] if len(buffered) == 1 else np.concatenate(buffered)
