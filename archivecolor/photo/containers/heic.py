"""HEIC, read where the `heic` extra is installed; never written, for the free encoder is under the GPL.

The container's own turn is applied by the decoder, so pictures arrive upright and the Exif orientation,
which repeats it, must not be applied again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import bmff, exif
from archivecolor.photo.containers.bands import WholeImageReader, split_samples, to_full_range
from archivecolor.photo.containers.base import Band, Format, PageFacts
from archivecolor.photo.containers.blocks import MetadataBlocks
from archivecolor.photo.containers.pillow import SAMPLES
from archivecolor.photo.containers.reading import DamagedError, SourceFile, decoder_call

if TYPE_CHECKING:
    from pi_heif import HeifFile

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")


class HeicReader(WholeImageReader):
    """The primary picture of an open HEIC."""

    notes = ("heic is written as png",)

    def __init__(self, data: bytes, container: HeifFile) -> None:
        self._data = data
        self._container = container
        with decoder_call():
            self._about = dict(container.info)
            size, mode = container.size, container.mode
        depth = int(self._about["bit_depth"])
        kind = mode.partition(";")[0]
        self.pages = (
            PageFacts(
                width=size[0],
                height=size[1],
                depth=depth,
                channels=SAMPLES[kind],
                code_depth=8 if depth == 8 else 16,
                alpha=kind in ("LA", "RGBA"),
                density=exif.density_of(self.metadata().exif),
                icc=self._about.get("icc_profile"),
            ),
        )
        self.dropped = self._dropped()

    def _dropped(self) -> tuple[str, ...]:
        """What of the file is not read."""
        others = len(self._container) > 1 or any(self._about.get(kind) for kind in ("depth_images", "aux"))
        codes = self._about.get("nclx_profile") or {}
        is_srgb = bmff.is_srgb(codes.get("color_primaries", 2), codes.get("transfer_characteristics", 2))
        return (
            *(("pictures besides the primary one",) if others else ()),
            *(() if is_srgb or self._about.get("icc_profile") else ("colour space",)),
            *bmff.left_out(bmff.boxes_in(self._data), bmff.STILL),
        )

    def metadata(self) -> MetadataBlocks:
        """See `ImageReader.metadata`."""
        return MetadataBlocks(exif.bare(self._about.get("exif")), None, self._about.get("xmp") or None)

    def is_truncated(self) -> bool:
        """See `ImageReader.is_truncated`."""
        return _ends_early(self._data)

    def decode(self) -> Band:
        """See `WholeImageReader.decode`."""
        with decoder_call():
            samples = np.asarray(self._container)
        depth = self.pages[0].depth
        # The decoder shifts deep samples to the top of 16 bits.
        if depth > 8:
            samples = to_full_range(samples >> (16 - depth), (1 << depth) - 1)
        return split_samples(samples)


class HeicFormat(Format):
    """The primary picture of a HEIC file, at 8, 10 or 12 bits."""

    name = "heic"
    title = "HEIC"

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[4:8] == b"ftyp" and head[8:12] in _BRANDS

    def open(self, file: SourceFile) -> HeicReader:
        """See `Format.open`."""
        try:
            import pi_heif
        except ModuleNotFoundError as error:
            detail = "heic is read with the heic extra: pip install 'archivecolor[heic]'"
            raise ItemError(Reason.UNSUPPORTED, detail) from error
        data = file.whole()
        try:
            with decoder_call():
                container = pi_heif.open_heif(data, convert_hdr_to_8bit=False)
        except DamagedError as error:
            if _ends_early(data):
                raise ItemError(
                    Reason.TRUNCATED, f"the heic ends before its picture does ({error})"
                ) from error
            raise
        return HeicReader(data, container)


def _ends_early(data: bytes) -> bool:
    """Whether the last box ends after the file does."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:
            return False
        at += max(size, 8)
    return at != len(data)


FORMAT = HeicFormat()
