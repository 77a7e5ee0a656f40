"""Where the data of a strip or tile end by themselves, for decoders that take nothing behind them."""

from __future__ import annotations

_ZSTD_FRAME = b"\x28\xb5\x2f\xfd"
_RAW_BLOCK, _REPEATED_BLOCK, _COMPRESSED_BLOCK = 0, 1, 2


def zstd_end(data: bytes) -> int:
    """End of the Zstandard frame (RFC 8878, 3.1.1) that `data` begins with; of `data` where it has none."""
    if not data.startswith(_ZSTD_FRAME) or len(data) < 6:
        return len(data)
    descriptor = data[4]
    is_single, has_checksum = bool(descriptor & 0x20), bool(descriptor & 4)
    content_bytes = (1 if is_single else 0, 2, 4, 8)[descriptor >> 6]
    at = 5 + (not is_single) + (0, 1, 2, 4)[descriptor & 3] + content_bytes
    is_last = False
    while not is_last and at + 3 <= len(data):
        head = int.from_bytes(data[at : at + 3], "little")
        is_last, kind, size = bool(head & 1), head >> 1 & 3, head >> 3
        if kind not in (_RAW_BLOCK, _REPEATED_BLOCK, _COMPRESSED_BLOCK):
            return len(data)
        at += 3 + (1 if kind == _REPEATED_BLOCK else size)
    return min(at + 4 * has_checksum, len(data)) if is_last else len(data)


def packbits_end(data: bytes, nbytes: int) -> int:
    """Where `nbytes` have been unpacked (TIFF 6.0, section 9); the length of `data` where they never are."""
    at = 0
    while nbytes > 0 and at < len(data):
        code = data[at]
        literal = code + 1 if code < 128 else 0
        nbytes -= literal or (257 - code if code > 128 else 0)
        at += 1 + (literal or (code > 128))
    return min(at, len(data))
