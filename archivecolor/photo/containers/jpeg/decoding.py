"""JPEG decoders: a strict one, and one for the samplings of colour that the strict one does not know."""

from __future__ import annotations

import numpy as np

from archivecolor.photo.containers.jpeg import segments
from archivecolor.photo.containers.reading import DamagedError, decoder_call
from archivecolor.photo.facts import Codes

_UNKNOWN_SAMPLING = "Could not determine subsampling"
_OTHER_NAMES = {"GRAY": "GRAYSCALE"}


def decode_strictly(data: bytes, space: str, at_least: tuple[int, int] = (0, 0)) -> Codes:
    """A picture of 8 bits; what the decoder only warns of is an error here.

    Args:
        data: the picture.
        space: "GRAY", "RGB" or "CMYK".
        at_least: rows and columns that are enough: it is decoded at 1/2, 1/4 or 1/8 then; all with zeros.

    Returns:
        uint8 (h, w, samples).

    Raises:
        DamagedError: with the decoder's words.
    """
    import simplejpeg

    with decoder_call():
        return np.asarray(simplejpeg.decode_jpeg(data, space, min_height=at_least[0], min_width=at_least[1]))


def is_unknown_sampling(error: DamagedError) -> bool:
    """Whether the strict decoder refused a picture for its sampling alone."""
    return _UNKNOWN_SAMPLING in str(error)


def decode_any_sampling(data: bytes, space: str) -> Codes:
    """As `decode_strictly`, of a sampling that it does not know; damage between the blocks is not seen.

    Raises:
        DamagedError: the picture does not decode, or has no end.
    """
    import imagecodecs

    if not data.endswith(segments.END):
        raise DamagedError("no end marker")
    with decoder_call():
        raster = np.asarray(imagecodecs.jpeg8_decode(data, outcolorspace=_OTHER_NAMES.get(space, space)))
    return raster[..., None] if raster.ndim == 2 else raster
