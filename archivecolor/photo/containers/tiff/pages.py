"""What the tags of a TIFF page say, and which layouts are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import exif
from archivecolor.photo.containers.base import PageFacts, TiffLayout
from archivecolor.photo.containers.colour_models import YcbcrModel
from archivecolor.photo.containers.reading import decoder_call
from archivecolor.photo.containers.tiff import byte_counts, contradictions, ycbcr
from archivecolor.photo.containers.tiff import samples as kinds
from archivecolor.photo.containers.tiff.directory import TiffStructure
from archivecolor.photo.containers.tiff.samples import SampleLayout
from archivecolor.photo.facts import Codes

if TYPE_CHECKING:
    from tifffile import TiffPage

_REDUCED, MASK = 1, 4
_OLD_SUBFILE_TYPE, _OLD_REDUCED = 255, 2
BITS_PER_SAMPLE = 258
# Of strips and of tiles.
_BYTE_COUNTS = (279, 325)
_UNSIGNED, _SIGNED, _FLOAT, UNDEFINED = 1, 2, 3, 4
_SEPARATE = 2
NONE, LZW, OLD_JPEG, JPEG, DEFLATE = 1, 5, 6, 7, 8
_OLD_DEFLATE, PACKBITS, LZMA, ZSTD = 32946, 32773, 34925, 50000
LOSSLESS = (NONE, LZW, DEFLATE, _OLD_DEFLATE, PACKBITS, LZMA, ZSTD)
# Decoders of these find out where their data end, and say so where they end too early.
_SELF_DELIMITED = (LZW, DEFLATE, _OLD_DEFLATE, PACKBITS, LZMA, ZSTD)
BITS = {_UNSIGNED: (*range(1, 17), 32, 64), _SIGNED: (8, 16, 32, 64), _FLOAT: (16, 32, 64)}
# Photometric interpretations in which samples may be signed, floats, or of more than 16 bits.
_PLAIN = (kinds.WHITE_IS_ZERO, kinds.BLACK_IS_ZERO, kinds.RGB)
_COLOURS = {
    kinds.WHITE_IS_ZERO: 1,
    kinds.BLACK_IS_ZERO: 1,
    kinds.PALETTE: 1,
    kinds.RGB: 3,
    kinds.YCBCR: 3,
    kinds.CIELAB: 3,
    kinds.ICCLAB: 3,
    kinds.SEPARATED: 4,
}
# The sensor's own samples: behind a mosaic of filters, and as they are.
_RAW = (32803, 34892)
_MAX_SHARING = 16
# Samples of a pixel besides its colours: the first is alpha. More are no photograph.
_MAX_EXTRA = 8
# ExtraSamples that there are; alpha that is multiplied into the colours is one. Some programs write others.
_PREMULTIPLIED = 1
_ALPHA_KINDS = ((0,), (_PREMULTIPLIED,), (2,))
# Pixels of a tile that may be larger than its picture.
_MAX_LOOSE_TILE = 1 << 24


@dataclass(frozen=True)
class StoredPage:
    """How a page is stored, as the decoder library reads its tags: whole numbers, whatever the tags held.

    Attributes:
        page: for the library.
        width: columns.
        height: rows.
        flat: it is one picture, not a volume.
        photometric: TIFF code.
        compression: TIFF code.
        bits: bits per sample.
        form: SampleFormat.
        samples: per pixel.
        extra: ExtraSamples.
        planes: planes that are stored one after the other.
        subsampling: columns and rows of pixels that share their chroma.
        ycbcr: what YCbCr codes mean, where no decoder makes RGB of them.
        dtype: of the decoded samples.
        tile: rows and columns of a tile, None for strips.
        strip_rows: rows of a strip, or of a tile.
        places: offset and byte count of each strip or tile.
        segments: strips or tiles that the picture has.
        plain: rows lie plainly in the file, so that a strip need not be read whole.
        palette: entries of a palette page's colour map, uint16 (3, entries).
        icc: the profile.
        offset: of its directory.
        bigtiff: the file is a BigTIFF.
        silent: what the page does not say, or says wrongly, and its other tags tell, for the record.
        silent_bits: it does not say its bits per sample; the library takes it for line art.
        is_cut: a strip or tile ends behind the end of the file, by its own byte count.
        is_measured: byte counts are up to what stands behind, so that there may be more than the data.
    """

    page: TiffPage
    width: int
    height: int
    flat: bool
    photometric: int
    compression: int
    bits: int
    form: int
    samples: int
    extra: tuple[int, ...]
    planes: int
    subsampling: tuple[int, int]
    ycbcr: YcbcrModel | None
    dtype: np.dtype[np.generic]
    tile: tuple[int, int] | None
    strip_rows: int
    places: tuple[tuple[int, int], ...]
    segments: int
    plain: bool
    palette: npt.NDArray[np.uint16] | None
    icc: bytes | None
    offset: int
    bigtiff: bool
    silent: tuple[str, ...]
    silent_bits: bool
    is_cut: bool = False
    is_measured: bool = False

    @property
    def is_strict_jpeg(self) -> bool:
        """Whether its strips are JPEGs that are decoded strictly before they are believed."""
        return self.compression in (OLD_JPEG, JPEG) and self.bits == 8

    @property
    def colours(self) -> int:
        """Samples of a pixel without alpha, 0 where the photometric interpretation is not read."""
        return _COLOURS.get(self.photometric, 0)


def read_stored(page: TiffPage) -> StoredPage:
    """Read what the library understood of a page.

    Raises:
        ItemError: UNSUPPORTED where a tag is missing that cannot be known by the others.
        DamagedError: the tags make no sense.
    """
    with decoder_call():
        notes = contradictions.settled(page)
        height, bits = int(page.imagelength), int(page.bitspersample)
        tile = (int(page.tilelength), int(page.tilewidth)) if page.is_tiled else None
        dtype, form = np.dtype(np.uint8 if page.dtype is None else page.dtype), _form(page)
        if form == _UNSIGNED and dtype.kind == "i":
            dtype = np.dtype(f"u{dtype.itemsize}")
        samples = int(page.samplesperpixel)
        is_ycbcr = page.photometric == kinds.YCBCR and page.compression in LOSSLESS
        subsampling = ycbcr.subsampling_of(page) if is_ycbcr else (1, 1)
        uncompressed = page.compression == NONE and tile is None and bits == dtype.itemsize * 8
        return StoredPage(
            page=page,
            width=int(page.imagewidth),
            height=height,
            flat=page.imagedepth == 1,
            photometric=int(page.photometric),
            compression=int(page.compression),
            bits=bits,
            form=form,
            samples=samples,
            extra=tuple(map(int, page.extrasamples)),
            planes=samples if page.planarconfig == _SEPARATE else 1,
            subsampling=subsampling,
            ycbcr=ycbcr.model_of(page) if is_ycbcr else None,
            dtype=dtype,
            tile=tile,
            strip_rows=tile[0] if tile else min(int(page.rowsperstrip), height),
            places=_places(page),
            segments=int(np.prod(page.chunked, dtype=int)),
            plain=uncompressed and page.predictor == 1 and page.fillorder == 1 and subsampling == (1, 1),
            palette=_colormap(page),
            icc=page.iccprofile,
            offset=int(page.offset),
            bigtiff=page.parent.is_bigtiff,
            silent=notes,
            silent_bits=BITS_PER_SAMPLE not in page.tags and _encoded_bits(page) != 1,
        )


def _form(page: TiffPage) -> int:
    """The sample format; whole numbers that are no plain grey or RGB are unsigned, whatever the file says."""
    is_unsigned = page.sampleformat == UNDEFINED or (
        page.sampleformat == _SIGNED and page.photometric not in _PLAIN
    )
    return _UNSIGNED if is_unsigned else int(page.sampleformat)


def _encoded_bits(page: TiffPage) -> float:
    """Bits that an uncompressed page has for a sample; 1, what no word means, where that cannot be known."""
    samples = page.imagewidth * page.imagelength * page.samplesperpixel
    if page.compression != NONE or not samples:
        return 1
    # Rows are filled up to whole bytes.
    return max(1, sum(page.databytecounts) * 8 // (samples + 7 * page.imagelength))


def _places(page: TiffPage) -> tuple[tuple[int, int], ...]:
    """Offset and byte count of each strip or tile, 0 where the count is missing."""
    offsets, counts = (tuple(map(int, values)) for values in (page.dataoffsets, page.databytecounts))
    if not any(code in page.tags for code in _BYTE_COUNTS):
        # The library has a guess.
        counts = ()
    return tuple(zip(offsets, counts + (0,) * (len(offsets) - len(counts)), strict=False))


def _colormap(page: TiffPage) -> npt.NDArray[np.uint16] | None:
    if page.photometric != kinds.PALETTE or page.colormap is None:
        return None
    return np.asarray(page.colormap, np.uint16).reshape(3, -1)


def choose(chain: list[TiffPage], below: list[list[TiffPage]]) -> list[TiffPage]:
    """The pages that are the pictures at full size; nothing larger than these is left out.

    A flag that calls a page reduced is believed only where a larger page is there to take.

    Args:
        chain: pages one after the other.
        below: for each of them those of its SubIFDs.
    """
    best = [
        max((page for page in (first, *subs) if not _is_mask(page)), key=_area, default=first)
        for first, subs in zip(chain, below, strict=True)
    ]
    full = [page for page in best if not _is_reduced(page) and not _is_mask(page)]
    if not full:
        return [max(best, key=_area)]
    over = max(map(_area, full))
    return [page for page in best if page in full or (_area(page) > over and not _is_mask(page))]


def _area(page: TiffPage) -> int:
    # A damaged tag may hold a text, and a text times a number is a longer text.
    return int(page.imagelength) * int(page.imagewidth)


def is_raw(page: TiffPage) -> bool:
    """Whether a page holds a sensor's own samples."""
    return page.photometric in _RAW


