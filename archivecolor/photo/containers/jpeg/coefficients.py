"""Colour put beside a JPEG's quantised luma coefficients, and taken away from them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from archivecolor.archive.atomic import raise_if_full
from archivecolor.colour.arrays import UInt8
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.jpeg import decoding, segments
from archivecolor.photo.containers.jpeg.scans import CHROMA_QUALITY, JpegChroma
from archivecolor.photo.containers.placement import BLOCK, Placement
from archivecolor.photo.containers.reading import DamagedError


class _Picture(Protocol):
    """What jpeglib, which has no types, gives: coefficients of Y, tables, and which component has which."""

    Y: npt.NDArray[np.int16]
    qt: npt.NDArray[np.uint16]
    quant_tbl_no: list[int]

    def write_dct(self, path: str) -> None:
        """Write the picture."""


@dataclass(frozen=True)
class Luma:
    """Quantised coefficients int16 (rows, columns, 8, 8) of Y, and their table uint16 (8, 8)."""

    coefficients: npt.NDArray[np.int16]
    table: npt.NDArray[np.uint16]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Luma)
            and np.array_equal(self.coefficients, other.coefficients)
            and np.array_equal(self.table, other.table)
        )

    __hash__ = None  # type: ignore[assignment]


def read_luma(data: bytes) -> Luma:
    """The luma of a grey or YCbCr JPEG, without decoding it."""
    with _read_coefficients(data) as picture:
        return _luma(picture)


def chroma_template(planes: JpegChroma) -> bytes:
    """A JPEG with this chroma and an empty luma."""
    import simplejpeg

    blank = np.zeros(planes.size, np.uint8)
    return bytes(simplejpeg.encode_jpeg_yuv_planes(blank, planes.cb, planes.cr, CHROMA_QUALITY))


def with_chroma(data: bytes, template: bytes, placement: Placement | None = None) -> bytes:
    """A JPEG with the luma of `data`, coefficient for coefficient, and the chroma of `template`.

    Args:
        data: the source.
        template: of the output's size.
        placement: where the source lies in it, where that has another size.

    Raises:
        ItemError: NOT_EXACT where the luma does not come out as it went in, UNREADABLE where the
            source's luma can be read in two ways.
    """
    return _with_luma(template, data, placement)


def without_chroma(data: bytes, placement: Placement | None = None) -> bytes:
    """A grey JPEG with the luma of `data`, or of a part of it, coefficient for coefficient.

    Raises:
        ItemError: NOT_EXACT where the luma does not come out as it went in, UNREADABLE where the
            source's luma can be read in two ways.
    """
    import simplejpeg

    frame = segments.parse(data).frame
    blank = np.zeros(placement.whole if placement else (frame.height, frame.width), np.uint8)
    template = simplejpeg.encode_jpeg_yuv_planes(blank, None, None, CHROMA_QUALITY)
    return _with_luma(bytes(template), data, placement)


def written_anew(data: bytes) -> bytes:
    """A JPEG with all coefficients of `data`, zeros where it ends before them."""
    with _read_coefficients(data) as picture:
        return _written(picture)


def _with_luma(template: bytes, source: bytes, placement: Placement | None) -> bytes:
    """`template` with the coefficients and the table of the source's luma; its chroma stays."""
    luma = read_luma(source)
    placed = luma.coefficients if placement is None else _placed(luma, placement)
    with _read_coefficients(template) as picture:
        number = picture.quant_tbl_no[0]
        if number in picture.quant_tbl_no[1:] or picture.Y.shape != placed.shape:
            raise ItemError(Reason.NOT_EXACT, "the luma coefficients do not fit the output's layout")
        picture.Y = placed
        picture.qt[number] = luma.table
        written = _written(picture)
    if not _same_luma(_luma_plane(written), _luma_plane(source), placement):
        if read_luma(written) == Luma(placed, luma.table):
            # A code that no table of the file knows: one decoder takes it for nothing, another for something.
            raise ItemError(Reason.UNREADABLE, "the jpeg is damaged: decoders do not agree on its luma")
        raise ItemError(Reason.NOT_EXACT, "the luma did not come out as it went in")
    return written


