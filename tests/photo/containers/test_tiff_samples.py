"""TIFF samples of unusual kinds: YCbCr without JPEG, signed ones, and those of more bits than they need."""

from __future__ import annotations

import io
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile
from picture_journey import LIMIT, colour, grey_codes, scene
from PIL import Image

from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.inspect import inspect

FFMPEG = ["ffmpeg", "-v", "error", "-y"]


def scan_of(folder: Path, codes: object, **options: object) -> Path:
    tifffile.imwrite(
        folder / "scan.tif",
        codes,
        **{"photometric": "minisblack", "metadata": None, "software": False} | options,
    )
    return folder / "scan.tif"


def reason_of(path: Path) -> Reason:
    with pytest.raises(ItemError) as error:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    return error.value.reason


def notes_of(path: Path) -> tuple[str, ...]:
    return inspect(path, working_size=64, max_megapixels=LIMIT).facts.notes


def units(codes: np.ndarray, across: int, down: int) -> bytes:
    """Y, Cb and Cr codes (h, w, 3) as TIFF 6.0 stores them where so many pixels share their chroma."""
    height, width = codes.shape[:2]
    whole = np.pad(codes, [(0, -height % down), (0, -width % across), (0, 0)], mode="edge")
    out = bytearray()
    for top in range(0, len(whole), down):
        for left in range(0, whole.shape[1], across):
            unit = whole[top : top + down, left : left + across]
            out += unit[..., 0].tobytes() + unit[0, 0, 1:].tobytes()
    return bytes(out)


def ycbcr_scan(
    folder: Path, codes: np.ndarray, subsampling: tuple[int, int], rows: int, *extra: tuple
) -> Path:
    """The codes as a TIFF by hand, in strips of so many rows; `extra`: tags (code, type, count, values)."""
    data, offsets = bytearray(b"II*\0" + bytes(4)), []
    strips = [units(codes[top : top + rows], *subsampling) for top in range(0, len(codes), rows)]
    for strip in strips:
        offsets.append(len(data))
        data += strip
    height, width = codes.shape[:2]
    tags = [(256, 4, 1, [width]), (257, 4, 1, [height]), (258, 3, 3, [8, 8, 8]), (259, 3, 1, [1])]
    tags += [(262, 3, 1, [6]), (273, 4, len(strips), offsets), (277, 3, 1, [3]), (278, 4, 1, [rows])]
    tags += [(279, 4, len(strips), list(map(len, strips))), (530, 3, 2, list(subsampling)), *extra]
    data[4:8] = struct.pack("<I", len(data) + len(data) % 2)
    data += bytes(len(data) % 2)
    after = len(data) + 2 + 12 * len(tags) + 4
    table, values = struct.pack("<H", len(tags)), b""
    for code, kind, count, numbers in sorted(tags):
        packed = struct.pack(f"<{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        if len(packed) > 4:
            values, packed = values + packed, struct.pack("<I", after + len(values))
        table += struct.pack("<HHI", code, kind, count) + packed.ljust(4, b"\0")
    (folder / "scan.tif").write_bytes(data + table + bytes(4) + values)
    return folder / "scan.tif"


def grey_ycbcr() -> np.ndarray:
    """Y, Cb and Cr codes of a grey scene."""
    return np.dstack([scene(), np.full_like(scene(), 128), np.full_like(scene(), 128)])


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4)])
@pytest.mark.parametrize("rows", [8, 61])
def test_ycbcr_without_jpeg(tmp_path: Path, rows: int, subsampling: tuple[int, int]) -> None:
    assert np.array_equal(grey_codes(ycbcr_scan(tmp_path, grey_ycbcr(), subsampling, rows)), scene())


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 2)])
def test_colours_of_ycbcr_are_those_of_its_tags(tmp_path: Path, subsampling: tuple[int, int]) -> None:
    codes = np.tile(np.uint8([[[126, 90, 180]]]), (16, 16, 1))
    weights = (2126, 10000, 7152, 10000, 722, 10000)
    references = (16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1)
    extra = [(529, 5, 3, weights), (532, 5, 6, references)]
    with open_image(ycbcr_scan(tmp_path, codes, subsampling, 16, *extra), LIMIT) as picture:
        (band,) = picture.reader.bands(0)
    luma, cb, cr = (126 - 16) * 255 / 219, -38 * 127 / 112, 52 * 127 / 112
    red, blue = luma + 2 * (1 - 0.2126) * cr, luma + 2 * (1 - 0.0722) * cb
    green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152
    assert np.abs(band.codes.astype(float) - [red, green, blue]).max() <= 0.51


@pytest.mark.parametrize("packing", ["raw", "lzw", "deflate", "packbits"])
@pytest.mark.parametrize("layout", ["yuv444p", "yuv422p", "yuv420p", "yuv411p", "yuv410p"])
def test_ycbcr_as_ffmpeg_writes_it(tmp_path: Path, layout: str, packing: str) -> None:
    Image.fromarray(scene(60, 84)).save(tmp_path / "scan.png")
    words = ["-i", "scan.png", "-vf", f"format={layout}", "-compression_algo", packing, "scan.tif"]
    subprocess.run([*FFMPEG, *words], cwd=tmp_path, check=True)
    # It squeezes luma into 16..235, but says 15..235.
    codes = np.rint(scene(60, 84) * (219 / 255)) + 16
    expected = np.clip(np.rint((codes - 15) * (255 / 220)), 0, 255)
    assert np.abs(grey_codes(tmp_path / "scan.tif").astype(int) - expected).max() <= 2


