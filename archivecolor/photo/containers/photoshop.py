"""Photoshop's image resources, in which JPEG and PNG hold IPTC records.

Adobe Photoshop file formats specification, image resources section.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

IPTC = 0x0404
# Grid and guides, addresses of slices, and how much wider than high a pixel is.
_GUIDES, _LINKS, _PIXEL_ASPECT = 0x0408, 0x041E, 0x0428
# Resolution, thumbnails, profile, digests; what windows, prints and layers of Photoshop are like.
_STORAGE = frozenset(
    {0x03E8, 0x03E9, 0x03ED, 0x03F3, 0x03F5, 0x03F8, 0x0400, 0x0402, 0x0406, 0x0408, 0x0409, 0x040C, 0x040D}
    | {0x040F, 0x0411, 0x0414, 0x0416, 0x0419, 0x041A, 0x041E, 0x0421, 0x0425, 0x0426, 0x0428, 0x042D, 0x0430}
    | {0x043A, 0x043B, 0x2710}
)


def resources_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and body of each image resource."""
    at = 0
    while data[at : at + 4] == b"8BIM" and at + 12 <= len(data):
        number = int.from_bytes(data[at + 4 : at + 6], "big")
        name_size = data[at + 6] + 1
        at += 6 + name_size + name_size % 2
        size = int.from_bytes(data[at : at + 4], "big")
        yield number, data[at + 4 : at + 4 + size]
        at += 4 + size + size % 2


def iptc_in(data: bytes) -> bytes | None:
    """The IPTC records of the image resources; None without any."""
    return next((body for number, body in resources_in(data) if number == IPTC), None)


def uncarried_resources(numbers: Iterable[int], blocks: Iterable[int] = (IPTC,)) -> tuple[str, ...]:
    """Names of image resources that describe the picture and are none of the `blocks`, the first of each."""
    left = list(numbers)
    for number in blocks:
        if number in left:
            left.remove(number)
    return tuple(
        dict.fromkeys(f"Photoshop resource {number:#06x}" for number in left if number not in _STORAGE)
    )


def set_by_people(resources: Iterable[tuple[int, bytes]]) -> tuple[str, ...]:
    """Names of what somebody set in resources that every file of Photoshop has, which are not carried."""
    found = (_set_in(number, body) for number, body in resources)
    return tuple(dict.fromkeys(name for name in found if name))


def _set_in(number: int, body: bytes) -> str:
    """A name where a resource says another thing than Photoshop's own default, "" where it does not."""
    if number == _GUIDES and any(body[12:16]):
        return "guides of Photoshop"
    if number == _LINKS and any(body[:4]):
        return "links of Photoshop"
    if number == _PIXEL_ASPECT and len(body) >= 12 and struct.unpack_from(">d", body, 4)[0] != 1:
        return "pixel aspect ratio of Photoshop"
    return ""


def iptc_resource(iptc: bytes) -> bytes:
    """The IPTC records as an image resource."""
    return struct.pack(">4sHHI", b"8BIM", IPTC, 0, len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
