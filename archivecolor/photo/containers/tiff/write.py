"""TIFF pages written strip by strip or tile by tile, each encoded here so that none waits for the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

from archivecolor.photo.containers.bands import rechunk_rows
from archivecolor.photo.containers.base import PagePlan, TiffLayout
from archivecolor.photo.containers.exif import UNITS
from archivecolor.photo.containers.tiff.pages import DEFLATE, LZMA, LZW, NONE, PACKBITS, ZSTD
from archivecolor.photo.facts import Codes

_STRIP_BYTES = 1 << 18
# Classic offsets are 32 bits wide; some room for tags.
_CLASSIC_BYTES = (1 << 32) - (1 << 25)
_WITH_PREDICTOR = (LZW, DEFLATE, LZMA, ZSTD)
DEFAULT = TiffLayout(compression=DEFLATE, tile=None, bigtiff=False)


def write(part: Path, plans: Sequence[PagePlan]) -> None:
    """Write all pages without the library's own tags; BigTIFF where the source was one or size asks."""
    import tifffile

    nbytes = sum(int(np.prod(plan.shape)) * plan.dtype.itemsize for plan in plans)
    big = nbytes > _CLASSIC_BYTES or any(plan.facts.tiff and plan.facts.tiff.bigtiff for plan in plans)
    with part.open("wb") as file, tifffile.TiffWriter(file, bigtiff=big, byteorder="<") as writer:
        for plan in plans:
            layout = plan.facts.tiff or DEFAULT
            writer.write(
                _segments(plan, layout),
                shape=plan.shape,
                dtype=plan.dtype,
                photometric="rgb" if plan.samples >= 3 else "minisblack",
                compression=None if layout.compression == NONE else layout.compression,
                predictor=2 if layout.compression in _WITH_PREDICTOR else None,
                tile=layout.tile,
                rowsperstrip=None if layout.tile else _strip_rows(plan),
                metadata=None,
                software=False,
                subfiletype=2 if len(plans) > 1 else 0,
                **_tags(plan, layout),
            )


class _Tags(TypedDict, total=False):
    """Options of tifffile's writer that not every page has."""

    iccprofile: bytes | None
    extrasamples: tuple[int, ...]
    planarconfig: str
    resolution: tuple[tuple[int, int], tuple[int, int]]
    resolutionunit: int
    extratags: list[tuple[int, str, int, int, bool]]


def _tags(plan: PagePlan, layout: TiffLayout) -> _Tags:
    tags: _Tags = {"iccprofile": plan.icc}
    if plan.samples in (2, 4):
        tags["extrasamples"] = (layout.alpha_kind,)
        tags["planarconfig"] = "contig"
    if plan.facts.density:
        density = plan.facts.density
        codes = {unit: code for code, unit in UNITS.items()}
        tags["resolution"] = (density.x, density.y)
        tags["resolutionunit"] = codes[density.unit]
    if plan.facts.orientation != 1:
        tags["extratags"] = [(274, "H", 1, plan.facts.orientation, True)]
    return tags


def _strip_rows(plan: PagePlan) -> int:
    row_bytes = plan.facts.width * plan.samples * plan.dtype.itemsize
    return min(plan.facts.height, max(1, _STRIP_BYTES // row_bytes))


def _segments(plan: PagePlan, layout: TiffLayout) -> Iterator[bytes]:
    encode = _encoder(layout.compression)
    rows = layout.tile[0] if layout.tile else _strip_rows(plan)
    for band in rechunk_rows(plan.bands, rows):
        codes = band.reshape(len(band), plan.facts.width, plan.samples)
        for segment in _tiles(codes, layout.tile) if layout.tile else (codes,):
            yield encode(np.ascontiguousarray(segment))


def _tiles(band: Codes, tile: tuple[int, int]) -> Iterator[Codes]:
    """Full tiles of a band; what sticks out over the picture repeats its edge."""
    height, width = tile
    padded = np.pad(band, ((0, height - len(band)), (0, -band.shape[1] % width), (0, 0)), mode="edge")
    for left in range(0, padded.shape[1], width):
        yield padded[:, left : left + width]


def _encoder(compression: int) -> Callable[[Codes], bytes]:
    """The codec of a TIFF compression, for contiguous codes (rows, width, samples), little-endian."""
    import imagecodecs

    codecs: dict[int, Callable[[Codes], bytes]] = {
        NONE: lambda codes: codes.tobytes(),
        PACKBITS: lambda codes: bytes(imagecodecs.packbits_encode(codes, axis=-2)),
        LZW: lambda codes: bytes(imagecodecs.lzw_encode(_differences(codes))),
        DEFLATE: lambda codes: bytes(imagecodecs.deflate_encode(_differences(codes), level=4)),
        LZMA: lambda codes: bytes(imagecodecs.lzma_encode(_differences(codes))),
        ZSTD: lambda codes: bytes(imagecodecs.zstd_encode(_differences(codes))),
    }
    return codecs[compression]


def _differences(codes: Codes) -> bytes:
    """TIFF predictor 2: each sample less the one of the pixel to its left."""
    import imagecodecs

    return bytes(np.ascontiguousarray(imagecodecs.delta_encode(codes, axis=-2)).tobytes())
