"""JPEG 2000: palettes, the order of channels, alpha among them, and YCC."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from picture_journey import LIMIT, colour, grey_codes, scene
from PIL import Image

from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.inspect import inspect


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, name) + body


def jp2(samples: np.ndarray, space: int, *boxes: bytes) -> bytes:
    """The samples as they are in a JP2 of this colour space, with more boxes in its header."""
    stream = imagecodecs.jpeg2k_encode(samples, level=0, reversible=True, codecformat="j2k", mct=False)
    height, width = samples.shape[:2]
    count = 1 if samples.ndim == 2 else samples.shape[2]
    depth = samples.dtype.itemsize * 8 - 1
    head = box(b"ihdr", struct.pack(">IIH4B", height, width, count, depth, 7, 0, 0))
    head += box(b"colr", b"\1\0\0" + struct.pack(">I", space))
    start = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    return start + box(b"jp2h", head + b"".join(boxes)) + box(b"jp2c", bytes(stream))


def definition(*rows: tuple[int, int, int]) -> bytes:
    return box(b"cdef", struct.pack(">H", len(rows)) + b"".join(struct.pack(">HHH", *row) for row in rows))


def scan_of(folder: Path, data: bytes) -> Path:
    (folder / "scan").write_bytes(data)
    return folder / "scan"


def rgb_of(path: Path) -> np.ndarray:
    with open_image(path, LIMIT) as picture:
        return np.concatenate([band.codes for band in picture.reader.bands(0)])


def reason_of(path: Path) -> Reason:
    with pytest.raises(ItemError) as error:
        colour(path)
    return error.value.reason


def palette(entries: np.ndarray, bits: int = 8) -> bytes:
    count, columns = entries.shape
    values = entries.astype(">u2" if bits > 8 else "u1").tobytes()
    maps = b"".join(struct.pack(">HBB", 0, 1, column) for column in range(columns))
    return box(b"pclr", struct.pack(">HB", count, columns) + bytes([bits - 1] * columns) + values) + box(
        b"cmap", maps
    )


COLOURS = np.random.default_rng(4).integers(0, 256, (256, 3))


class TestPalette:
    def test_grey(self, tmp_path: Path) -> None:
        shades = np.repeat(np.arange(255, -1, -1)[:, None], 3, axis=1)
        done = colour(scan_of(tmp_path, jp2(scene(), 16, palette(shades))))
        assert np.array_equal(luma_codes(imagecodecs.jpeg2k_decode(done.path.read_bytes())), 255 - scene())

    def test_colours(self, tmp_path: Path) -> None:
        path = scan_of(tmp_path, jp2(scene(), 16, palette(COLOURS)))
        assert np.array_equal(rgb_of(path), COLOURS[scene()])

    @pytest.mark.parametrize("bits", [12, 16])
    def test_deep_entries(self, tmp_path: Path, bits: int) -> None:
        deep = np.random.default_rng(4).integers(0, 1 << bits, (256, 1))
        path = scan_of(tmp_path, jp2(scene(), 17, palette(deep, bits)))
        top = (1 << bits) - 1
        assert np.array_equal(grey_codes(path), (deep[scene(), 0] * 65535 + top // 2) // top)

    def test_an_index_behind_the_last_entry_is_that_one(self, tmp_path: Path) -> None:
        path = scan_of(tmp_path, jp2(scene(), 16, palette(COLOURS[:100])))
        assert np.array_equal(rgb_of(path), COLOURS[np.minimum(scene(), 99)])

    def test_as_ffmpeg_writes_it(self, tmp_path: Path) -> None:
        """Its palette of 8 bits has 256 colours of its own choice."""
        Image.fromarray(scene(60, 84)).save(tmp_path / "scan.png")
        made = ["-vf", "format=pal8", "-c:v", "jpeg2000", "-pred", "dwt53", "scan.jp2"]
        for words in ([*made[:2], "pal.png"], made):
            subprocess.run(
                ["ffmpeg", "-v", "error", "-y", "-i", "scan.png", *words], cwd=tmp_path, check=True
            )
        expected = np.asarray(Image.open(tmp_path / "pal.png").convert("RGB"))
        assert np.array_equal(rgb_of(tmp_path / "scan.jp2"), expected)

    @pytest.mark.parametrize("cut", [1, 4, 200])
    def test_a_cut_palette_is_damage(self, tmp_path: Path, cut: int) -> None:
        whole = palette(COLOURS)
        body, maps = whole[8 : -20 - cut], whole[-20:]
        assert reason_of(scan_of(tmp_path, jp2(scene(), 16, box(b"pclr", body), maps))) is Reason.UNREADABLE

    def test_a_map_to_no_column_is_damage(self, tmp_path: Path) -> None:
        boxes = palette(COLOURS)[:-4] + struct.pack(">HBB", 0, 1, 3)
        assert reason_of(scan_of(tmp_path, jp2(scene(), 16, boxes))) is Reason.UNREADABLE


class TestDefinition:
    def test_colours_in_another_order(self, tmp_path: Path) -> None:
        rgb = np.dstack([scene(seed=seed) for seed in range(3)])
        data = jp2(rgb[..., ::-1].copy(), 16, definition((0, 0, 3), (1, 0, 2), (2, 0, 1)))
        assert np.array_equal(rgb_of(scan_of(tmp_path, data)), rgb)

    def test_alpha_before_the_colour(self, tmp_path: Path) -> None:
        alpha = scene(seed=3)
        data = jp2(np.dstack([alpha, scene()]), 17, definition((0, 1, 0), (1, 0, 1)))
        done = colour(scan_of(tmp_path, data))
        assert np.array_equal(grey_codes(done.path), np.dstack([scene(), alpha]))

    def test_a_second_channel_that_means_nothing_is_named(self, tmp_path: Path) -> None:
        data = jp2(np.dstack([scene(), scene(seed=3)]), 17, definition((0, 0, 1), (1, 65535, 65535)))
        done = colour(scan_of(tmp_path, data))
        assert np.array_equal(grey_codes(done.path), scene())
        assert done.rendered.lost == ("samples besides colour and alpha",)

    def test_more_channels_than_alpha(self, tmp_path: Path) -> None:
        planes = np.dstack([scene(seed=seed) for seed in range(5)])
        rows = [(0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 1, 0), (4, 65535, 65535)]
        done = colour(scan_of(tmp_path, jp2(planes, 16, definition(*rows))))
        assert np.array_equal(grey_codes(done.path)[..., 0], luma_codes(planes[..., :3]))
        assert np.array_equal(grey_codes(done.path)[..., 1], planes[..., 3])

    def test_a_channel_that_there_is_none_of_is_damage(self, tmp_path: Path) -> None:
        assert reason_of(scan_of(tmp_path, jp2(scene(), 17, definition((4, 0, 1))))) is Reason.UNREADABLE


def j2k(**options: object) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(scene(), level=0, reversible=True, codecformat="j2k", **options))


def strictly(path: Path) -> Reason:
    with pytest.raises(ItemError) as error:
        inspect(path, working_size=64, max_megapixels=LIMIT, strict=True)
    return error.value.reason


class TestEnd:
    @pytest.mark.parametrize("form", ["j2k", "jp2"])
    def test_without_its_marker(self, tmp_path: Path, form: str) -> None:
        whole = j2k() if form == "j2k" else jp2(scene(), 17)
        done = colour(scan_of(tmp_path, whole[:-2]))
        assert np.array_equal(grey_codes(done.path), scene())
        assert "every tile is there, though the end marker is missing" in done.rendered.notes
        assert strictly(tmp_path / "scan") is Reason.TRUNCATED

    @pytest.mark.parametrize("cut", [3, 4, 40, 2000])
    def test_but_not_with_less(self, tmp_path: Path, cut: int) -> None:
        assert reason_of(scan_of(tmp_path, j2k()[:-cut])) is Reason.TRUNCATED

    def test_not_with_a_tile_less(self, tmp_path: Path) -> None:
        """Of two tiles, by the header of the picture, one is there."""
        stream = bytearray(j2k())
        stream[24:28] = struct.pack(">I", -(-scene().shape[1] // 2))
        assert reason_of(scan_of(tmp_path, bytes(stream[:-2]))) is Reason.TRUNCATED

    def test_not_where_a_part_does_not_say_how_long_it_is(self, tmp_path: Path) -> None:
        stream = bytearray(j2k())
        at = stream.index(b"\xff\x90")
        stream[at + 6 : at + 10] = bytes(4)
        assert np.array_equal(grey_codes(scan_of(tmp_path, bytes(stream))), scene())
        assert reason_of(scan_of(tmp_path, bytes(stream[:-2]))) is Reason.TRUNCATED


class TestYcc:
    def test_grey(self, tmp_path: Path) -> None:
        half = np.full_like(scene(), 128)
        done = colour(scan_of(tmp_path, jp2(np.dstack([scene(), half, half]), 18)))
        assert np.array_equal(luma_codes(imagecodecs.jpeg2k_decode(done.path.read_bytes())), scene())

    def test_colours(self, tmp_path: Path) -> None:
        codes = np.tile(np.uint8([126, 90, 160]), (32, 32, 1))
        (rgb,) = np.unique(rgb_of(scan_of(tmp_path, jp2(codes, 18))).reshape(-1, 3), axis=0)
        expected = [126 + 1.402 * 32, 126 - 0.344136 * -38 - 0.714136 * 32, 126 + 1.772 * -38]
        assert np.abs(rgb - expected).max() <= 0.51

    @pytest.mark.parametrize("layout", ["yuv444p", "yuv422p", "yuv420p"])
    def test_as_ffmpeg_writes_it(self, tmp_path: Path, layout: str) -> None:
        Image.fromarray(scene(60, 84)).save(tmp_path / "scan.png")
        for words in (
            ["-pix_fmt", layout, "scan.yuv"],
            ["-pix_fmt", layout, "-c:v", "jpeg2000", "-pred", "dwt53", "scan.jp2"],
        ):
            subprocess.run(
                ["ffmpeg", "-v", "error", "-y", "-i", "scan.png", *words], cwd=tmp_path, check=True
            )
        luma = np.fromfile(tmp_path / "scan.yuv", np.uint8)[: 60 * 84].reshape(60, 84)
        seen = inspect(tmp_path / "scan.jp2", working_size=64, max_megapixels=LIMIT)
        assert seen.facts.tone.value == "grey"
        assert np.array_equal(grey_codes(tmp_path / "scan.jp2"), luma)