def _is_mask(page: TiffPage) -> bool:
    return bool(page.subfiletype & MASK)


def _is_reduced(page: TiffPage) -> bool:
    """Whether a page calls itself a thumbnail, by the tags that say so, new and old."""
    old = page.tags.get(_OLD_SUBFILE_TYPE)
    return bool(page.subfiletype & _REDUCED) or (old is not None and old.value == _OLD_REDUCED)


def check_layout(stored: StoredPage, nbytes: int, taken: tuple[int, ...]) -> StoredPage:
    """Refuse what is not read, and strips that lie beyond the end of the file.

    Args:
        stored: the page.
        nbytes: of the file.
        taken: places in the file at which something else begins, in order.

    Returns:
        The page, with the byte counts that follow from its size where those it has cannot be.

    Raises:
        ItemError: UNSUPPORTED, TRUNCATED or UNREADABLE.
    """
    problem = _unsupported(stored)
    if problem:
        raise ItemError(Reason.UNSUPPORTED, f"a tiff with {problem}")
    if stored.compression in _SELF_DELIMITED or stored.is_strict_jpeg:
        stored = byte_counts.with_counts_to_the_next(stored, nbytes, taken)
    elif stored.compression == NONE:
        stored = byte_counts.with_own_counts(stored, nbytes, taken)
    if not stored.places or any(count == 0 or offset == 0 for offset, count in stored.places):
        raise ItemError(Reason.UNREADABLE, "strips or tiles of the tiff are missing")
    if any(offset + count > nbytes for offset, count in stored.places):
        raise ItemError(Reason.TRUNCATED, "the tiff ends before its picture does")
    loose = max(_MAX_LOOSE_TILE, 4 * stored.width * stored.height)
    if stored.tile and stored.tile[0] * stored.tile[1] > loose:
        raise ItemError(Reason.UNREADABLE, "the tiles of the tiff are many times larger than its picture")
    if len(stored.places) < stored.segments:
        raise ItemError(Reason.UNREADABLE, "the tiff lists fewer strips or tiles than its picture has")
    if stored.palette is not None and stored.palette.shape[-1] < 1 << stored.bits:
        raise ItemError(Reason.UNREADABLE, "the colour map of the tiff is too short")
    return stored


