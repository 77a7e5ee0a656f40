"""A few bytes that ask for hours of work end within seconds."""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from picture_journey import LIMIT, colour, scene
from PIL import Image

from archivecolor.errors import ItemError, Reason
from archivecolor.photo import exiftool
from archivecolor.photo.inspect import inspect


@pytest.fixture(autouse=True)
def within_seconds() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 20


def reason_of(folder: Path, data: bytes) -> Reason:
    (folder / "scan").write_bytes(data)
    with pytest.raises(ItemError) as refusal:
        inspect(folder / "scan", working_size=64, max_megapixels=LIMIT)
    return refusal.value.reason


def test_thousands_of_scans(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(scene()).save(buffer, "JPEG", progressive=True)
    head = bytearray(buffer.getvalue()[: buffer.getvalue().index(b"\xff\xda")])
    at = head.index(b"\xff\xc2")
    head[at + 5 : at + 9] = struct.pack(">HH", 9000, 9000)
    scans = b"\xff\xda\0\x08\1\1\0\0\0\0\0" * 5000
    assert reason_of(tmp_path, bytes(head) + scans + b"\xff\xd9") is Reason.UNSUPPORTED


@pytest.mark.parametrize("pages", [200, 20000])
def test_thousands_of_pages_that_are_one_picture(tmp_path: Path, pages: int) -> None:
    buffer = io.BytesIO()
    codes = np.zeros((3000, 3000), np.uint8)
    tifffile.imwrite(buffer, codes, photometric="minisblack", compression="zlib", metadata=None)
    data = bytearray(buffer.getvalue())
    (start,) = struct.unpack("<I", data[4:8])
    end = start + 2 + 12 * int.from_bytes(data[start : start + 2], "little")
    directory = bytes(data[start:end])
    for _ in range(pages):
        data += b"\0" * (len(data) % 2)
        data[end : end + 4] = struct.pack("<I", len(data))
        data += directory
        end = len(data)
        data += bytes(4)
    assert reason_of(tmp_path, bytes(data)) is Reason.UNSUPPORTED


@pytest.mark.parametrize("depth", [300, 3000, 100_000])
def test_descriptions_within_descriptions(tmp_path: Path, depth: int) -> None:
    rdf = b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    rdf += b'<r:Description r:about="" xmlns:a="a:">'
    packet = rdf + b"<a:b>" * depth + b"</a:b>" * depth + b"</r:Description></r:RDF>"
    body = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)
    text = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    png = imagecodecs.png_encode(scene())
    (tmp_path / "scan").write_bytes(png[:33] + text + png[33:])
    assert colour(tmp_path / "scan").rendered.lost == ("xmp",)


def test_a_directory_that_lists_itself_thousands_of_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exiftool, "program", lambda: None)
    count = 4000
    itself = struct.pack("<HHII", 34665, 4, 1, 8)
    block = b"Exif\0\0" + struct.pack("<2sHIH", b"II", 42, 8, count) + itself * count + bytes(4)
    buffer = io.BytesIO()
    Image.fromarray(scene()).save(buffer, "JPEG")
    data = buffer.getvalue()
    segment = struct.pack(">2sH", b"\xff\xe1", len(block) + 2) + block
    (tmp_path / "scan").write_bytes(data[:2] + segment + data[2:])
    assert colour(tmp_path / "scan").rendered.luma == "coefficients"


@pytest.mark.parametrize("where", [2, -2])
def test_comments_without_end_in_a_jpeg(tmp_path: Path, where: int) -> None:
    buffer = io.BytesIO()
    Image.fromarray(scene()).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    at = where if where > 0 else data.rindex(b"\xff\xda")
    assert reason_of(tmp_path, data[:at] + b"\xff\xfe\0\2" * 3_000_000 + data[at:]) is Reason.TOO_LARGE


def test_chunks_without_end_in_a_png(tmp_path: Path) -> None:
    data, body = imagecodecs.png_encode(scene()), b"tEXtA\0b"
    text = struct.pack(">I", 3) + body + struct.pack(">I", zlib.crc32(body))
    assert reason_of(tmp_path, data[:33] + text * 300_000 + data[33:]) is Reason.TOO_LARGE


def test_a_netpbm_picture_wider_than_any_disk(tmp_path: Path) -> None:
    assert reason_of(tmp_path, b"P5 99999999999999999999 1 255\n") is Reason.TOO_LARGE
