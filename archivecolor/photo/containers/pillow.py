"""Containers that Pillow reads, opened without its limit of size: ours is looked at before any decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archivecolor.photo.containers.reading import SourceFile, decoder_call

if TYPE_CHECKING:
    from PIL import Image


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
