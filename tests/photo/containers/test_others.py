"""WebP, BMP, netpbm, JPEG 2000 and HEIC: their own traps."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from picture_journey import LIMIT, colour, grey_codes, scene, smooth_scene
from PIL import Image

from archivecolor.colour.luma import luma_codes
from archivecolor.colour.tone import Tone
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.inspect import inspect


def scan_of(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "scan"
    path.write_bytes(data)
    return path


def pillow_scan(tmp_path: Path, picture: Image.Image, form: str, **options: object) -> Path:
    picture.save(tmp_path / "scan", form, **options)
    return tmp_path / "scan"


def reason_of(path: Path) -> Reason:
    with pytest.raises(ItemError) as error:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    return error.value.reason


def read_png(path: Path) -> np.ndarray:
    return imagecodecs.png_decode(path.read_bytes())


class TestWebp:
    def test_lossy_source_gives_a_lossless_output_of_its_decoded_codes(self, tmp_path: Path) -> None:
        path = pillow_scan(tmp_path, Image.fromarray(np.dstack([scene()] * 3)), "WEBP", quality=70)
        grey = luma_codes(np.asarray(Image.open(path).convert("RGB")))
        done = colour(path)
        assert done.rendered.luma == "exact"
        assert np.array_equal(luma_codes(np.asarray(Image.open(done.path))), grey)

    def test_alpha_survives_with_what_lies_under_it(self, tmp_path: Path) -> None:
        alpha = scene(seed=3)[::-1]
        picture = Image.fromarray(np.dstack([scene()] * 3 + [alpha]))
        done = colour(pillow_scan(tmp_path, picture, "WEBP", lossless=True, exact=True))
        out = np.asarray(Image.open(done.path))
        assert np.array_equal(out[..., 3], alpha)
        assert np.array_equal(luma_codes(out[..., :3]), scene())

    def test_animation_is_refused(self, tmp_path: Path) -> None:
        frames = [Image.fromarray(scene(seed=i)) for i in range(2)]
        path = pillow_scan(tmp_path, frames[0], "WEBP", save_all=True, append_images=frames[1:])
        assert reason_of(path) is Reason.UNSUPPORTED

    def test_a_cut_file_is_truncated(self, tmp_path: Path) -> None:
        path = pillow_scan(tmp_path, Image.fromarray(scene(200, 200)), "WEBP", lossless=True)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert reason_of(path) is Reason.TRUNCATED


class TestBmp:
    def test_palette_and_density(self, tmp_path: Path) -> None:
        path = pillow_scan(tmp_path, Image.fromarray(scene()).convert("P"), "BMP", dpi=(300, 200))
        done = colour(path)
        assert np.array_equal(luma_codes(np.asarray(Image.open(done.path))), scene())
        with open_image(path, LIMIT) as before, open_image(done.path, LIMIT) as after:
            assert after.reader.pages[0].density == before.reader.pages[0].density

    def test_one_bit_is_bilevel(self, tmp_path: Path) -> None:
        path = pillow_scan(tmp_path, Image.fromarray(scene() > 90), "BMP")
        assert inspect(path, working_size=64, max_megapixels=LIMIT).facts.bilevel

    def test_lost_alpha_is_named(self, tmp_path: Path) -> None:
        picture = Image.fromarray(np.dstack([scene()] * 3 + [scene(seed=2)]))
        data = bytearray(pillow_scan(tmp_path, picture, "BMP").read_bytes())
        # Pillow writes no alpha mask; version 4 headers have one.
        masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
        head = struct.pack("<I", 108) + data[18:30] + struct.pack("<I", 3) + data[34:54]
        size = struct.pack("<IHHI", len(data) + 68, 0, 0, 122)
        path = scan_of(tmp_path, b"BM" + size + head + masks + bytes(52) + data[54:])
        done = colour(path)
        assert done.inspection.facts.alpha
        assert "alpha" in done.rendered.lost

    def test_a_cut_file_is_truncated(self, tmp_path: Path) -> None:
        path = pillow_scan(tmp_path, Image.fromarray(scene()), "BMP")
        path.write_bytes(path.read_bytes()[:3000])
        assert reason_of(path) is Reason.TRUNCATED


class TestNetpbm:
    def test_a_sample_over_white_is_damage(self, tmp_path: Path) -> None:
        path = tmp_path / "scan"
        path.write_bytes(b"P5\n2 2\n99\n" + bytes([0, 99, 50, 100]))
        with pytest.raises(ItemError, match="a sample of 100") as error:
            inspect(path, working_size=64, max_megapixels=LIMIT)
        assert error.value.reason is Reason.UNREADABLE

    @pytest.mark.parametrize("maxval", [99, 4095])
    def test_white_is_what_the_header_says(self, tmp_path: Path, maxval: int) -> None:
        codes = np.rint(scene() * (maxval / 255)).astype(">u2" if maxval > 255 else "u1")
        head = f"P5\n# made by hand\n{codes.shape[1]} {codes.shape[0]}\n{maxval}\n".encode()
        done = colour(scan_of(tmp_path, head + codes.tobytes()))
        full = 65535 if maxval > 255 else 255
        out = np.asarray(grey_codes(done.path))
        assert np.array_equal(out, np.rint(codes.astype(float) * (full / maxval)))
        assert any(f"white is {maxval}" in note for note in done.rendered.notes)

    def test_plain_text(self, tmp_path: Path) -> None:
        path = scan_of(tmp_path, b"P2\n3 2\n255\n0 100 200\n255 7 8\n")
        assert grey_codes(path).tolist() == [[0, 100, 200], [255, 7, 8]]

    @pytest.mark.parametrize("data", [b"P1\n3 2\n0 1 0 1 1 1\n", b"P4\n8 1\n\xaa"])
    def test_bitmaps_are_bilevel(self, tmp_path: Path, data: bytes) -> None:
        assert inspect(scan_of(tmp_path, data), working_size=64, max_megapixels=LIMIT).facts.bilevel

    def test_a_cut_file_is_truncated(self, tmp_path: Path) -> None:
        path = pillow_scan(tmp_path, Image.fromarray(scene()), "PPM")
        path.write_bytes(path.read_bytes()[:3000])
        assert reason_of(path) is Reason.TRUNCATED

    def test_cut_text_fails(self, tmp_path: Path) -> None:
        assert reason_of(scan_of(tmp_path, b"P2\n3 2\n255\n0 100")) is Reason.UNREADABLE


class TestFloatMaps:
    def written(self, kind: str, order: str, white: float = 1.0) -> bytes:
        floats = (scene() / 255 * white)[::-1]
        rows = (floats if kind == "Pf" else np.dstack([floats] * 3)).astype(f"{order}f4")
        head = f"{kind}\n{rows.shape[1]} {rows.shape[0]}\n{'-' if order == '<' else ''}1.0\n"
        return head.encode() + rows.tobytes()

    @pytest.mark.parametrize("kind", ["Pf", "PF"])
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("white", [1.0, 255.0])
    def test_kept_as_png_of_16_bits(self, tmp_path: Path, kind: str, order: str, white: float) -> None:
        done = colour(scan_of(tmp_path, self.written(kind, order, white)))
        assert done.rendered.format == "png"
        assert np.array_equal(grey_codes(done.path), scene().astype(np.uint16) * 257)
        assert f"float samples taken as 0..{white:g}" in done.rendered.notes
        assert done.rendered.lost == ("samples of 32 bits, written at 16",)

    def test_a_cut_file_is_truncated_and_what_lies_behind_is_named(self, tmp_path: Path) -> None:
        data = self.written("Pf", "<")
        assert "data after the picture" in colour(scan_of(tmp_path, data + b"more")).rendered.lost
        assert reason_of(scan_of(tmp_path, data[:-9])) is Reason.TRUNCATED

    @pytest.mark.parametrize(
        "head", [b"Pf\n99999999 99999999\n-1\n", b"Pf\n0 3\n-1\n", b"PF\n3 3\n0\n", b"Pf\nx"]
    )
    def test_no_head_is_believed(self, tmp_path: Path, head: bytes) -> None:
        assert reason_of(scan_of(tmp_path, head + bytes(99))) in (
            Reason.TRUNCATED,
            Reason.UNREADABLE,
            Reason.TOO_LARGE,
        )


class TestJpeg2000:
    def test_16_bit_rgb_stays_deep(self, tmp_path: Path) -> None:
        rgb = np.dstack([scene(depth=16)] * 3)
        data = imagecodecs.jpeg2k_encode(rgb, level=0, reversible=True, codecformat="jp2")
        done = colour(scan_of(tmp_path, data))
        assert done.rendered.depth == 16
        assert np.array_equal(grey_codes(done.path), scene(depth=16))

    def test_bare_codestream_is_written_as_jp2(self, tmp_path: Path) -> None:
        data = imagecodecs.jpeg2k_encode(scene(), level=0, reversible=True, codecformat="j2k")
        done = colour(scan_of(tmp_path, data))
        assert done.path.read_bytes()[4:8] == b"jP  "
        assert np.array_equal(grey_codes(done.path), scene())

    def test_codes_do_not_go_through_the_profile(self, tmp_path: Path) -> None:
        from PIL import ImageCms

        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        data = imagecodecs.jpeg2k_encode(
            np.dstack([scene(depth=16)] * 3), level=0, reversible=True, codecformat="jp2"
        )
        plain = data[data.index(b"colr") - 4 :][:15]
        colr = struct.pack(">I4sBBB", 11 + len(profile), b"colr", 2, 0, 0) + profile
        start = data.index(b"jp2h") - 4
        size = int.from_bytes(data[start : start + 4], "big") + len(colr) - len(plain)
        data = data.replace(plain, colr).replace(data[start : start + 8], struct.pack(">I4s", size, b"jp2h"))
        path = scan_of(tmp_path, data)
        assert np.array_equal(grey_codes(path), scene(depth=16))
        done = colour(path)
        with open_image(done.path, LIMIT) as after:
            assert after.reader.pages[0].icc == profile

    def test_a_cut_codestream_is_truncated(self, tmp_path: Path) -> None:
        data = imagecodecs.jpeg2k_encode(scene(200, 200), level=0, reversible=True, codecformat="jp2")
        assert reason_of(scan_of(tmp_path, data[: len(data) * 2 // 3])) is Reason.TRUNCATED

    def test_other_colour_spaces_are_refused(self, tmp_path: Path) -> None:
        data = imagecodecs.jpeg2k_encode(np.dstack([scene()] * 3), level=0, codecformat="jp2")
        srgb, lab = (b"colr\1\0\0\0\0\0" + bytes([space]) for space in (16, 14))
        assert srgb in data
        assert reason_of(scan_of(tmp_path, data.replace(srgb, lab))) is Reason.UNSUPPORTED


class TestHeic:
    def test_kept_as_png_code_for_code(self, tmp_path: Path, heic: Path) -> None:
        path = scan_of(tmp_path, (heic / "grey.heic").read_bytes())
        done = colour(path)
        assert (done.rendered.format, done.rendered.luma) == ("png", "exact")
        assert done.inspection.facts.tone is Tone.GREY
        assert np.array_equal(luma_codes(read_png(done.path)), grey_codes(path))

    def test_turned_once_by_the_container_and_not_again(self, tmp_path: Path, heic: Path) -> None:
        plain = grey_codes(scan_of(tmp_path, (heic / "grey.heic").read_bytes())).astype(int)
        path = scan_of(tmp_path, (heic / "turned.heic").read_bytes())
        seen = inspect(path, working_size=64, max_megapixels=LIMIT)
        assert seen.facts.orientation == 1
        assert np.abs(grey_codes(path).astype(int) - np.rot90(plain, -1)).mean() < 2

    def test_ten_bits_reach_white(self, tmp_path: Path, heic: Path) -> None:
        eight = grey_codes(scan_of(tmp_path, (heic / "grey.heic").read_bytes()))
        path = scan_of(tmp_path, (heic / "deep.heic").read_bytes())
        deep = grey_codes(path)
        assert inspect(path, working_size=64, max_megapixels=LIMIT).facts.depth == 10
        assert deep.dtype == np.uint16
        assert np.abs(deep / 257 - eight.astype(float)).mean() < 2

    def test_alpha_survives(self, tmp_path: Path, heic: Path) -> None:
        done = colour(scan_of(tmp_path, (heic / "alpha.heic").read_bytes()))
        assert np.ptp(read_png(done.path)[..., 3]) > 100

    def test_a_cut_file_is_truncated(self, tmp_path: Path, heic: Path) -> None:
        path = scan_of(tmp_path, (heic / "grey.heic").read_bytes()[:-200])
        assert reason_of(path) is Reason.TRUNCATED


def test_lossy_webp_of_a_smooth_scene_is_grey(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([smooth_scene()] * 3)).save(buffer, "WEBP", quality=60)
    seen = inspect(scan_of(tmp_path, buffer.getvalue()), working_size=64, max_megapixels=LIMIT)
    assert seen.facts.tone is Tone.GREY


class TestHarmless:
    """What a decoder or a header may say without a pixel being lost."""

    def written(self, tmp_path: Path, form: str) -> bytes:
        codes = np.dstack([scene()] * 3) if form == "WEBP" else scene()
        options = {"lossless": True} if form == "WEBP" else {}
        return pillow_scan(tmp_path, Image.fromarray(codes), form, **options).read_bytes()

    @pytest.mark.parametrize("at", [(2, b"\0\0\0\0"), (2, b"\x7f\xff\0\0"), (6, b"abcd"), (26, b"\0\0")])
    def test_fields_of_a_bitmap_that_decide_nothing(self, tmp_path: Path, at: tuple[int, bytes]) -> None:
        data = bytearray(self.written(tmp_path, "BMP"))
        data[at[0] : at[0] + len(at[1])] = at[1]
        assert np.array_equal(grey_codes(colour(scan_of(tmp_path, bytes(data))).path), scene())

    def test_a_bitmap_that_says_no_resolution_gets_none(self, tmp_path: Path) -> None:
        data = bytearray(self.written(tmp_path, "BMP"))
        data[38:46] = bytes(8)
        done = colour(scan_of(tmp_path, bytes(data)))
        with open_image(done.path, LIMIT) as after:
            assert after.reader.pages[0].density is None

    @pytest.mark.parametrize(
        "head",
        [
            b"P5\n#c\n%d #d\n %d\n#e\n255\n",
            b"P5 %d %d 255\n",
            b"P5#a\n%d\n#b\n#c\n%d\n255\n",
            b"P5\n%d %d\n255 #x\n",
            b"P5\r\n%d %d\r\n255\r\n",
            b"P5\r\n#y\r\n%d %d\r\n255\r\n",
        ],
    )
    def test_comments_anywhere_in_a_netpbm_header(self, tmp_path: Path, head: bytes) -> None:
        codes = scene()
        codes[0, :3] = 35, 10, 35  # samples that could be a comment
        path = scan_of(tmp_path, head % codes.shape[::-1] + codes.tobytes())
        assert np.array_equal(grey_codes(colour(path).path), codes)

    def test_comments_in_the_header_of_a_bitmap(self, tmp_path: Path) -> None:
        path = scan_of(tmp_path, b"P1#a\n3#b\n2\n0 1 0 1 1 1\n")
        assert inspect(path, working_size=64, max_megapixels=LIMIT).facts.bilevel

    @pytest.mark.parametrize("size", [4, 10**6])
    @pytest.mark.parametrize("front", [b"", b"ABCD\4\0\0\0zzzz"])
    def test_a_webp_whose_container_is_wrong_about_itself(
        self, tmp_path: Path, size: int, front: bytes
    ) -> None:
        data = self.written(tmp_path, "WEBP")
        path = scan_of(tmp_path, data[:4] + struct.pack("<I", size) + data[8:12] + front + data[12:])
        done = colour(path)
        assert np.array_equal(luma_codes(np.asarray(Image.open(done.path))), scene())
        assert any("the picture in it is not" in note for note in done.rendered.notes)
        with pytest.raises(ItemError):
            inspect(path, working_size=64, max_megapixels=LIMIT, strict=True)

    @pytest.mark.parametrize("name", [b"tEXt", b"gAMA", b"pHYs", b"iCCP", b"abCd"])
    def test_side_chunks_of_a_png_with_wrong_checksums(self, tmp_path: Path, name: bytes) -> None:
        data = self.written(tmp_path, "PNG")
        side = struct.pack(">I", 9) + name + struct.pack(">IIB", 3000, 3000, 1) + b"oops"
        assert np.array_equal(
            grey_codes(colour(scan_of(tmp_path, data[:33] + side + data[33:])).path), scene()
        )


class TestFlat:
    @pytest.mark.parametrize("mode", ["L", "P", "RGB"])
    def test_a_gif_is_kept_as_png(self, tmp_path: Path, mode: str) -> None:
        codes = scene() // 4 * 4
        picture = Image.fromarray(codes) if mode in ("L", "P") else Image.fromarray(np.dstack([codes] * 3))
        done = colour(pillow_scan(tmp_path, picture.convert(mode), "GIF"))
        assert (done.rendered.format, done.rendered.luma) == ("png", "exact")
        assert np.array_equal(luma_codes(read_png(done.path)[..., :3]), codes)

    def test_an_animated_gif_is_refused(self, tmp_path: Path) -> None:
        frames = [Image.fromarray(scene(seed=i)) for i in range(2)]
        assert reason_of(
            pillow_scan(tmp_path, frames[0], "GIF", save_all=True, append_images=frames[1:])
        ) is (Reason.UNSUPPORTED)

    def test_an_avif_is_kept_as_png(self, tmp_path: Path) -> None:
        about = Image.Exif()
        about[270] = "Market square"
        path = pillow_scan(tmp_path, Image.fromarray(smooth_scene()), "AVIF", quality=95, exif=about)
        done = colour(path)
        assert done.rendered.format == "png"
        assert np.abs(luma_codes(read_png(done.path)).astype(int) - smooth_scene()).mean() < 3
        with open_image(done.path, LIMIT) as after:
            assert b"Market square" in (after.reader.metadata().exif or b"")

    @pytest.mark.parametrize("form", ["GIF", "AVIF"])
    def test_a_cut_file_fails(self, tmp_path: Path, form: str) -> None:
        path = pillow_scan(tmp_path, Image.fromarray(scene(200, 200)), form)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert reason_of(path) in (Reason.UNREADABLE, Reason.TRUNCATED)

    def test_the_flat_picture_of_a_photoshop_file(self, tmp_path: Path) -> None:
        codes = scene()
        head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 1, *codes.shape, 8, 1)
        layers = struct.pack(">I", 4) + b"some"
        done = colour(scan_of(tmp_path, head + bytes(8) + layers + b"\0\0" + codes.tobytes()))
        assert np.array_equal(luma_codes(read_png(done.path)), codes)
        assert "layers of the Photoshop file" in done.rendered.lost
