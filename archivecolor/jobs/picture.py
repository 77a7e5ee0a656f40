"""A picture in memory: its luma, and its luma with chroma."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from archivecolor.colour.arrays import Float32
from archivecolor.colour.chroma import Chroma, upsample
from archivecolor.colour.gamut import compose_exact_luma
from archivecolor.colour.luma import luma_codes
from archivecolor.colour.tone import Tone, tone_of
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.facts import Codes
from archivecolor.photo.orientation import upright
from archivecolor.photo.shrink import resize, working_shape
from archivecolor.settings import PhotographOptions


def codes_of_file(path: Path) -> Codes:
    """The codes of a photograph's first page, upright: (h, w) grey or (h, w, 3) RGB, uint8 or uint16.

    Raises:
        ItemError: it cannot be read.
    """
    with open_image(path, PhotographOptions.max_megapixels) as picture:
        codes = np.concatenate([band.codes for band in picture.reader.bands(0)])
        return upright(codes, picture.reader.pages[0].orientation)


def codes_of_contents(contents: bytes) -> Codes:
    """As `codes_of_file`, for the contents of a file."""
    with tempfile.TemporaryDirectory(prefix="archivecolor-") as folder:
        path = Path(folder, "source")
        path.write_bytes(contents)
        return codes_of_file(path)


def small_luma(luma: Codes, working_size: int) -> Float32:
    """Luma codes as the network sees them: fractions of full scale, the short side at working size."""
    height, width = luma.shape
    return resize(luma, working_shape(height, width, working_size))


def compose(luma: Codes, chroma: Chroma) -> Codes:
    """RGB codes, (h, w, 3), whose BT.601 luma codes are exactly `luma`."""
    height, width = luma.shape
    rgb: Codes = compose_exact_luma(luma, upsample(chroma.cbcr, height, width))
    return rgb


def luma_of(picture: Codes | Image.Image, *, recolour: bool) -> Codes:
    """The luma codes of a grey or RGB picture.

    Args:
        picture: (h, w) uint8 or uint16 codes, upright; or (h, w, 3) RGB; or a PIL image, grey or RGB.
        recolour: take the luma of a picture that has colour too.

    Raises:
        TypeError: `picture` is none of these.
        ValueError: it has another shape, dtype or mode.
        ItemError: `ALREADY_COLOUR` or `TINTED`.
    """
    codes = picture if isinstance(picture, np.ndarray) else _codes_of(picture)
    if codes.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"the picture must have uint8 or uint16 codes, not {codes.dtype}")
    if codes.size == 0:
        raise ValueError(f"the picture must have pixels; its shape is {codes.shape}")
    if codes.ndim == 2:
        return codes
    if codes.ndim != 3 or codes.shape[2] != 3:
        raise ValueError(f"the picture must be (h, w) or (h, w, 3), not {codes.shape}")
    tone = Tone.GREY if recolour else tone_of(codes)
    if tone is Tone.COLOUR:
        raise ItemError(Reason.ALREADY_COLOUR, "already in colour; recolour=True colours it from its luma")
    if tone is Tone.TINTED:
        raise ItemError(Reason.TINTED, "partly in colour; recolour=True colours it from its luma")
    return luma_codes(codes)


def _codes_of(image: Image.Image) -> Codes:
    """The codes of a PIL image, upright, none of its depth lost."""
    if not isinstance(image, Image.Image):
        raise TypeError(f"the picture must be an array or a PIL image, not {type(image).__name__}")
    if image.mode not in ("L", "RGB", "I;16", "1", "P"):
        raise ValueError(f"the picture must be of mode L, RGB or I;16, not {image.mode}; convert it first")
    upright = ImageOps.exif_transpose(image)
    plain = {"P": "RGB", "1": "L"}
    return np.asarray(upright.convert(plain[upright.mode]) if upright.mode in plain else upright)
