"""Containers that Pillow reads, opened without its limit of size: ours is looked at before any decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from archivecolor.photo.containers.bands import split_samples
from archivecolor.photo.containers.base import Band
from archivecolor.photo.containers.reading import SourceFile, decoder_call

if TYPE_CHECKING:
    from PIL import Image

# By the modes of Pillow.
SAMPLES = {"1": 1, "L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def open_with_pillow(file: SourceFile, image_format: str) -> Image.Image:
    """Let Pillow read the header of `file` as one format of its own and no other.

    Raises:
        DamagedError: it cannot.
    """
    from PIL import Image

    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    file.seek(0)
    try:
        with decoder_call():
            return Image.open(file, formats=[image_format])
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def decode_with_pillow(picture: Image.Image, mode: str) -> Band:
    """All rows of an open picture as samples of one of the `SAMPLES`.

    Raises:
        DamagedError: they cannot be decoded.
    """
    with decoder_call():
        return split_samples(np.asarray(picture if picture.mode == mode else picture.convert(mode)))
