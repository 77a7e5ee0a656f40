"""Photoshop's image resources, in which JPEG and PNG hold IPTC records.

Adobe Photoshop file formats specification, image resources section.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

IPTC = 0x0404


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


def iptc_resource(iptc: bytes) -> bytes:
    """The IPTC records as an image resource."""
    return struct.pack(">4sHHI", b"8BIM", IPTC, 0, len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