def check_sharing(stored: Sequence[StoredPage]) -> None:
    """Refuse pages that are one picture over and over: a few bytes that ask for hours of decoding.

    Raises:
        ItemError: UNSUPPORTED.
    """
    starts = Counter(page.places[0][0] for page in stored)
    if starts and starts.most_common(1)[0][1] > _MAX_SHARING:
        raise ItemError(
            Reason.UNSUPPORTED, f"a tiff of more than {_MAX_SHARING} pages that are one and the same picture"
        )


def _unsupported(stored: StoredPage) -> str:
    """The first thing about the page that is not read, "" where all is."""
    photometric, bits = stored.photometric, stored.bits
    is_subsampled = stored.subsampling != (1, 1)
    problems = {
        f"photometric interpretation {photometric}": not stored.colours,
        f"YCbCr samples in compression {stored.compression}": photometric == kinds.YCBCR
        and stored.compression not in (OLD_JPEG, JPEG, *LOSSLESS),
        f"{bits}-bit YCbCr samples": stored.ycbcr is not None and bits != 8,
        "subsampled YCbCr samples in planes or with a predictor": is_subsampled
        and (stored.planes > 1 or stored.page.predictor != 1 or stored.samples != stored.colours),
        f"samples of {bits} bits in format {stored.form}": bits not in BITS.get(stored.form, ()),
        f"{bits}-bit samples of photometric interpretation {photometric}": photometric not in _PLAIN
        and bits > 16,
        f"{stored.samples} samples per pixel": not 0 <= stored.samples - stored.colours <= _MAX_EXTRA,
        "no flat picture": not stored.flat or not stored.width or not stored.height,
        "no word on its bits per sample": stored.silent_bits,
        "no colour map": photometric == kinds.PALETTE and stored.palette is None,
    }
    return next((problem for problem, found in problems.items() if found), "")


