"""The first visit: what is seen, at which size, and what is refused."""

from __future__ import annotations

import io
import os
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import simplejpeg
import tifffile
from picture_journey import LIMIT, colour, scene, smooth_scene
from PIL import Image

from archivecolor.colour.tone import Tone
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.inspect import inspect


def reason_of(path: Path, max_megapixels: float = LIMIT) -> Reason:
    with pytest.raises(ItemError) as trouble:
        inspect(path, working_size=64, max_megapixels=max_megapixels)
    assert trouble.value.detail
    return trouble.value.reason


def png(path: Path, codes: np.ndarray) -> Path:
    path.write_bytes(imagecodecs.png_encode(codes))
    return path


@pytest.mark.parametrize("size", [(300, 200), (64, 64), (500, 100), (1, 1), (3, 100), (100, 2), (40, 1000)])
def test_short_side_is_the_working_size_and_the_aspect_stays(tmp_path: Path, size: tuple[int, int]) -> None:
    (luma,) = inspect(png(tmp_path / "scan", scene(*size)), working_size=64, max_megapixels=LIMIT).lumas
    assert luma.dtype == np.float32
    assert min(luma.shape) == 64
    assert luma.shape[1] / luma.shape[0] == pytest.approx(size[1] / size[0], rel=0.01)
    assert 0 <= luma.min() <= luma.max() <= 1


@pytest.mark.parametrize("size", [(1, 100), (1000, 4)])
def test_slivers_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    path = png(tmp_path / "scan", scene(*size))
    with pytest.raises(ItemError, match="crop it, or pass it over with --exclude") as caught:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    assert caught.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (7, 5)])
@pytest.mark.parametrize("form", ["PNG", "TIFF", "JPEG", "WEBP", "BMP", "PPM", "JPEG2000"])
def test_the_smallest_pictures_get_colour(tmp_path: Path, form: str, size: tuple[int, int]) -> None:
    codes = scene(*size)
    Image.fromarray(np.dstack([codes] * 3) if form == "WEBP" else codes).save(tmp_path / "scan", form)
    done = colour(tmp_path / "scan")
    assert (done.rendered.height, done.rendered.width) == size


@pytest.mark.parametrize("scale", [1, 3, 7, 12])
def test_jpeg_is_seen_alike_at_every_reduction(tmp_path: Path, scale: int) -> None:
    codes = smooth_scene(64 * scale, 80 * scale)
    (tmp_path / "scan").write_bytes(simplejpeg.encode_jpeg(codes[..., None], 90, "GRAY", "Gray"))
    (luma,) = inspect(tmp_path / "scan", working_size=64, max_megapixels=LIMIT).lumas
    expected = codes.reshape(64, scale, 80, scale).mean(axis=(1, 3)) / 255
    assert luma.shape == (64, 80)
    assert np.abs(luma - expected).max() < 0.015


def test_tiff_is_shrunk_by_area(tmp_path: Path) -> None:
    codes = scene(640, 640, 16)
    tifffile.imwrite(tmp_path / "scan", codes, photometric="minisblack", rowsperstrip=7)
    (luma,) = inspect(tmp_path / "scan", working_size=64, max_megapixels=LIMIT).lumas
    assert np.abs(luma - codes.reshape(64, 10, 64, 10).mean(axis=(1, 3)) / 65535).max() < 1e-4


def test_facts(tmp_path: Path) -> None:
    path = png(tmp_path / "scan", np.dstack([scene(depth=16)] * 2))
    facts = inspect(path, working_size=64, max_megapixels=LIMIT).facts
    assert (facts.format, facts.width, facts.height, facts.depth) == ("png", 83, 61, 16)
    assert (facts.channels, facts.pages, facts.orientation, facts.alpha) == (2, 1, 1, True)
    assert (facts.tone, facts.bilevel) == (Tone.GREY, False)
    assert (facts.nbytes, facts.mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)


