"""What every container gives and takes: pages, bands of codes, metadata blocks, plans for writing.

Codes are full-range uint8 or uint16: 0 is black and the largest value of the dtype is white,
whatever the file's own depth or polarity. Rasters are as stored; nothing here turns a picture.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import numpy as np

from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.blocks import MetadataBlocks, MetadataUpdate
from archivecolor.photo.containers.placement import Placement
from archivecolor.photo.containers.reading import SourceFile
from archivecolor.photo.containers.tiff.uncarried import uncarried_tags
from archivecolor.photo.facts import Codes, Density
from archivecolor.photo.shrink import shrink_bands

# What a reader says it drops where a file goes on behind its picture.
DATA_BEHIND = "data after the picture"


@dataclass(frozen=True)
class TiffLayout:
    """How a TIFF page is stored, for an output that is stored alike.

    Attributes:
        compression: the TIFF code of a lossless scheme.
        tile: rows and columns of a tile, None for strips.
        bigtiff: the source is a BigTIFF.
        alpha_kind: ExtraSamples code of the alpha channel: 0 unsaid, 1 premultiplied, 2 independent.
    """

    compression: int
    tile: tuple[int, int] | None
    bigtiff: bool
    alpha_kind: int = 2


@dataclass(frozen=True)
class PageFacts:
    """One full-size page.

    Attributes:
        width: columns as stored.
        height: rows as stored.
        depth: bits per sample in the file.
        channels: samples per pixel in the file, alpha among them.
        code_depth: 8 or 16, the depth of the codes that `ImageReader.bands` gives.
        alpha: bands carry alpha.
        premultiplied: alpha is multiplied into the codes, none of which should then go beyond it.
        orientation: 1..8.
        bilevel: 1-bit line art.
        density: resolution, None where the file says nothing.
        icc: the embedded profile, verbatim.
        tiff: storage of a TIFF page.
    """

    width: int
    height: int
    depth: int
    channels: int
    code_depth: int
    alpha: bool = False
    premultiplied: bool = False
    orientation: int = 1
    bilevel: bool = False
    density: Density | None = None
    icc: bytes | None = None
    tiff: TiffLayout | None = None


@dataclass(frozen=True)
class Band:
    """Some whole rows of a page.

    Attributes:
        codes: uint8 or uint16, (rows, width) grey or (rows, width, 3) RGB.
        alpha: the same dtype (rows, width), or None.
    """

    codes: Codes
    alpha: Codes | None = None


class ImageReader(ABC):
    """An open picture, parsed once: pixels, facts and metadata come from the same parse.

    Attributes:
        pages: the full-size pages, in file order.
        notes: readings that were not plain.
        dropped: what an output cannot carry over, such as reduced pages.
    """

    pages: tuple[PageFacts, ...]
    notes: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @abstractmethod
    def bands(self, page: int) -> Iterator[Band]:
        """The page's codes from the top, in bands of whole rows.

        Raises:
            DamagedError: the pixels cannot be decoded.
        """

    def coloured_bands(self, page: int) -> Iterator[Band]:
        """The page's codes with what colour it has, where `bands` gives its luma alone; raises as that."""
        return self.bands(page)

    @abstractmethod
    def is_truncated(self) -> bool:
        """Whether the file ends before its own structure says; asked where it could not be read."""

    def settle(self) -> None:  # noqa: B027 - most decoders say everything when they decode
        """Decode once, so that what a decoder warns of is known before the stored bytes are used."""

    def metadata(self) -> MetadataBlocks:
        """What the file says of its picture, as blocks."""
        return MetadataBlocks()

    @property
    def texts(self) -> tuple[str, ...]:
        """Names of what the file says besides its blocks and a general tool understands, such as comments."""
        return ()

    @property
    def foreign(self) -> tuple[str, ...]:
        """Names of what the file holds besides that no general tool understands, as makers' segments."""
        return ()

    @property
    def uncarried(self) -> tuple[str, ...]:
        """Names of what the file says beyond its blocks, or in tags that only a general tool carries."""
        return uncarried_tags(self.metadata().exif)

    @property
    def is_silent(self) -> bool:
        """Whether the file holds nothing that would have to be carried; False where that is not known."""
        return False

    def downscaled(self, page: int, short_side: int) -> Float32:
        """The page shrunk by area, (h, w) or (h, w, 3) float32 0..1, as stored; see `working_shape`."""
        facts = self.pages[page]
        codes = (band.codes for band in self.bands(page))
        return shrink_bands(codes, (facts.height, facts.width), short_side)

    def close(self) -> None:  # noqa: B027 - most readers hold nothing open
        """Let go of what a decoder holds."""

    def __enter__(self) -> ImageReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class PagePlan:
    """One page to write.

    Attributes:
        facts: the source page it stands for: size, orientation, density, storage.
        depth: 8 or 16, of the codes.
        samples: 1 grey, 2 grey with alpha, 3 RGB, 4 RGB with alpha.
        icc: the profile to embed, None for none.
        bands: codes (rows, width) or (rows, width, samples) from the top, once.
        source: the picture the page comes from, for what a container carries over itself.
        chroma: uint8 Cb and Cr (2, rows, width) from the top, 128 neutral, once, for a container that takes
            them in place of `bands`; nothing for grey.
        sampling: chroma sampling of JPEG outputs, "444" or "420".
        placement: where the source's page lies in the output, where that has another size; `facts`, `bands`
            and `chroma` are the output's.
    """

    facts: PageFacts
    depth: int
    samples: int
    icc: bytes | None
    bands: Iterable[Codes]
    source: ImageReader
    chroma: Iterable[UInt8] = ()
    sampling: str = "444"
    placement: Placement | None = None

    def placed(self, placement: Placement) -> PagePlan:
        """The plan of an output in which the page lies so."""
        height, width = placement.whole
        return replace(
            self,
            facts=replace(self.facts, width=width, height=height),
            bands=placement.codes(self.bands),
            chroma=placement.chroma(self.chroma),
            placement=placement,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole page."""
        plane = (self.facts.height, self.facts.width)
        return plane if self.samples == 1 else (*plane, self.samples)

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """Dtype of the codes."""
        return np.dtype(np.uint8 if self.depth == 8 else np.uint16)

    def assemble(self) -> Codes:
        """All bands in one array."""
        raster = np.empty(self.shape, self.dtype)
        top = 0
        for band in self.bands:
            raster[top : top + len(band)] = band
            top += len(band)
        if top != self.facts.height:
            raise ItemError(Reason.TRUNCATED, f"{top} of {self.facts.height} rows could be read")
        return raster


class Format(ABC):
    """A container: how it is known and read.

    Attributes:
        name: its word in facts and options.
        title: as people write it.
    """

    name: str
    title: str

    @abstractmethod
    def sniff(self, head: bytes) -> bool:
        """Whether a file that begins with `head` (up to 64 bytes) is of this container."""

    @abstractmethod
    def open(self, file: SourceFile) -> ImageReader:
        """Parse the structure, no pixels; `file` stays open for the reader's life.

        Raises:
            ItemError: UNSUPPORTED for a layout that is not read, TRUNCATED or UNREADABLE.
            DamagedError: the structure makes no sense.
        """


class WritableFormat(Format):
    """A container that outputs can have.

    Attributes:
        multi_page: holds more than one page.
        supports_16_bit: holds 16 bits per sample.
        supports_alpha: holds alpha.
        supports_metadata: has a place for metadata blocks.
    """

    multi_page: bool = False
    supports_16_bit: bool = False
    supports_alpha: bool = True
    supports_metadata: bool = True

    @abstractmethod
    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """Write the pages to `part`.

        Returns:
            What became of the codes: "exact", "coefficients" or "re-encoded".
        """

    def embed(self, part: Path, update: MetadataUpdate) -> tuple[str, ...]:
        """Lay metadata blocks into a written part, the picture untouched.

        Returns:
            The names of those that do not fit.
        """
        raise NotImplementedError(f"{self.name} holds no metadata")
