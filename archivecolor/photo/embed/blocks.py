"""The blocks, and how a part is rewritten around them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from archivecolor.metadata.xmp import Xmp

COPY_BYTES = 1 << 20


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


@contextlib.contextmanager
def rewrite_file(part: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Give the part open for reading, and the file that takes its place when all went well."""
    beside = part.with_name(part.name + "~")
    try:
        with part.open("rb") as old, beside.open("wb") as new:
            yield old, new
        beside.replace(part)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def copy(old: BinaryIO, new: BinaryIO, nbytes: int) -> None:
    """Copy so many bytes, in pieces."""
    while nbytes > 0 and (piece := old.read(min(nbytes, COPY_BYTES))):
        new.write(piece)
        nbytes -= len(piece)


def copy_rest(old: BinaryIO, new: BinaryIO) -> None:
    """Copy up to the end, in pieces."""
    while piece := old.read(COPY_BYTES):
        new.write(piece)
