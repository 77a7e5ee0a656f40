"""PNG and its traps: depths, palettes, transparency, gamma, large text, damage."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from picture_journey import LIMIT, colour, grey_codes, scene
from PIL import Image, PngImagePlugin

from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import png_chunks
from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.inspect import inspect


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    return data[:33] + b"".join(chunks) + data[33:]


def chunks_of(path: Path) -> dict[bytes, bytes]:
    data, at, found = path.read_bytes(), 8, {}
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        found[name] = data[at + 8 : at + 8 + size]
        at += size + 12
    return found


def scan_of(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "scan.png"
    path.write_bytes(data)
    return path


def pillow_scan(tmp_path: Path, picture: Image.Image, **options: object) -> Path:
    path = tmp_path / "scan.png"
    picture.save(path, "PNG", **options)
    return path


def reason_of(path: Path) -> Reason:
    with pytest.raises(ItemError) as error:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    return error.value.reason


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("colours", [1, 3])
def test_alpha_survives_at_its_depth(tmp_path: Path, colours: int, depth: int) -> None:
    grey, alpha = scene(depth=depth), scene(depth=depth, seed=4)[::-1]
    path = scan_of(tmp_path, imagecodecs.png_encode(np.dstack([grey] * colours + [alpha])))
    done = colour(path)
    out = imagecodecs.png_decode(done.path.read_bytes())
    assert out.dtype == grey.dtype
    assert np.array_equal(out[..., 3], alpha)
    assert np.array_equal(luma_codes(out[..., :3]), grey)


def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (128, 1))
    seen = inspect(scan_of(tmp_path, imagecodecs.png_encode(ramp)), working_size=64, max_megapixels=LIMIT)
    assert seen.lumas[0].mean() == pytest.approx(0.5, abs=0.01)


def test_grey_saved_with_a_palette(tmp_path: Path) -> None:
    done = colour(pillow_scan(tmp_path, Image.fromarray(scene()).convert("P")))
    assert np.array_equal(luma_codes(imagecodecs.png_decode(done.path.read_bytes())), scene())


def test_palette_with_a_transparent_entry(tmp_path: Path) -> None:
    path = pillow_scan(tmp_path, Image.fromarray(scene()).convert("P"), transparency=255)
    expected = np.asarray(Image.open(path).convert("RGBA"))
    out = imagecodecs.png_decode(colour(path).path.read_bytes())
    assert np.array_equal(out[..., 3], expected[..., 3])
    assert (out[..., 3] == 0).any()


def test_grey_with_a_transparent_code(tmp_path: Path) -> None:
    path = pillow_scan(tmp_path, Image.fromarray(scene()), transparency=0)
    out = imagecodecs.png_decode(colour(path).path.read_bytes())
    assert np.array_equal(out[..., 3] == 0, scene() == 0)
    assert np.array_equal(luma_codes(out[..., :3]), scene())


def test_two_bit_grey(tmp_path: Path) -> None:
    row = b"\0" + bytes([0b00011011]) * 8
    head = struct.pack(">IIBBBBB", 32, 16, 2, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row * 16)) + chunk(b"IEND", b"")
    done = colour(scan_of(tmp_path, b"\x89PNG\r\n\x1a\n" + body))
    out = luma_codes(imagecodecs.png_decode(done.path.read_bytes()))
    assert np.array_equal(out[0, :4], [0, 85, 170, 255])


def test_one_bit_is_bilevel(tmp_path: Path) -> None:
    path = pillow_scan(tmp_path, Image.fromarray(scene() > 90))
    assert inspect(path, working_size=64, max_megapixels=LIMIT).facts.bilevel


def test_density_stays(tmp_path: Path) -> None:
    done = colour(pillow_scan(tmp_path, Image.fromarray(scene()), dpi=(300, 600)))
    assert chunks_of(done.path)[b"pHYs"] == chunks_of(tmp_path / "scan.png")[b"pHYs"]


def test_gamma_is_kept_and_said(tmp_path: Path) -> None:
    gamma = struct.pack(">I", 55556)
    path = scan_of(tmp_path, with_chunks(imagecodecs.png_encode(scene()), chunk(b"gAMA", gamma)))
    done = colour(path)
    chunks = chunks_of(done.path)
    assert chunks[b"gAMA"] == gamma
    assert b"iCCP" not in chunks
    assert np.array_equal(luma_codes(imagecodecs.png_decode(done.path.read_bytes())), scene())
    assert "gAMA kept, not applied" in done.rendered.notes


def test_large_compressed_text_does_no_harm(tmp_path: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a" * 2_400_000, zip=True)
    done = colour(pillow_scan(tmp_path, Image.fromarray(scene()), pnginfo=text))
    assert done.rendered.luma == "exact"


def test_packed_text_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = b"Raw profile type iptc\0\0" + zlib.compress(b"\niptc\n       4\n1c020000\n")
    path = scan_of(tmp_path, with_chunks(imagecodecs.png_encode(scene()), chunk(b"zTXt", profile)))
    unpacked, inflated = [], png_chunks.inflated

    def counted(data: bytes) -> bytes | None:
        unpacked.append(data)
        return inflated(data)

    monkeypatch.setattr(png_chunks, "inflated", counted)
    with open_image(path, LIMIT) as picture:
        assert picture.reader.metadata().iptc == b"\x1c\x02\0\0"
        assert picture.reader.metadata() is picture.reader.metadata()
    assert len(unpacked) == 1


def test_an_animation_of_one_frame_is_a_still_picture(tmp_path: Path) -> None:
    control = struct.pack(">IIIIIHHBB", 0, scene().shape[1], scene().shape[0], 0, 0, 1, 10, 0, 0)
    chunks = [chunk(b"acTL", struct.pack(">II", 1, 0)), chunk(b"fcTL", control)]
    path = scan_of(tmp_path, with_chunks(imagecodecs.png_encode(scene()), b"".join(chunks)))
    done = colour(path)
    assert np.array_equal(grey_codes(done.path), scene())
    assert not any(name in done.path.read_bytes() for name in (b"acTL", b"fcTL"))


def test_animated_png_is_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(scene(seed=i)) for i in range(3)]
    path = tmp_path / "scan.png"
    frames[0].save(path, "PNG", save_all=True, append_images=frames[1:])
    assert reason_of(path) is Reason.UNSUPPORTED


def test_a_chunk_that_a_reader_must_know_is_named(tmp_path: Path) -> None:
    plain = imagecodecs.png_encode(scene())
    path = scan_of(tmp_path, plain[:33] + chunk(b"CgBI", b"\x50\0\x20\2") + plain[33:])
    with pytest.raises(ItemError, match="the chunk 'CgBI'") as error:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    assert error.value.reason is Reason.UNSUPPORTED


def test_interlaced(tmp_path: Path) -> None:
    # Adam7 of a picture of one row and two columns: pass 1 holds the first pixel, pass 6 the second.
    head = struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 1)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\x40" + b"\0\xb0")) + chunk(b"IEND", b"")
    out = colour(scan_of(tmp_path, b"\x89PNG\r\n\x1a\n" + body)).path.read_bytes()
    assert luma_codes(imagecodecs.png_decode(out)).tolist() == [[0x40, 0xB0]]


@pytest.mark.parametrize("keep", [20, 0.5, -40])
def test_a_cut_file_is_truncated(tmp_path: Path, keep: float) -> None:
    data = imagecodecs.png_encode(scene(200, 200))
    end = int(len(data) * keep) if 0 < keep < 1 else int(keep)
    assert reason_of(scan_of(tmp_path, data[:end])) is Reason.TRUNCATED


def test_without_its_end_chunk_but_with_every_row(tmp_path: Path) -> None:
    data = imagecodecs.png_encode(scene(200, 200))[:-12]
    done = colour(scan_of(tmp_path, data))
    assert np.array_equal(luma_codes(imagecodecs.png_decode(done.path.read_bytes())), scene(200, 200))
    assert "every row is there, though the end chunk is missing" in done.rendered.notes
    with pytest.raises(ItemError) as error:
        inspect(tmp_path / "scan.png", working_size=64, max_megapixels=LIMIT, strict=True)
    assert error.value.reason is Reason.TRUNCATED


@pytest.mark.parametrize("rows", [199, 100])
def test_not_with_a_row_less(tmp_path: Path, rows: int) -> None:
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in scene(200, 200)[:rows]))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 200, 200, 8, 0, 0, 0, 0))
    scan = scan_of(tmp_path, b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", packed))
    assert reason_of(scan) is Reason.TRUNCATED


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    data = bytearray(imagecodecs.png_encode(scene(200, 200)))
    data[len(data) // 2] ^= 0xFF
    assert reason_of(scan_of(tmp_path, bytes(data))) is Reason.UNREADABLE
