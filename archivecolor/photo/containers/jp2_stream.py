"""Whether the tiles of a JPEG 2000 codestream are all there where its end marker is not.

ISO/IEC 15444-1, annex A: each part of a tile says how long it is, and of how many.
"""

from __future__ import annotations

import struct
from collections import Counter

_TILE, _SIZE_AT = b"\xff\x90", 4
_TILE_HEAD_BYTES = 12


def has_all_tiles(stream: bytes) -> bool:
    """Whether every part of every tile is there to its last byte, by the lengths and numbers that they tell.

    False where a part does not tell them: its end is then the end marker alone.
    """
    sizes = stream[_SIZE_AT + 4 : _SIZE_AT + 36]
    at = stream.find(_TILE)
    if len(sizes) < 32 or at < 0:
        return False
    right, bottom, _, _, across, down, left, top = struct.unpack(">8I", sizes)
    if not across or not down:
        return False
    tiles = -(-(right - left) // across) * -(-(bottom - top) // down)
    seen: Counter[int] = Counter()
    wanted: dict[int, int] = {}
    while stream[at : at + 2] == _TILE and at + _TILE_HEAD_BYTES <= len(stream):
        tile, nbytes, _, parts = struct.unpack_from(">HIBB", stream, at + 4)
        if nbytes < _TILE_HEAD_BYTES:
            return False
        seen[tile] += 1
        wanted[tile] = parts or wanted.get(tile, 0)
        at += nbytes
    return (
        at == len(stream)
        and len(seen) == tiles
        and all(seen[tile] == count for tile, count in wanted.items())
    )
