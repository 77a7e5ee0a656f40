"""JPEG 2000 in its JP2 container: `uuid` boxes, XMP's and Exif's by their well-known numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from archivecolor.photo.embed.blocks import MetadataBlocks, MetadataUpdate, copy, copy_rest, rewrite_file

SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
XMP = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
EXIF = b"JpgTiffExif->JP2"
IPTC = UUID("33c7a4d2-b81d-4723-a0ba-f1a3e097ad38").bytes


def boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each top-level box."""
    end = file.seek(0, 2)
    at = 0
    while at + 8 <= end:
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        if size == 1:
            size = int.from_bytes(file.read(8), "big")
        stop = end if size == 0 else min(at + max(size, 8), end)
        yield name, at, stop
        at = stop


def read(path: Path) -> MetadataBlocks:
    """The blocks of a JP2; none of a bare codestream."""
    found: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return MetadataBlocks()
        for name, start, stop in boxes(file):
            if name == b"uuid":
                file.seek(start + 8)
                body = file.read(stop - start - 8)
                found[body[:16]] = body[16:]
    return MetadataBlocks(found.get(EXIF), found.get(IPTC), found.get(XMP))


def embed(part: Path, update: MetadataUpdate) -> tuple[str, ...]:
    """Lay the blocks into a JP2, before its codestream, which may run to the end of the file."""
    bodies = {XMP: update.xmp.packet(), EXIF: update.exif, IPTC: update.iptc}
    added = {number: body for number, body in bodies.items() if body}
    with part.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return (
                "marking",
                *(name for name, body in (("exif", update.exif), ("iptc", update.iptc)) if body),
            )
        layout = list(boxes(file))
    with rewrite_file(part) as (old, new):
        for name, start, stop in layout:
            old.seek(start)
            if name == b"jp2c":
                break
            if name == b"uuid" and peek(old, 24)[8:] in added:
                continue
            copy(old, new, stop - start)
        for number, body in added.items():
            new.write(struct.pack(">I4s", len(body) + 24, b"uuid") + number + body)
        copy_rest(old, new)
    return ()


def peek(file: BinaryIO, nbytes: int) -> bytes:
    """The next bytes, still to be read."""
    at = file.tell()
    data = file.read(nbytes)
    file.seek(at)
    return data