def samples_of(stored: StoredPage) -> SampleLayout:
    """How the page's samples are meant."""
    return SampleLayout(
        photometric=stored.photometric,
        bits=stored.bits,
        floating=stored.form == _FLOAT,
        colours=stored.colours,
        alpha=stored.samples > stored.colours,
        palette=None if stored.palette is None else _palette_codes(stored.palette),
        signed=stored.form == _SIGNED,
        ycbcr=stored.ycbcr,
    )


def _palette_codes(colormap: npt.NDArray[np.uint16]) -> Codes:
    """RGB codes (entries, 3); at 8 bits where the 16-bit entries are 8-bit ones widened, either way."""
    entries = np.ascontiguousarray(colormap.T)
    high, low = entries >> 8, entries & 255
    if not high.any():
        return low.astype(np.uint8)
    if not low.any() or (low == high).all():
        return high.astype(np.uint8)
    return entries


def page_facts(stored: StoredPage, samples: SampleLayout, structure: TiffStructure) -> PageFacts:
    """The page's facts."""
    tags = structure.tags(stored.offset)
    return PageFacts(
        width=stored.width,
        height=stored.height,
        depth=stored.bits,
        channels=stored.samples,
        code_depth=samples.code_depth,
        alpha=samples.alpha,
        premultiplied=samples.alpha and stored.extra[:1] == (_PREMULTIPLIED,),
        orientation=exif.orientation_in(tags),
        bilevel=stored.bits == 1 and samples.colours == 1 and samples.palette is None,
        density=exif.density_in(tags),
        icc=stored.icc,
        tiff=_layout(stored),
    )


def _layout(stored: StoredPage) -> TiffLayout:
    compression = stored.compression if stored.compression in LOSSLESS else DEFLATE
    return TiffLayout(
        compression=DEFLATE if compression == _OLD_DEFLATE else compression,
        tile=stored.tile,
        bigtiff=stored.bigtiff,
        alpha_kind=stored.extra[0] if stored.extra[:1] in _ALPHA_KINDS else 0,
    )


def notes_of(stored: StoredPage) -> tuple[str, ...]:
    """What of this page is not written as it was."""
    notes = list(stored.silent)
    if stored.compression not in LOSSLESS:
        notes.append(f"compression {stored.compression} does not keep codes, written with deflate")
    if stored.bits not in (1, 8, 16):
        notes.append(f"{stored.bits}-bit samples written at {8 if stored.bits < 8 else 16} bits")
    return tuple(notes)
