"""Strips whose byte counts cannot be: the packed data know where they end."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from picture_journey import colour, grey_codes, scene

from archivecolor.errors import ItemError
from archivecolor.photo.containers.tiff.ends import packbits_end, zstd_end

ROWS = 16
CODECS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "zstd": (50000, imagecodecs.zstd_encode),
    "packbits": (32773, imagecodecs.packbits_encode),
    "deflate": (8, imagecodecs.zlib_encode),
    "lzma": (34925, imagecodecs.lzma_encode),
}


def strips_of(codec: str) -> list[bytes]:
    return [bytes(CODECS[codec][1](scene()[top : top + ROWS].tobytes())) for top in range(0, 61, ROWS)]


def tiff_of(codec: str, counts: list[int], *, gap: bytes) -> bytes:
    """A TIFF of packed strips with `gap` behind each, which says `counts` of them."""
    strips = strips_of(codec)
    offsets, body = [], b""
    for strip in strips:
        offsets.append(8 + len(body))
        body += strip + gap
    start = 8 + len(body)
    tags = [(256, [83]), (257, [61]), (258, [8]), (259, [CODECS[codec][0]]), (262, [1]), (273, offsets)]
    tags += [(277, [1]), (278, [ROWS]), (279, counts)]
    values, table = b"", struct.pack("<H", len(tags))
    behind = start + 2 + 12 * len(tags) + 4
    for code, numbers in tags:
        data = struct.pack(f"<{len(numbers)}I", *numbers)
        table += struct.pack("<HHI", code, 4, len(numbers))
        table += data if len(data) == 4 else struct.pack("<I", behind + len(values))
        values += data if len(data) > 4 else b""
    return struct.pack("<2sHI", b"II", 42, start) + body + table + bytes(4) + values


@pytest.mark.parametrize("gap", [b"", b"\0", b"junk"])
@pytest.mark.parametrize("count", [0, 1 << 30])
@pytest.mark.parametrize("codec", CODECS)
def test_strips_of_a_count_that_cannot_be(tmp_path: Path, codec: str, count: int, gap: bytes) -> None:
    (tmp_path / "scan.tif").write_bytes(tiff_of(codec, [count] * 4, gap=gap))
    done = colour(tmp_path / "scan.tif")
    assert np.array_equal(grey_codes(done.path), scene())
    assert any("byte counts of strips" in note for note in done.rendered.notes)


def test_a_strip_that_is_cut_is_not_padded(tmp_path: Path) -> None:
    last = strips_of("zstd")[-1]
    half = len(last) // 2
    cut = tiff_of("zstd", [0] * 4, gap=b"").replace(last, last[:half] + bytes(len(last) - half))
    (tmp_path / "scan.tif").write_bytes(cut)
    with pytest.raises(ItemError):
        colour(tmp_path / "scan.tif")


@pytest.mark.parametrize("level", [1, 3, 19])
@pytest.mark.parametrize("data", [b"", b"a", bytes(400_000), scene(300, 1000).tobytes() * 2])
def test_the_end_of_a_zstandard_frame(level: int, data: bytes) -> None:
    frame = bytes(imagecodecs.zstd_encode(data, level=level))
    assert zstd_end(frame + b"what follows") == len(frame)
    assert zstd_end(frame) == len(frame)
    assert zstd_end(b"no frame at all") == len(b"no frame at all")


def test_the_end_of_packed_bits() -> None:
    packed = bytes(imagecodecs.packbits_encode(scene().tobytes()))
    assert packbits_end(packed + b"\x05what follows", scene().size) == len(packed)
    assert packbits_end(packed[:50], scene().size) == 50
