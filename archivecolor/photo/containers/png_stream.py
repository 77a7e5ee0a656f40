"""The pixels of a PNG whose checksums are wrong although every row is there.

Two checksums vouch for the packed rows: one of each chunk, and one of the rows at the end of their stream.
Where one of them is right the rows are as they were written, and the other is a fault of the writer's.
"""

from __future__ import annotations

import struct
import zlib

from archivecolor.photo.containers.png_chunks import SIGNATURE, Chunk

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_HEADER_BYTES = 13
# First column and row, and steps across and down, of each pass of an interlaced picture (ISO/IEC 15948, 8.2).
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# A zlib stream of the largest window (RFC 1950), and the bytes of its own head and checksum.
_HEAD, _HEAD_BYTES, _CHECK_BYTES = b"\x78\x01", 2, 4


def with_right_checksums(data: bytes) -> bytes | None:
    """The PNG with the checksums that its rows have; None where rows are missing or no checksum is right."""
    chunks = _chunks(data)
    header = next((body for name, body, _ in chunks if name == b"IHDR"), b"")
    pixels = [(body, is_right) for name, body, is_right in chunks if name == b"IDAT"]
    stream = b"".join(body for body, _ in pixels)
    if len(header) != _HEADER_BYTES or not stream:
        return None
    rows, rest = _unpacked(stream[_HEAD_BYTES:], _packed_bytes(header))
    if rows is None:
        return None
    check = struct.pack(">I", zlib.adler32(rows))
    if rest[:_CHECK_BYTES] != check and not all(is_right for _, is_right in pixels):
        return None
    packed = stream[_HEAD_BYTES : len(stream) - len(rest)]
    whole = [(name, body) for name, body, _ in chunks if name not in (b"IDAT", b"IEND")]
    whole += [(b"IDAT", _HEAD + packed + check), (b"IEND", b"")]
    return SIGNATURE + b"".join(Chunk(name, body).encoded() for name, body in whole)


def _chunks(data: bytes) -> list[tuple[bytes, bytes, bool]]:
    """Name and body of each chunk up to the end chunk, and whether its checksum is right."""
    at, found = len(SIGNATURE), []
    while at + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        body, check = data[at + 8 : at + 8 + size], data[at + 8 + size : at + 12 + size]
        if name == b"IEND" or len(check) < 4:
            break
        found.append((name, body, check == Chunk(name, body).encoded()[-4:]))
        at += 12 + size
    return found


def _packed_bytes(header: bytes) -> int:
    """Bytes of all rows, the filter of each among them."""
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * _SAMPLES.get(kind, 0)
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - left) // across), -(-(height - top) // down)) for left, top, across, down in passes]
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0 and rows > 0)


def _unpacked(packed: bytes, nbytes: int) -> tuple[bytes | None, bytes]:
    """So many bytes of a deflate stream, and what follows it; None where it does not hold just them."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        rows = unpacker.decompress(packed, max(1, nbytes))
        more = unpacker.decompress(unpacker.unconsumed_tail, 1)
    except zlib.error:
        return None, b""
    if len(rows) != nbytes or more or not unpacker.eof:
        return None, b""
    return rows, unpacker.unused_data