def _same_luma(written: UInt8, source: UInt8, placement: Placement | None) -> bool:
    """Whether decoded luma (h, w, 1) stands where it should."""
    if placement is None:
        return np.array_equal(written, source)
    (top, left), (height, width) = placement.offset, placement.size
    there = written[max(0, top) :, max(0, left) :][:height, :width]
    return np.array_equal(there, source[max(0, -top) :, max(0, -left) :][:height, :width])


def _placed(luma: Luma, placement: Placement) -> npt.NDArray[np.int16]:
    """The blocks of the output.

    Raises:
        ItemError: NOT_EXACT where a part begins within a block.
    """
    if any(offset % BLOCK for offset in placement.offset):
        raise ItemError(Reason.NOT_EXACT, "the picture does not begin with a block of the jpeg")
    rows, columns = (-(-side // BLOCK) for side in placement.whole)
    blocks = np.zeros((rows, columns, BLOCK, BLOCK), np.int16)
    top, left = (offset // BLOCK for offset in placement.offset)
    page = luma.coefficients[max(0, -top) :, max(0, -left) :]
    there = blocks[max(0, top) :, max(0, left) :]
    height, width = min(len(page), len(there)), min(page.shape[1], there.shape[1])
    there[:height, :width] = page[:height, :width]
    if placement.strip is not None:
        beside = _quantised(placement.strip.codes, luma.table)
        top, left = (corner // BLOCK for corner in placement.strip.corner)
        blocks[top : top + len(beside), left : left + beside.shape[1]] = beside
    return blocks


def _quantised(codes: UInt8, table: npt.NDArray[np.uint16]) -> npt.NDArray[np.int16]:
    """Codes (h, w) as quantised blocks (ITU-T T.81, A.3.3); edges fill up what is no whole block."""
    whole = np.pad(codes, [(0, -side % BLOCK) for side in codes.shape], mode="edge").astype(np.float64)
    blocks = whole.reshape(len(whole) // BLOCK, BLOCK, -1, BLOCK).swapaxes(1, 2) - 128
    place = np.arange(BLOCK)
    basis = np.cos(np.outer(place, 2 * place + 1) * np.pi / (2 * BLOCK)) / 2
    basis[0] /= np.sqrt(2)
    return np.rint(basis @ blocks @ basis.T / table).astype(np.int16)


def _luma_plane(data: bytes) -> UInt8:
    """The Y plane (h, w, 1), decoded strictly where its sampling allows that."""
    try:
        return decoding.decode_strictly(data, "GRAY")
    except DamagedError as error:
        if not decoding.is_unknown_sampling(error):
            raise
        return decoding.decode_any_sampling(data, "GRAY")


def _luma(picture: _Picture) -> Luma:
    return Luma(picture.Y, picture.qt[picture.quant_tbl_no[0]])


@contextmanager
def _read_coefficients(data: bytes) -> Iterator[_Picture]:
    """The picture's coefficients.

    jpeglib takes names that are UTF-8 only and at most fifty markers, so it gets the bare picture
    under a plain name of our own.
    """
    import jpeglib

    with _temporary_folder() as folder:
        path = folder / "bare.jpg"
        path.write_bytes(segments.strip_app_segments(data))
        yield jpeglib.read_dct(str(path))


def _written(picture: _Picture) -> bytes:
    with _temporary_folder() as folder:
        path = folder / "out.jpg"
        picture.write_dct(str(path))
        return path.read_bytes()


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder for a moment, in which what jpeglib says is understood: its errors have no number."""
    with tempfile.TemporaryDirectory(prefix="archivecolor-") as folder:
        try:
            yield Path(folder)
        except OSError as error:
            if error.errno is not None:
                raise
            raise_if_full(Path(folder))
            raise ItemError(Reason.UNREADABLE, "the jpeg's coefficients are damaged") from error
