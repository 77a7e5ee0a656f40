"""TIFF and BigTIFF: read and written strip by strip, all full-size pages, nothing else.

Reduced pages and pyramids show the old grey, so outputs leave them out and the record says so.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import photoshop
from archivecolor.photo.containers.base import DATA_BEHIND, Band, ImageReader, PagePlan, WritableFormat
from archivecolor.photo.containers.blocks import MetadataBlocks, MetadataUpdate
from archivecolor.photo.containers.photoshop import resources_in
from archivecolor.photo.containers.reading import SourceFile, decoder_call
from archivecolor.photo.containers.tiff import directory, extent, pages, write
from archivecolor.photo.containers.tiff.directory import TiffStructure
from archivecolor.photo.containers.tiff.integers import integer_range
from archivecolor.photo.containers.tiff.samples import SampleLayout, decode_samples, float_range
from archivecolor.photo.containers.tiff.strips import raw_bands
from archivecolor.photo.containers.tiff.uncarried import uncarried_of_pages

if TYPE_CHECKING:
    from tifffile import TiffFrame, TiffPage

# What Photoshop keeps beside the flat picture: its resources, and its layers.
_PHOTOSHOP, _PHOTOSHOP_LAYERS = 34377, 37724


class TiffReader(ImageReader):
    """An open TIFF.

    Attributes:
        structure: its directories, parsed once for facts and metadata.
    """

    def __init__(self, file: SourceFile) -> None:
        import tifffile

        self._file = file
        # tifffile leaves a cut chain where it breaks without a word.
        self.structure = TiffStructure.read(file)
        file.seek(0)
        with decoder_call():
            self._tiff = tifffile.TiffFile(file)
            chain = list(_each_once(self._tiff.pages))
            below = [list(_pages_below(page)) for page in chain]
            everything = [*chain, *itertools.chain(*below)]
            is_raw = any(pages.is_raw(page) for page in everything)
            taken = pages.choose(chain, below)
            starts = tuple(sorted(_starts(everything)))
        if is_raw:
            # Its other pages are previews that the camera made, of whatever size.
            raise ItemError(Reason.UNSUPPORTED, "a camera raw file is not read")
        if len(taken) < len(everything):
            self.dropped = ("reduced pages and masks",)
        if any(_PHOTOSHOP_LAYERS in page.tags for page in taken):
            self.dropped += ("layers of Photoshop",)
        self.dropped += _set_by_people(taken)
        self._stored = [pages.check_layout(pages.read_stored(page), file.nbytes, starts) for page in taken]
        pages.check_sharing(self._stored)
        if any(page.samples > page.colours + 1 for page in self._stored):
            self.dropped += ("samples besides colour and alpha",)
        places = (place for page in self._stored for place in page.places)
        if extent.has_data_behind(file, self.structure, places):
            self.dropped += (DATA_BEHIND,)
        self._samples = [pages.samples_of(page) for page in self._stored]
        self.pages = tuple(
            pages.page_facts(page, samples, self.structure)
            for page, samples in zip(self._stored, self._samples, strict=True)
        )
        noted = [note for page in self._stored for note in pages.notes_of(page)]
        self.notes = tuple(dict.fromkeys([*noted, *self.structure.notes]))

    def metadata(self) -> MetadataBlocks:
        """See `ImageReader.metadata`."""
        return self.structure.metadata()

    @property
    def uncarried(self) -> tuple[str, ...]:
        """See `ImageReader.uncarried`."""
        return uncarried_of_pages(self.structure, {page.offset for page in self._stored})

    def is_truncated(self) -> bool:
        """See `ImageReader.is_truncated`; pages and strips of which nothing is there are found on opening."""
        return any(page.is_cut for page in self._stored)

    def bands(self, page: int) -> Iterator[Band]:
        """See `ImageReader.bands`."""
        samples = self._with_value_range(page)
        warnings: list[str] = []
        for rows in raw_bands(self._file, self._stored[page], warnings):
            yield decode_samples(rows, samples)
        noted = (f"every block is there, though a decoder warns: {warning}" for warning in warnings)
        self.notes = tuple(dict.fromkeys((*self.notes, *noted)))

    def _with_value_range(self, page: int) -> SampleLayout:
        """How to read the samples; some need to be seen once for their range."""
        samples = self._samples[page]
        if samples.needs_range:
            choose = float_range if samples.floating else integer_range
            samples, note = choose(raw_bands(self._file, self._stored[page], []), samples)
            self._samples[page] = samples
            self.notes = (*self.notes, note)
        return samples

    def close(self) -> None:
        """See `ImageReader.close`."""
        self._tiff.close()


class TiffFormat(WritableFormat):
    """TIFF and BigTIFF of either byte order."""

    name = "tiff"
    title = "TIFF"
    multi_page = True
    supports_16_bit = True

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

    def open(self, file: SourceFile) -> TiffReader:
        """See `Format.open`."""
        return TiffReader(file)

    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """See `Format.write`."""
        write.write(part, pages)
        return "exact"

    def embed(self, part: Path, update: MetadataUpdate) -> tuple[str, ...]:
        """See `WritableFormat.embed`."""
        return directory.embed(part, update)


def _set_by_people(taken: list[TiffPage]) -> tuple[str, ...]:
    """What somebody set in Photoshop; its resources stand in a tag."""
    bodies = [page.tags[_PHOTOSHOP].value for page in taken if _PHOTOSHOP in page.tags]
    resources = (resources_in(body) for body in bodies if isinstance(body, bytes))
    return photoshop.set_by_people(itertools.chain(*resources))


def _each_once(pages: Iterable[TiffPage | TiffFrame]) -> Iterator[TiffPage]:
    """Pages one after the other; a list of them that goes round in circles ends where it comes round."""
    import tifffile

    seen: set[int] = set()
    for page in pages:
        if page.offset in seen:
            return
        seen.add(page.offset)
        if isinstance(page, tifffile.TiffPage):
            yield page


def _pages_below(page: TiffPage) -> Iterator[TiffPage]:
    """The pages of its SubIFDs, and of theirs."""
    waiting, seen = [page], {page.offset}
    while waiting:
        for below in _each_once(waiting.pop().pages or ()):
            if below.offset in seen or len(seen) > directory.MAX_DIRECTORIES:
                continue
            seen.add(below.offset)
            waiting.append(below)
            yield below


def _starts(found: list[TiffPage]) -> set[int]:
    """Places in the file at which a directory, a strip or a tile begins."""
    return {page.offset for page in found} | {offset for page in found for offset in page.dataoffsets}


FORMAT = TiffFormat()
