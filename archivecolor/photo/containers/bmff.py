"""Boxes of the ISO base media file format (ISO/IEC 14496-12), of which HEIC, AVIF and JPEG XL are made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from archivecolor.photo.containers.base import DATA_BEHIND

# What a still picture needs; films, sounds and makers' own boxes are others.
STILL = (b"ftyp", b"meta", b"mdat", b"idat", b"free", b"skip", b"wide")
# Colour codes of ITU-T H.273 that mean what sRGB means, or say nothing: primaries, transfer characteristics.
SRGB_PRIMARIES, _SRGB_TRANSFERS = (1, 2), (1, 2, 6, 13, 14, 15)

Box = tuple[bytes, bytes]


def boxes_in(data: bytes) -> Iterator[Box]:
    """Names and bodies of boxes, the last as far as it goes; what is no box comes last, without a name."""
    at = 0
    while at + 8 <= len(data):
        size, name, start = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = int.from_bytes(data[start : start + 8]), at + 16
        end = at + size if size else len(data)
        if end < start or not any(name):
            break
        yield name, data[start:end]
        at = end
    if data[at:].strip(b"\0"):
        yield b"", data[at:]


def left_out(boxes: Iterable[Box], known: Collection[bytes]) -> tuple[str, ...]:
    """What of a file is lost with the boxes that are not known."""
    names = (name.decode("latin-1").strip() for name, _ in boxes if name not in known)
    return tuple(dict.fromkeys(f"{name} box" if name.isalnum() else DATA_BEHIND for name in names))


def is_srgb(primaries: int, transfer: int) -> bool:
    """Whether codes of these colour codes mean what those of sRGB mean."""
    return primaries in SRGB_PRIMARIES and transfer in _SRGB_TRANSFERS
