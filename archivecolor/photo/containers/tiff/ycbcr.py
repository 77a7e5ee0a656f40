"""YCbCr samples of a TIFF page that is not compressed as JPEG (TIFF 6.0, section 21).

Cb and Cr may have fewer samples than Y. What belongs together then stands together: a unit holds the luma
of some pixels beside each other and below each other, row by row, and one Cb and Cr for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.colour_models import YcbcrModel
from archivecolor.photo.facts import Codes

if TYPE_CHECKING:
    from tifffile import TiffPage

_COEFFICIENTS, _SUBSAMPLING, _REFERENCES = 529, 530, 532
_NONE = 1


def subsampling_of(page: TiffPage) -> tuple[int, int]:
    """Columns and rows of pixels that share a Cb and a Cr; (2, 2), the default, where none is told.

    (1, 1), whatever is told, where the page has plain samples for every pixel.

    Raises:
        ValueError: the tag makes no sense.
    """
    across, down = (
        (int(value) for value in page.tags[_SUBSAMPLING].value) if _SUBSAMPLING in page.tags else (2, 2)
    )
    if not {across, down} <= {1, 2, 4}:
        raise ValueError(f"chroma of one sample for {across} x {down} pixels")
    pixels = int(page.imagewidth) * int(page.imagelength)
    is_full = page.compression == _NONE and sum(page.databytecounts) >= 3 * pixels
    return (1, 1) if is_full else (across, down)


def model_of(page: TiffPage) -> YcbcrModel:
    """What the codes mean, by the page's tags or the standard's defaults."""
    default = YcbcrModel()
    weights, references = _values(page, _COEFFICIENTS, 3), _values(page, _REFERENCES, 6)
    if not all(0 < weight < 1 for weight in weights):
        weights = ()
    zeros, tops = references[::2], references[1::2]
    if not all(zero < top for zero, top in zip(zeros, tops, strict=True)):
        zeros = tops = ()
    return YcbcrModel(
        (weights[0], weights[1], weights[2]) if weights else default.weights,
        (zeros[0], zeros[1], zeros[2]) if zeros else default.zeros,
        (tops[0], tops[1], tops[2]) if tops else default.tops,
    )


def _values(page: TiffPage, code: int, count: int) -> tuple[float, ...]:
    """The numbers of a tag, of fractions or not; none where there are not as many or one has no value."""
    values = page.tags[code].value if code in page.tags else ()
    if not isinstance(values, tuple):
        return ()
    if len(values) == 2 * count:
        if not all(values[1::2]):
            return ()
        return tuple(top / bottom for top, bottom in zip(values[::2], values[1::2], strict=True))
    return tuple(map(float, values)) if len(values) == count else ()


def unit_bytes(rows: int, width: int, subsampling: tuple[int, int]) -> int:
    """Bytes of so many rows in units."""
    across, down = subsampling
    return -(-width // across) * -(-rows // down) * (across * down + 2)


def rows_of_units(data: bytes, rows: int, width: int, subsampling: tuple[int, int]) -> Codes:
    """Codes of Y, Cb and Cr (rows, width, 3) out of units.

    Raises:
        ItemError: UNREADABLE where there are fewer than the rows need.
    """
    nbytes = unit_bytes(rows, width, subsampling)
    if len(data) < nbytes:
        raise ItemError(Reason.UNREADABLE, "a strip of the tiff is shorter than its rows")
    across, down = subsampling
    size = across * down
    units = np.frombuffer(data, np.uint8, nbytes).reshape(-(-rows // down), -(-width // across), size + 2)
    luma = units[..., :size].reshape(*units.shape[:2], down, across).swapaxes(1, 2)
    chroma = units[..., size:].repeat(down, axis=0).repeat(across, axis=1)
    return np.dstack([luma.reshape(chroma.shape[:2]), chroma])[:rows, :width]
