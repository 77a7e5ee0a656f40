"""TIFF and BigTIFF: read and written strip by strip, all full-size pages, nothing else.

Reduced pages and pyramids show the old grey, so outputs leave them out and the record says so.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import tiff_pages, tiff_write
from archivecolor.photo.containers.base import Band, ImageReader, PagePlan, WritableFormat
from archivecolor.photo.containers.tiff_samples import SampleLayout, decode_samples, float_range
from archivecolor.photo.containers.tiff_segments import raw_bands

REDUCED, MASK = 1, 4
OLD_REDUCED = 2


class TiffReader(ImageReader):
    """An open TIFF."""

    def __init__(self, path: Path) -> None:
        import tifffile

        self._file = path.open("rb")
        try:
            _check_chain(self._file)
            self._file.seek(0)
            self._tiff = tifffile.TiffFile(self._file)
            self._read_pages(path.stat().st_size)
        except BaseException:
            self._file.close()
            raise

    def _read_pages(self, nbytes: int) -> None:
        chain = list(self._tiff.pages)
        below = [sub for page in chain if page.subifds for sub in page.pages]
        self._pages = [page for page in chain if _is_full_size(page)]
        # Some cameras keep the whole picture below a thumbnail, some programs call everything reduced.
        self._pages = self._pages or [page for page in below if _is_full_size(page)]
        self._pages = self._pages or [max(chain, key=lambda page: page.imagelength * page.imagewidth)]
        if len(self._pages) < len(chain) + len(below):
            self.dropped = ("reduced pages and masks",)
        for page in self._pages:
            tiff_pages.check_layout(page, nbytes)
        self._samples = [tiff_pages.samples_of(page) for page in self._pages]
        self.pages = tuple(map(tiff_pages.page_facts, self._pages, self._samples))
        self.notes = tuple(note for page in self._pages for note in tiff_pages.notes_of(page))

    def bands(self, page: int) -> Iterator[Band]:
        """See `ImageReader.bands`."""
        samples = self._with_value_range(page)
        for rows in raw_bands(self._pages[page]):
            yield decode_samples(rows, samples)

    def _with_value_range(self, page: int) -> SampleLayout:
        """How to read the samples; float ones need to be seen once for their range."""
        samples = self._samples[page]
        if samples.floating and samples.value_range is None:
            samples, note = float_range(raw_bands(self._pages[page]), samples)
            self._samples[page] = samples
            self.notes = (*self.notes, note)
        return samples

    def close(self) -> None:
        """See `ImageReader.close`."""
        self._tiff.close()
        self._file.close()


class TiffFormat(WritableFormat):
    """TIFF and BigTIFF of either byte order."""

    name = "tiff"
    multi_page = True
    supports_16_bit = True

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

    def open(self, path: Path) -> ImageReader:
        """See `Format.open`."""
        return TiffReader(path)

    def is_truncated(self, path: Path) -> bool:
        """See `Format.is_truncated`; cut pages and strips are found on opening."""
        with path.open("rb") as file:
            try:
                _check_chain(file)
            except ItemError as error:
                return error.reason is Reason.TRUNCATED
        return False

    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """See `Format.write`."""
        tiff_write.write(part, pages)
        return "exact"


def _is_full_size(page: Any) -> bool:
    """Whether a page is a picture at full size, by the tags that say so, new and old."""
    old = page.tags.get(255)
    return not page.subfiletype & (REDUCED | MASK) and (old is None or old.value != OLD_REDUCED)


def _check_chain(file: BinaryIO) -> None:
    """Walk the page chain, because tifffile leaves a cut chain where it breaks without a word.

    Raises:
        ItemError: TRUNCATED where a page lies beyond the end of the file, UNREADABLE where the chain is
            a circle.
    """
    nbytes = file.seek(0, 2)
    file.seek(0)
    head = file.read(16).ljust(16, b"\0")
    order = "<" if head[:2] == b"II" else ">"
    big = struct.unpack(order + "H", head[2:4])[0] == 43
    count_form, offset_form, entry = ("Q", "Q", 20) if big else ("H", "I", 12)
    (at,) = struct.unpack_from(order + offset_form, head, 8 if big else 4)
    seen: set[int] = set()
    while at:
        if at in seen:
            raise ItemError(Reason.UNREADABLE, "the tiff's pages go round in circles")
        seen.add(at)
        entries = _number(file, at, order + count_form, nbytes)
        at = _number(file, at + struct.calcsize(count_form) + entries * entry, order + offset_form, nbytes)
    if not seen:
        raise ItemError(Reason.UNREADABLE, "the tiff has no pages")


def _number(file: BinaryIO, at: int, form: str, nbytes: int) -> int:
    size = struct.calcsize(form)
    if at + size > nbytes:
        raise ItemError(Reason.TRUNCATED, "the tiff ends before its pages do")
    file.seek(at)
    value: int = struct.unpack(form, file.read(size))[0]
    return value


FORMAT = TiffFormat()