def test_near_neutral_48_bit_scan_is_grey(tmp_path: Path) -> None:
    grey = scene(200, 200, 16).astype(float)
    noise = np.random.default_rng(0).normal(0, 300, (200, 200, 3))
    rgb = np.clip(grey[..., None] * (1.0, 0.985, 0.96) + noise, 0, 65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "scan", rgb, photometric="rgb")
    assert inspect(tmp_path / "scan", working_size=128, max_megapixels=LIMIT).facts.tone is Tone.GREY


def test_the_most_coloured_page_speaks_for_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colours = np.kron(rng.integers(0, 256, (5, 5, 3)), np.ones((20, 20, 1))).astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "scan") as writer:
        writer.write(scene(100, 100), photometric="minisblack", metadata=None)
        writer.write(colours, photometric="rgb", metadata=None)
    assert inspect(tmp_path / "scan", working_size=64, max_megapixels=LIMIT).facts.tone is Tone.COLOUR


def test_the_name_s_ending_does_not_count(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "scan.tif", scene(), photometric="minisblack")
    path = (tmp_path / "scan.tif").rename(tmp_path / "scan.jpg")
    done = colour(path)
    assert (done.inspection.facts.format, done.rendered.format) == ("tiff", "tiff")


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "PNG", "WEBP", "JPEG2000"])
def test_names_that_are_not_utf_8(tmp_path: Path, form: str) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9 \xff.bin")
    buffer = io.BytesIO()
    Image.fromarray(scene()).convert("RGB").save(buffer, form)
    path.write_bytes(buffer.getvalue())
    assert colour(path).rendered.luma in ("coefficients", "exact")


FAILURES = [
    (b"", Reason.EMPTY),
    (bytes(5000), Reason.UNREADABLE),
    (b"\0\5\x16\7" + bytes(200), Reason.UNREADABLE),
    (os.urandom(5000).replace(b"\xff\xd8", b"").join((b"~", b"")), Reason.UNREADABLE),
    (b"GIF89a" + bytes(100), Reason.UNREADABLE),
    (b"%PDF-1.7\n", Reason.UNSUPPORTED),
    (b"Salted__" + bytes(100), Reason.UNSUPPORTED),
    (b"\xff\xd8\xff\xe0", Reason.TRUNCATED),
    (b"\x89PNG\r\n\x1a\n", Reason.TRUNCATED),
    (b"II*\0\xff\xff\0\0", Reason.TRUNCATED),
    (b"II*\0\0\0\0\0", Reason.UNREADABLE),
    (b"RIFF\xff\0\0\0WEBPVP8 ", Reason.TRUNCATED),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Reason.TRUNCATED),
    (b"\xff\xd8\xff\xda" + bytes(50), Reason.UNREADABLE),
]


@pytest.mark.parametrize(("data", "reason"), FAILURES, ids=range(len(FAILURES)))
def test_what_is_no_picture_fails_with_its_reason(tmp_path: Path, data: bytes, reason: Reason) -> None:
    (tmp_path / "scan").write_bytes(data)
    assert reason_of(tmp_path / "scan") is reason


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    assert reason_of(tmp_path / "scan") is Reason.VANISHED


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = png(tmp_path / "scan", scene())
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        # Root may read everything, so be nobody for a moment.
        os.seteuid(65534)
    try:
        assert reason_of(path) is Reason.PERMISSION
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "JPEG", "WEBP", "BMP", "PPM", "JPEG2000"])
def test_the_limit_is_read_from_the_header(tmp_path: Path, form: str) -> None:
    with (tmp_path / "scan").open("wb") as file:
        Image.fromarray(scene(200, 300)).convert("RGB").save(file, form)
    data = (tmp_path / "scan").read_bytes()
    # Damaged pixels would be noticed first if they were decoded.
    (tmp_path / "scan").write_bytes(data[: int(len(data) * 0.9)] + bytes(len(data) - int(len(data) * 0.9)))
    assert reason_of(tmp_path / "scan", max_megapixels=0.05) is Reason.TOO_LARGE


def test_a_bomb_is_refused_at_once(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    (tmp_path / "scan").write_bytes(data + chunk(b"IEND", b""))
    assert reason_of(tmp_path / "scan", max_megapixels=1000) is Reason.TOO_LARGE