def test_ycbcr_of_fewer_rows_than_it_says_is_damage(tmp_path: Path) -> None:
    path = ycbcr_scan(tmp_path, grey_ycbcr(), (2, 2), 61)
    path.write_bytes(
        path.read_bytes().replace(struct.pack("<HHII", 257, 4, 1, 61), struct.pack("<HHII", 257, 4, 1, 99))
    )
    assert reason_of(path) is Reason.UNREADABLE


def test_ycbcr_with_samples_for_every_pixel_though_it_is_called_subsampled(tmp_path: Path) -> None:
    path = ycbcr_scan(tmp_path, grey_ycbcr(), (1, 1), 8)
    before, after = (struct.pack("<HHIHH", 530, 3, 2, step, step) for step in (1, 2))
    path.write_bytes(path.read_bytes().replace(before, after))
    assert np.array_equal(grey_codes(path), scene())


@pytest.mark.parametrize("subsampling", [(3, 1), (0, 2)])
def test_chroma_for_an_impossible_number_of_pixels_is_damage(
    tmp_path: Path, subsampling: tuple[int, int]
) -> None:
    path = ycbcr_scan(tmp_path, grey_ycbcr(), (1, 1), 61)
    before = struct.pack("<HHIHH", 530, 3, 2, 1, 1)
    path.write_bytes(path.read_bytes().replace(before, struct.pack("<HHIHH", 530, 3, 2, *subsampling)))
    assert reason_of(path) is Reason.UNREADABLE


def old_jpeg(folder: Path, jpeg: bytes, photometric: int) -> Path:
    """A TIFF of old JPEG by hand, with the whole stream as its one strip."""
    samples = 3 if photometric == 6 else 1
    height, width = scene().shape
    tags = [(256, width), (257, height), (258, 8), (259, 6), (262, photometric), (273, 8), (277, samples)]
    tags += [(278, height), (279, len(jpeg)), (512, 1), (513, 8), (514, len(jpeg))]
    start = 8 + len(jpeg) + len(jpeg) % 2
    table = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", code, 4, 1, value) for code, value in tags
    )
    head = b"II*\0" + struct.pack("<I", start)
    (folder / "scan.tif").write_bytes((head + jpeg).ljust(start, b"\0") + table + bytes(4))
    return folder / "scan.tif"


def jpeg_of(codes: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(codes).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_old_jpeg_of_ycbcr(tmp_path: Path, subsampling: str) -> None:
    jpeg = jpeg_of(np.dstack([scene()] * 3), subsampling=subsampling)
    expected = luma_codes(np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")))
    assert np.abs(grey_codes(old_jpeg(tmp_path, jpeg, 6)).astype(int) - expected).max() <= 1


def test_old_jpeg_that_is_damaged_or_in_parts_is_refused_for_that(tmp_path: Path) -> None:
    jpeg = jpeg_of(scene())
    assert np.array_equal(grey_codes(old_jpeg(tmp_path, jpeg, 1)), np.asarray(Image.open(io.BytesIO(jpeg))))
    middle = len(jpeg) * 2 // 3
    damaged = jpeg[:middle] + bytes(range(1, 60)) + jpeg[middle + 59 :]
    assert reason_of(old_jpeg(tmp_path, damaged, 1)) is Reason.UNREADABLE
    assert reason_of(old_jpeg(tmp_path, jpeg[jpeg.index(b"\xff\xda") + 10 :], 1)) is Reason.UNSUPPORTED


SIGNED = [np.int8, np.int16, np.int32, np.int64]


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("kind", SIGNED)
def test_signed_samples_from_the_lowest_number_on(
    tmp_path: Path, kind: type, compression: str | None
) -> None:
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    codes = (scene() / 255 * (float(high) - low) + low).clip(low, np.nextafter(high, 0)).astype(kind)
    path = scan_of(tmp_path, codes, compression=compression)
    expected = scene() if kind is np.int8 else scene().astype(int) * 257
    assert np.abs(grey_codes(path).astype(int) - expected).max() <= 1
    assert f"signed samples taken as {low}..{high}" in notes_of(path)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize(
    ("kind", "white"), [(np.int8, 127), (np.int16, 32767), (np.int16, 255), (np.int32, 65535)]
)
def test_signed_samples_that_are_hardly_ever_below_zero(
    tmp_path: Path, kind: type, white: int, photometric: str
) -> None:
    codes = np.rint(scene() / 255 * white).astype(kind)
    codes[20, 20:23] = -3
    path = scan_of(tmp_path, codes, photometric=photometric)
    full = 255 if kind is np.int8 else 65535
    expected = np.rint(codes.clip(0) * (full / white))
    if photometric == "miniswhite":
        expected = full - expected
    assert np.abs(grey_codes(path) - expected).max() <= 1
    assert f"signed samples taken as 0..{white}, clipped below" in notes_of(path)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_unsigned_samples_that_are_called_signed(tmp_path: Path, compression: str | None) -> None:
    path = scan_of(tmp_path, scene(depth=16).view(np.int16), compression=compression)
    done = colour(path)
    assert np.array_equal(luma_codes(tifffile.imread(done.path)), scene(depth=16))
    assert "called signed, but smooth as unsigned samples alone: read as those" in done.rendered.notes


@pytest.mark.parametrize(("kind", "white"), [(np.uint32, 255), (np.uint32, 65535), (np.uint64, 65535)])
def test_samples_in_a_wider_type_than_they_need(tmp_path: Path, kind: type, white: int) -> None:
    codes = scene(depth=8 if white == 255 else 16)
    path = scan_of(tmp_path, codes.astype(kind))
    assert np.array_equal(grey_codes(path), codes.astype(np.uint16) * (65535 // white))
    assert f"{np.iinfo(kind).bits}-bit samples taken as 0..{white}" in notes_of(path)
