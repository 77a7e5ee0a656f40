"""Metadata blocks: what a file says of its picture, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

from archivecolor.metadata.xmp import Xmp


@dataclass(frozen=True)
class MetadataBlocks:
    """What a file says about its picture; None where it says nothing.

    Attributes:
        exif: an Exif block: a small TIFF file.
        iptc: IPTC-IIM records.
        xmp: the XMP packet, extensions joined in.
    """

    exif: bytes | None = None
    iptc: bytes | None = None
    xmp: bytes | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the blocks there are."""
        return tuple(name for name in ("exif", "iptc", "xmp") if getattr(self, name))


@dataclass(frozen=True)
class MetadataUpdate:
    """What is laid into a part.

    Attributes:
        xmp: the marked XMP.
        exif: an Exif block in place of the part's own; None leaves that.
        iptc: IPTC-IIM records; None leaves the part's own.
    """

    xmp: Xmp
    exif: bytes | None = None
    iptc: bytes | None = None
