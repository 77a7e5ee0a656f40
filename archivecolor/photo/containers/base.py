"""What every container gives and takes: pages, bands of codes, plans for writing.

Codes are full-range uint8 or uint16: 0 is black and the largest value of the dtype is white,
whatever the file's own depth or polarity. Rasters are as stored; nothing here turns a picture.
"""

from __future__ import annotations

import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from archivecolor.errors import DEVICE_ERRNOS, ItemError, Reason
from archivecolor.photo.facts import Density, FileState
from archivecolor.photo.shrink import shrink_bands

Codes = npt.NDArray[Any]

# Bytes of codes that a band holds, about: large enough for speed, small enough to forget.
BAND_BYTES = 1 << 24

# What the decoders in use raise on bytes they cannot read. imagecodecs' errors are RuntimeErrors.
DECODER_ERRORS = (
    ValueError,
    RuntimeError,
    OSError,
    EOFError,
    SyntaxError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    struct.error,
    zlib.error,
)


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
    orientation: int = 1
    bilevel: bool = False
    density: Density | None = None
    icc: bytes | None = None
    tiff: TiffLayout | None = None

    @property
    def dtype(self) -> npt.DTypeLike:
        """Dtype of the codes."""
        return np.uint8 if self.code_depth == 8 else np.uint16


@dataclass(frozen=True)
class Band:
    """Some whole rows of a page.

    Attributes:
        codes: uint8 or uint16, (rows, width) grey or (rows, width, 3) RGB.
        alpha: the same dtype (rows, width), or None.
    """

    codes: Codes
    alpha: Codes | None = None


@dataclass(frozen=True)
class PagePlan:
    """One page to write.

    Attributes:
        facts: the source page it stands for: size, orientation, density, storage.
        depth: 8 or 16, of the codes.
        samples: 1 grey, 2 grey with alpha, 3 RGB, 4 RGB with alpha.
        icc: the profile to embed, None for none.
        bands: codes (rows, width) or (rows, width, samples) from the top, once.
        source: the file the page comes from, for what a container carries over itself.
        chroma: uint8 Cb and Cr (2, rows, width) from the top, 128 neutral, once, for a container that takes
            them in place of `bands`; nothing for grey.
        sampling: chroma sampling of JPEG outputs, "444" or "420".
    """

    facts: PageFacts
    depth: int
    samples: int
    icc: bytes | None
    bands: Iterable[Codes]
    source: Path
    chroma: Iterable[npt.NDArray[np.uint8]] = ()
    sampling: str = "444"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole page."""
        plane = (self.facts.height, self.facts.width)
        return plane if self.samples == 1 else (*plane, self.samples)

    @property
    def dtype(self) -> np.dtype[Any]:
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


class ImageReader(ABC):
    """An open picture; closes with its `with` block.

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
        """The page's codes from the top, in bands of whole rows."""

    def downscaled(self, page: int, short_side: int) -> npt.NDArray[np.float32]:
        """The page shrunk by area, (h, w) or (h, w, 3) float32 0..1, as stored; see `working_shape`."""
        facts = self.pages[page]
        codes = (band.codes for band in self.bands(page))
        return shrink_bands(codes, (facts.height, facts.width), short_side)

    def close(self) -> None:  # noqa: B027 - most scans hold nothing open
        """Let go of the file."""

    def __enter__(self) -> ImageReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Format(ABC):
    """A container: how it is known and read.

    Attributes:
        name: its word in facts and options.
    """

    name: str

    @abstractmethod
    def sniff(self, head: bytes) -> bool:
        """Whether a file that begins with `head` (up to 64 bytes) is of this container."""

    @abstractmethod
    def open(self, path: Path) -> ImageReader:
        """Read the headers, no pixels.

        Raises:
            ItemError: UNSUPPORTED for a layout that is not read; decoder errors are the caller's to name.
        """

    @abstractmethod
    def is_truncated(self, path: Path) -> bool:
        """Whether a file that could not be read ends before its own structure says."""


