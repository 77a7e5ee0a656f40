"""HEIC, read where the `heic` extra is installed; never written, for the free encoder is under the GPL.

The container's own turn is applied by the decoder, so pictures arrive upright and the Exif orientation,
which repeats it, must not be applied again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo import exif
from archivecolor.photo.containers.base import (
    Band,
    Format,
    ImageReader,
    PageFacts,
    WholeImageReader,
    split_samples,
)

BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")
SAMPLES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


class HeicFormat(Format):
    """The primary picture of a HEIC file, at 8, 10 or 12 bits."""

    name = "heic"

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[4:8] == b"ftyp" and head[8:12] in BRANDS

    def open(self, path: Path) -> ImageReader:
        """See `Format.open`."""
        container = _open_heif(path)
        depth = int(container.info["bit_depth"])
        kind = container.mode.partition(";")[0]
        block = container.info.get("exif")
        facts = PageFacts(
            width=container.size[0],
            height=container.size[1],
            depth=depth,
            channels=SAMPLES[kind],
            code_depth=8 if depth == 8 else 16,
            alpha=kind in ("LA", "RGBA"),
            density=exif.density_of(block.removeprefix(b"Exif\0\0") if block else None),
            icc=container.info.get("icc_profile"),
        )
        reader = WholeImageReader(facts, lambda: _decode(container, facts), ("heic is written as png",))
        if len(container) > 1:
            reader.dropped = ("pictures besides the primary one",)
        return reader

    def is_truncated(self, path: Path) -> bool:
        """See `Format.is_truncated`: whether the last box ends after the file does."""
        data = path.read_bytes()
        at = 0
        while at + 8 <= len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            if size == 1:
                size = int.from_bytes(data[at + 8 : at + 16], "big")
            if size == 0:
                return False
            at += max(size, 8)
        return at != len(data)


def _open_heif(path: Path) -> Any:
    try:
        import pi_heif
    except ModuleNotFoundError as error:
        detail = "heic is read with the heic extra: pip install 'archivecolor[heic]'"
        raise ItemError(Reason.UNSUPPORTED, detail) from error
    return pi_heif.open_heif(path.read_bytes(), convert_hdr_to_8bit=False)


def _decode(container: Any, facts: PageFacts) -> Band:
    samples = np.asarray(container)
    if facts.code_depth == 16:
        # The decoder shifts deep samples to the top of 16 bits.
        top = (1 << facts.depth) - 1
        plain = samples.astype(np.uint32) >> (16 - facts.depth)
        samples = ((plain * 65535 + top // 2) // top).astype(np.uint16)
    return split_samples(samples)


FORMAT = HeicFormat()
