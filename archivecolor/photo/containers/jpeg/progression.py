"""Progressive pictures whose later scans are missing or cut: every block is there, not all of its detail.

Decoders show them, and smooth what is too coarse as long as the scans are missing. So the coefficients that
there are are written anew as a picture of all scans, in which the missing ones are zeros: then everybody
decodes the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from archivecolor.photo.containers.jpeg import coefficients, segments
from archivecolor.photo.containers.jpeg.segments import FrameHeader, Header
from archivecolor.photo.containers.reading import DamagedError

PROGRESSIVE = 0xC2


def has_all_scans(frame: FrameHeader, headings: list[bytes]) -> bool:
    """Whether scans of these headings hold every coefficient of every component to its last bit."""
    lowest: dict[tuple[int, int], int] = {}
    for heading in headings:
        first, last, bits = heading[1 + 2 * heading[0] :][:3]
        for component in heading[1 : 1 + 2 * heading[0] : 2]:
            lowest |= {(component, number): bits & 15 for number in range(first, last + 1)}
    wanted = itertools.product(frame.components, range(64))
    return all(lowest.get(coefficient) == 0 for coefficient in wanted)


def lacks_scans(data: bytes) -> bool:
    """Whether a picture that decodes without a word is a progressive one with scans missing."""
    header = segments.parse(data)
    if header.frame.marker != PROGRESSIVE:
        return False
    return not has_all_scans(header.frame, [heading for heading, _ in _scans(data, header)])


def with_all_scans(data: bytes, decode: Callable[[bytes], object]) -> bytes:
    """The picture with the coefficients of its whole scans, in all scans.

    Args:
        data: a progressive picture, cut or not; what there is of a scan that is cut is left out, since
            nobody could tell damage in it from its end.
        decode: a strict decoder.

    Raises:
        DamagedError: not every block of luma is there, or `decode` complains of a whole scan.
    """
    header = segments.parse(data)
    scans = list(_scans(data, header))
    while any(_outlines(heading, header.frame) for heading, _ in scans):
        end = scans.pop()[1]
        picture = data[:end].rstrip(b"\xff") + segments.END
        try:
            decode(picture)
        except DamagedError:
            if end < len(data):
                raise
            continue
        return coefficients.written_anew(picture)
    raise DamagedError("not every block is there")


def _scans(data: bytes, header: Header) -> Iterator[tuple[bytes, int]]:
    """Heading of each scan, and where its blocks end: at a marker, or where the data do."""
    at = header.scan_start
    while found := segments.IN_SCANS.search(data, at):
        marker, start = found[0][1], found.end()
        at = start + int.from_bytes(data[start : start + 2], "big")
        if marker == segments.EOI or not start + 2 <= at <= len(data):
            return
        if marker != segments.SOS:
            continue
        heading, following = data[start + 2 : at], segments.IN_SCANS.search(data, at)
        if len(heading) != 4 + 2 * int.from_bytes(heading[:1], "big"):
            raise DamagedError("the heading of a scan is damaged")
        at = following.start() if following else len(data)
        yield heading, at


def _outlines(heading: bytes, frame: FrameHeader) -> bool:
    """Whether a scan holds the first bits of the mean of every block of luma."""
    first, _, bits = heading[1 + 2 * heading[0] :][:3]
    return first == 0 and not bits >> 4 and frame.components[0] in heading[1 : 1 + 2 * heading[0] : 2]