class WritableFormat(Format):
    """A container that outputs can have.

    Attributes:
        multi_page: holds more than one page.
        supports_16_bit: holds 16 bits per sample.
        supports_alpha: holds alpha.
    """

    multi_page: bool = False
    supports_16_bit: bool = False
    supports_alpha: bool = True

    @abstractmethod
    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """Write the pages to `part`.

        Returns:
            What became of the codes: "exact", "coefficients" or "re-encoded".
        """


class WholeImageReader(ImageReader):
    """A one-page picture whose decoder only works on the whole."""

    def __init__(self, facts: PageFacts, decode: Callable[[], Band], notes: tuple[str, ...] = ()) -> None:
        self.pages = (facts,)
        self.notes = notes
        self._decode = decode

    def bands(self, page: int) -> Iterator[Band]:
        """See `ImageReader.bands`; the picture is decoded when the first band is asked for."""
        whole = self._decode()
        facts = self.pages[page]
        if whole.codes.shape[:2] != (facts.height, facts.width):
            raise ItemError(Reason.UNREADABLE, "the decoded size is not the size in the header")
        yield from split_bands(whole)


def rows_per_band(width: int, bytes_per_pixel: int) -> int:
    """How many rows make a band of about `BAND_BYTES`."""
    return max(1, BAND_BYTES // max(1, width * bytes_per_pixel))


def split_bands(whole: Band) -> Iterator[Band]:
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


@contextmanager
def naming_read_errors(path: Path, image_format: Format | None = None) -> Iterator[None]:
    """Name every trouble of reading `path` with a reason.

    Raises:
        ItemError: VANISHED, PERMISSION, READ_ERROR, OUT_OF_MEMORY, TRUNCATED (where `image_format` finds the
            file cut) or UNREADABLE in place of what the decoder raised.
    """
    try:
        yield
    except ItemError:
        raise
    except FileNotFoundError as error:
        raise ItemError(Reason.VANISHED, "the file is gone") from error
    except PermissionError as error:
        raise ItemError(Reason.PERMISSION, "the file may not be read by this user") from error
    except MemoryError as error:
        raise ItemError(Reason.OUT_OF_MEMORY, "there is no memory to hold the picture") from error
    except DECODER_ERRORS as error:
        if isinstance(error, OSError) and error.errno in DEVICE_ERRNOS:
            raise ItemError(
                Reason.READ_ERROR, f"the disk does not give the file ({error.strerror})"
            ) from error
        raise _read_error(path, image_format, error) from error


@contextmanager
def unchanged_during(path: Path, file_state: FileState | None = None) -> Iterator[FileState]:
    """Hold the file to one state, `file_state` where it is given, while the body reads it.

    Raises:
        ItemError: VANISHED, PERMISSION, or CHANGED where the file was another before or after: then
            neither what the body read counts, nor what it found wrong.
    """
    seen = _state_of(path)
    if file_state not in (None, seen):
        raise ItemError(Reason.CHANGED, "the file is not as it was when it was looked at")
    try:
        yield seen
    except ItemError as error:
        if _state_of(path) == seen:
            raise
        raise _changed() from error
    if _state_of(path) != seen:
        raise _changed()


def _state_of(path: Path) -> FileState:
    with naming_read_errors(path):
        return FileState.of(path)


def _changed() -> ItemError:
    return ItemError(Reason.CHANGED, "the file changed while it was read")


def with_read_errors(path: Path, image_format: Format, bands: Iterator[Codes]) -> Iterator[Codes]:
    """The same bands, with read errors, and no others, named as by `naming_read_errors`."""
    while True:
        with naming_read_errors(path, image_format):
            band = next(bands, None)
        if band is None:
            return
        yield band


def _read_error(path: Path, image_format: Format | None, error: Exception) -> ItemError:
    what = image_format.name if image_format else "file"
    try:
        cut = image_format is not None and image_format.is_truncated(path)
    except DECODER_ERRORS:
        cut = False
    if cut:
        return ItemError(Reason.TRUNCATED, f"the {what} ends before its picture does ({error})")
    return ItemError(Reason.UNREADABLE, f"the {what} is damaged ({error})")
