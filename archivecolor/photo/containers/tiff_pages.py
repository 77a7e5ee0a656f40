"""What the tags of a TIFF page say, and which layouts are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import tiff_samples as kinds
from archivecolor.photo.containers.base import PageFacts, TiffLayout
from archivecolor.photo.containers.tiff_samples import SampleLayout
from archivecolor.photo.facts import Density

UNSIGNED, FLOAT = 1, 3
NONE, LZW, JPEG, DEFLATE, OLD_DEFLATE, PACKBITS, LZMA, ZSTD = 1, 5, 7, 8, 32946, 32773, 34925, 50000
LOSSLESS = (NONE, LZW, DEFLATE, OLD_DEFLATE, PACKBITS, LZMA, ZSTD)
BITS = {UNSIGNED: (*range(1, 17), 32), FLOAT: (16, 32, 64)}
COLOURS = {
    kinds.WHITE_IS_ZERO: 1,
    kinds.BLACK_IS_ZERO: 1,
    kinds.PALETTE: 1,
    kinds.RGB: 3,
    kinds.YCBCR: 3,
    kinds.CIELAB: 3,
    kinds.ICCLAB: 3,
    kinds.SEPARATED: 4,
}
UNITS = {1: "none", 2: "inch", 3: "cm"}


# Pixels of a tile that may be larger than its picture.
MAX_LOOSE_TILE = 1 << 24


def check_layout(page: Any, nbytes: int) -> None:
    """Refuse what is not read, and strips that lie beyond the end of the file.

    Raises:
        ItemError: UNSUPPORTED, TRUNCATED or UNREADABLE.
    """
    problem = _unsupported(page)
    if problem:
        raise ItemError(Reason.UNSUPPORTED, f"a tiff with {problem}")
    places = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    if not places or any(count == 0 or offset == 0 for offset, count in places):
        raise ItemError(Reason.UNREADABLE, "strips or tiles of the tiff are missing")
    if any(offset + count > nbytes for offset, count in places):
        raise ItemError(Reason.TRUNCATED, "the tiff ends before its picture does")
    if page.is_tiled and page.tilewidth * page.tilelength > max(
        MAX_LOOSE_TILE, 4 * page.imagewidth * page.imagelength
    ):
        raise ItemError(Reason.UNREADABLE, "the tiles of the tiff are many times larger than its picture")
    if len(places) < np.prod(page.chunked, dtype=int):
        raise ItemError(Reason.UNREADABLE, "the tiff lists fewer strips or tiles than its picture has")


def _unsupported(page: Any) -> str:
    """The first thing about the page that is not read, "" where all is."""
    photometric, bits, form = int(page.photometric), page.bitspersample, page.sampleformat
    colours = COLOURS.get(photometric, 0)
    extra = page.samplesperpixel - colours
    plain = photometric in (kinds.WHITE_IS_ZERO, kinds.BLACK_IS_ZERO, kinds.RGB)
    problems = {
        f"photometric interpretation {photometric}": not colours,
        "YCbCr samples that are not JPEG-compressed": photometric == kinds.YCBCR and page.compression != JPEG,
        f"samples of {bits} bits in format {int(form)}": bits not in BITS.get(form, ()),
        f"{bits}-bit samples of photometric interpretation {photometric}": not plain and bits > 16,
        f"{page.samplesperpixel} samples per pixel": not 0 <= extra <= 1,
        "no flat picture": page.imagedepth != 1 or not page.imagewidth or not page.imagelength,
    }
    return next((problem for problem, found in problems.items() if found), "")


def samples_of(page: Any) -> SampleLayout:
    """How the page's samples are meant."""
    photometric = int(page.photometric)
    colours = COLOURS[photometric]
    return SampleLayout(
        photometric=photometric,
        bits=page.bitspersample,
        floating=page.sampleformat == FLOAT,
        colours=colours,
        alpha=page.samplesperpixel > colours,
        palette=_palette(page.colormap) if photometric == kinds.PALETTE else None,
    )


def _palette(colormap: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """RGB codes (entries, 3); at 8 bits where the 16-bit entries are 8-bit ones widened, either way."""
    entries = np.ascontiguousarray(np.asarray(colormap, np.uint16).T)
    high, low = entries >> 8, entries & 255
    if not high.any():
        return low.astype(np.uint8)
    if not low.any() or (low == high).all():
        return high.astype(np.uint8)
    return entries


def page_facts(page: Any, samples: SampleLayout) -> PageFacts:
    """The page's facts."""
    return PageFacts(
        width=page.imagewidth,
        height=page.imagelength,
        depth=page.bitspersample,
        channels=page.samplesperpixel,
        code_depth=samples.code_depth,
        alpha=samples.alpha,
        orientation=_orientation(page),
        bilevel=page.bitspersample == 1 and samples.colours == 1 and samples.palette is None,
        density=_density(page),
        icc=page.iccprofile,
        tiff=_layout(page),
    )


def _layout(page: Any) -> TiffLayout:
    compression = int(page.compression) if page.compression in LOSSLESS else DEFLATE
    extra = page.extrasamples
    return TiffLayout(
        compression=DEFLATE if compression == OLD_DEFLATE else compression,
        tile=(page.tilelength, page.tilewidth) if page.is_tiled else None,
        bigtiff=page.parent.is_bigtiff,
        alpha_kind=int(extra[0]) if extra else 0,
    )


def notes_of(page: Any) -> tuple[str, ...]:
    """What of this page is not written as it was."""
    notes = []
    if page.compression not in LOSSLESS:
        notes.append(f"compression {int(page.compression)} does not keep codes, written with deflate")
    if page.bitspersample not in (1, 8, 16):
        notes.append(
            f"{page.bitspersample}-bit samples written at {8 if page.bitspersample < 8 else 16} bits"
        )
    return tuple(notes)


def _value(page: Any, code: int) -> Any:
    tag = page.tags.get(code)
    return None if tag is None else tag.value


def _orientation(page: Any) -> int:
    value = _value(page, 274)
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def _density(page: Any) -> Density | None:
    """Value and unit of the resolution tags, untouched; None where a number is missing or zero."""
    x, y, unit = _value(page, 282), _value(page, 283), _value(page, 296)
    pairs = [tuple(map(int, pair)) for pair in (x, y) if isinstance(pair, tuple) and len(pair) == 2]
    if len(pairs) != 2 or any(part <= 0 for pair in pairs for part in pair):
        return None
    (x_top, x_bottom), (y_top, y_bottom) = pairs
    return Density((x_top, x_bottom), (y_top, y_bottom), UNITS.get(2 if unit is None else int(unit), "inch"))
