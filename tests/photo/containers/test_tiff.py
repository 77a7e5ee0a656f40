"""TIFF and its traps: depths, polarities, layouts, thumbnails, many pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import simplejpeg
import tifffile
from picture_journey import LIMIT, colour, grey_codes, scene
from PIL import Image

from archivecolor.colour.luma import luma_codes
from archivecolor.colour.tone import Tone
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.inspect import inspect


def scan_of(tmp_path: Path, codes: np.ndarray, **options: object) -> Path:
    path = tmp_path / "scan.tif"
    tifffile.imwrite(path, codes, **{"photometric": "minisblack", "metadata": None, **options})
    return path


def rgb_page(path: Path, page: int = 0) -> np.ndarray:
    with tifffile.TiffFile(path) as tiff:
        return tiff.pages[page].asarray()


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("depth", [8, 16])
def test_white_is_white_in_both_polarities(tmp_path: Path, depth: int, photometric: str) -> None:
    seen = scene(depth=depth)
    stored = ~seen if photometric == "miniswhite" else seen
    done = colour(scan_of(tmp_path, stored, photometric=photometric))
    assert np.array_equal(luma_codes(rgb_page(done.path)), seen)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_one_bit_pages_are_bilevel(tmp_path: Path, photometric: str) -> None:
    path = scan_of(tmp_path, scene() > 100, photometric=photometric)
    seen = inspect(path, working_size=64, max_megapixels=LIMIT)
    assert seen.facts.bilevel
    assert seen.lumas == ()


def test_group_4_fax_is_bilevel(tmp_path: Path) -> None:
    path = tmp_path / "fax.tif"
    Image.fromarray(scene() > 100).save(path, "TIFF", compression="group4")
    assert inspect(path, working_size=64, max_megapixels=LIMIT).facts.bilevel


def test_big_endian_samples(tmp_path: Path) -> None:
    codes = scene(depth=16)
    done = colour(scan_of(tmp_path, codes, byteorder=">"))
    assert np.array_equal(luma_codes(rgb_page(done.path)), codes)


@pytest.mark.parametrize(("depth", "out"), [(4, 8), (12, 16)])
def test_odd_depths_are_scaled_by_their_own_white(tmp_path: Path, depth: int, out: int) -> None:
    codes = scene(depth=depth)
    done = colour(scan_of(tmp_path, codes, bitspersample=depth))
    top, full = (1 << depth) - 1, (1 << out) - 1
    assert np.array_equal(luma_codes(rgb_page(done.path)), np.rint(codes * (full / top)))
    assert done.inspection.facts.depth == depth
    assert any("samples written at" in note for note in done.rendered.notes)


def test_32_bit_samples_are_unsigned(tmp_path: Path) -> None:
    codes = scene(depth=16).astype(np.uint32) * 65537
    done = colour(scan_of(tmp_path, codes))
    assert np.array_equal(luma_codes(rgb_page(done.path)), codes // 65537)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_float_samples_from_0_to_1(tmp_path: Path, kind: type) -> None:
    codes = (scene() / 255).astype(kind)
    done = colour(scan_of(tmp_path, codes))
    assert np.array_equal(luma_codes(rgb_page(done.path)), np.rint(codes.astype(np.float64) * 65535))
    assert "float samples taken as 0..1" in done.rendered.notes


def test_float_samples_of_another_range_are_stretched_and_said_so(tmp_path: Path) -> None:
    codes = scene().astype(np.float32) * 10 - 500
    codes[3, 4] = np.nan
    done = colour(scan_of(tmp_path, codes))
    grey = luma_codes(rgb_page(done.path))
    assert grey.min() == 0
    assert grey.max() == 65535
    assert any(note.startswith("float samples stretched from -500..") for note in done.rendered.notes)


def test_rgb_floats(tmp_path: Path) -> None:
    codes = np.dstack([scene() / np.float32(255)] * 3).astype(np.float32)
    done = colour(scan_of(tmp_path, codes, photometric="rgb"))
    assert done.inspection.facts.tone is Tone.GREY
    assert np.array_equal(luma_codes(rgb_page(done.path)), np.rint(scene() * 257.0))


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("depth", [8, 16])
def test_planar_rgb(tmp_path: Path, depth: int, compression: str | None) -> None:
    rng = np.random.default_rng(1)
    planes = rng.integers(0, 1 << depth, (3, 50, 70)).astype(scene(depth=depth).dtype)
    path = scan_of(
        tmp_path, planes, photometric="rgb", planarconfig="separate", compression=compression, rowsperstrip=16
    )
    done = colour(path)
    assert np.array_equal(luma_codes(rgb_page(done.path)), luma_codes(np.moveaxis(planes, 0, -1)))


def test_16_bit_rgb_keeps_its_levels(tmp_path: Path) -> None:
    ramp = np.arange(0, 65536, 8, dtype=np.uint16).reshape(64, 128)
    done = colour(scan_of(tmp_path, np.dstack([ramp] * 3), photometric="rgb"))
    assert len(np.unique(luma_codes(rgb_page(done.path)))) == ramp.size


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("colours", [1, 3])
def test_alpha_survives(tmp_path: Path, colours: int, depth: int, kind: int) -> None:
    grey, alpha = scene(depth=depth), scene(depth=depth, seed=5)[::-1]
    samples = np.dstack([grey] * colours + [alpha])
    photometric = "rgb" if colours == 3 else "minisblack"
    path = scan_of(tmp_path, samples, photometric=photometric, planarconfig="contig", extrasamples=(kind,))
    done = colour(path)
    with tifffile.TiffFile(done.path) as tiff:
        out, kinds = tiff.pages[0].asarray(), tiff.pages[0].extrasamples
    assert kinds == (kind,)
    assert np.array_equal(out[..., 3], alpha)
    assert np.array_equal(luma_codes(out[..., :3]), grey)


def premultiplied_scan(tmp_path: Path, depth: int, colours: int) -> tuple[Path, np.ndarray, np.ndarray]:
    """A scan whose alpha is multiplied in, but for a corner whose grey goes beyond it."""
    top = (1 << depth) - 1
    alpha = scene(depth=depth, seed=5)[::-1].copy()
    grey = np.rint(scene(depth=depth) * (alpha / top)).astype(alpha.dtype)
    grey[-9:, -9:], alpha[-9:, -9:] = top // 2, top // 4
    path = scan_of(
        tmp_path,
        np.dstack([grey] * colours + [alpha]),
        photometric="rgb" if colours == 3 else "minisblack",
        planarconfig="contig",
        extrasamples=(1,),
    )
    return path, grey, alpha


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("colours", [1, 3])
def test_no_colour_goes_beyond_alpha_that_is_multiplied_in(tmp_path: Path, colours: int, depth: int) -> None:
    path, grey, alpha = premultiplied_scan(tmp_path, depth, colours)
    out = rgb_page(colour(path).path)
    assert np.array_equal(luma_codes(out[..., :3]), grey)
    assert np.array_equal(out[..., 3], alpha)
    within = grey <= alpha
    assert (out[within, :3].max(axis=-1) <= alpha[within]).all()
    assert np.ptp(out[~within, :3].astype(int), axis=-1).max() == 0
    assert np.ptp(out[within, :3].astype(int), axis=-1).max() > 20


def test_alpha_is_divided_out_where_the_output_holds_it_beside_the_codes(tmp_path: Path) -> None:
    path, grey, alpha = premultiplied_scan(tmp_path, 16, 1)
    done = colour(path, format="png")
    codes = grey_codes(done.path)
    seen = alpha > 0
    expected = np.minimum(np.rint(grey[seen] / alpha[seen] * 65535), 65535)
    assert np.abs(codes[seen, 0] - expected).max() <= 1
    assert np.array_equal(codes[..., 1], alpha)
    assert done.rendered.luma == "re-encoded"
    assert any("divided out" in note for note in done.rendered.notes)
    assert not any("divided out" in note for note in colour(path).rendered.notes)


@pytest.mark.parametrize("depth", [8, 16])
def test_cmyk_becomes_rgb(tmp_path: Path, depth: int) -> None:
    paper = scene(depth=depth)
    inks = np.dstack([np.zeros_like(paper)] * 3 + [~paper])
    done = colour(scan_of(tmp_path, inks, photometric="separated", planarconfig="contig"))
    out = rgb_page(done.path)
    assert out.dtype == paper.dtype
    assert np.array_equal(luma_codes(out), paper)


def test_grey_lab_is_grey_and_coloured_lab_is_not(tmp_path: Path) -> None:
    lab = np.dstack([scene(), np.zeros_like(scene()), np.zeros_like(scene())])
    path = scan_of(tmp_path, lab, photometric="cielab")
    assert inspect(path, working_size=64, max_megapixels=LIMIT).facts.tone is Tone.GREY
    lab[:, :40, 1], lab[:, 40:, 2] = 60, 190
    path = scan_of(tmp_path, lab, photometric="cielab")
    assert inspect(path, working_size=64, max_megapixels=LIMIT).facts.tone is Tone.COLOUR


def test_lab_lightness_becomes_grey_codes(tmp_path: Path) -> None:
    lab = np.zeros((16, 16, 3), np.uint8)
    lab[..., 0] = 137
    codes = grey_codes(scan_of(tmp_path, lab, photometric="cielab"))
    # L* 53.7 has the sRGB code 128.5.
    assert abs(int(codes[0, 0]) - 128) <= 1


def test_palette_pages(tmp_path: Path) -> None:
    shades = np.tile(np.arange(255, -1, -1, dtype=np.uint16) * 257, (3, 1))
    done = colour(scan_of(tmp_path, scene(), photometric="palette", colormap=shades))
    out = rgb_page(done.path)
    assert out.dtype == np.uint8
    assert np.array_equal(luma_codes(out), 255 - scene())


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "zstd", "packbits", "lzma"])
@pytest.mark.parametrize("tile", [None, (32, 48)])
def test_lossless_storage_is_kept(
    tmp_path: Path, tile: tuple[int, int] | None, compression: str | None
) -> None:
    codes = scene(depth=16)
    done = colour(scan_of(tmp_path, codes, compression=compression, tile=tile))
    with tifffile.TiffFile(tmp_path / "scan.tif") as before, tifffile.TiffFile(done.path) as after:
        old, new = before.pages[0], after.pages[0]
        assert new.compression == old.compression
        assert new.is_tiled == old.is_tiled
        assert (new.tilelength, new.tilewidth) == (old.tilelength, old.tilewidth) or not tile
        assert np.array_equal(luma_codes(new.asarray()), codes)


def test_lzw_with_predictor(tmp_path: Path) -> None:
    codes = scene(depth=16)
    done = colour(scan_of(tmp_path, codes, compression="lzw", predictor=2))
    assert np.array_equal(luma_codes(rgb_page(done.path)), codes)


@pytest.mark.parametrize("compression", ["jpeg", "webp", "jpeg2000"])
def test_lossy_storage_becomes_deflate_and_says_so(tmp_path: Path, compression: str) -> None:
    rgb = np.dstack([scene()] * 3)
    path = scan_of(tmp_path, rgb, photometric="rgb", compression=compression, tile=(32, 32))
    done = colour(path)
    with tifffile.TiffFile(done.path) as after:
        assert after.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert np.array_equal(luma_codes(after.pages[0].asarray()), luma_codes(rgb_page(path)))
    assert any("deflate" in note for note in done.rendered.notes)


def test_jpeg_in_tiff_with_ycbcr(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    Image.fromarray(np.dstack([scene()] * 3)).save(path, "TIFF", compression="jpeg")
    done = colour(path)
    assert done.inspection.facts.tone is Tone.GREY
    assert np.abs(luma_codes(rgb_page(done.path)).astype(int) - scene()).mean() < 6


def test_damage_inside_jpeg_in_tiff_is_found(tmp_path: Path) -> None:
    path = scan_of(tmp_path, scene(200, 200), compression="jpeg")
    with tifffile.TiffFile(path) as tiff:
        offset, count = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
    data = bytearray(path.read_bytes())
    middle = offset + count // 2
    data[middle : middle + 400] = np.random.default_rng(0).integers(0, 255, 400, np.uint8).tobytes()
    path.write_bytes(data)
    assert tifffile.imread(path).shape == (200, 200), "the usual reader passes over it"
    with pytest.raises(ItemError) as damage:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    assert damage.value.reason is Reason.UNREADABLE


def test_one_value_from_many_bytes_is_no_picture(tmp_path: Path) -> None:
    path = scan_of(tmp_path, np.zeros((64, 64), np.uint8), compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        strip = path.read_bytes()[page.dataoffsets[0] :][: page.databytecounts[0]]
    padded = strip + bytes(range(256)) * 8

    def strips() -> object:
        yield padded

    path = scan_of(tmp_path, strips(), shape=(64, 64), dtype="uint8", compression="zlib", rowsperstrip=64)
    with pytest.raises(ItemError) as damage:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    assert damage.value.reason is Reason.UNREADABLE


def test_bigtiff_stays_bigtiff(tmp_path: Path) -> None:
    done = colour(scan_of(tmp_path, scene(), bigtiff=True))
    with tifffile.TiffFile(done.path) as tiff:
        assert tiff.is_bigtiff


def test_all_pages_get_colour(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    pages = [scene(40 + 9 * i, 50, depth, seed=i) for i, depth in enumerate((8, 16, 8))]
    with tifffile.TiffWriter(path) as writer:
        for page in pages:
            writer.write(page, photometric="minisblack", metadata=None)
    done = colour(path)
    assert (done.inspection.facts.pages, done.rendered.pages) == (3, 3)
    with tifffile.TiffFile(done.path) as tiff:
        assert len(tiff.pages) == 3
    for number, page in enumerate(pages):
        out = rgb_page(done.path, number)
        assert np.array_equal(luma_codes(out), page)
        assert np.ptp(out.astype(int), axis=-1).max() > 20


def test_pages_of_another_tone_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    rgb = np.dstack([scene(), scene()[::-1], scene()[:, ::-1]])
    with tifffile.TiffWriter(path) as writer:
        for page in (scene(), rgb, scene(seed=2)):
            writer.write(page, photometric="rgb" if page.ndim == 3 else "minisblack", metadata=None)
    facts = inspect(path, working_size=64, max_megapixels=LIMIT).facts
    assert (facts.tone, facts.pages, facts.other_pages) == (Tone.COLOUR, 3, 2)


def test_many_pages_do_not_fit_in_a_png(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    tifffile.imwrite(path, np.stack([scene()] * 2), photometric="minisblack", metadata=None)
    with pytest.raises(ItemError) as refusal:
        colour(path, format="png")
    assert refusal.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("thumbnail_first", [True, False])
def test_thumbnail_pages_are_neither_taken_nor_kept(tmp_path: Path, thumbnail_first: bool) -> None:
    path = tmp_path / "scan.tif"
    whole, small = scene(64, 64), scene(16, 16)
    order = [(small, 1), (whole, 0)] if thumbnail_first else [(whole, 0), (small, 1)]
    with tifffile.TiffWriter(path) as writer:
        for codes, kind in order:
            writer.write(codes, photometric="minisblack", subfiletype=kind, metadata=None)
    done = colour(path)
    assert (done.inspection.facts.width, done.inspection.facts.pages) == (64, 1)
    assert "reduced pages and masks" in done.rendered.lost
    with tifffile.TiffFile(done.path) as tiff:
        assert len(tiff.pages) == 1
    assert np.array_equal(luma_codes(rgb_page(done.path)), whole)


def test_pyramids_in_sub_pages_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(scene(64, 64), photometric="minisblack", subifds=1, metadata=None)
        writer.write(scene(32, 32), photometric="minisblack", subfiletype=1, metadata=None)
    done = colour(path)
    assert "reduced pages and masks" in done.rendered.lost
    assert np.array_equal(luma_codes(rgb_page(done.path)), scene(64, 64))


@pytest.mark.parametrize(
    ("resolution", "unit"), [((300, 300), "inch"), ((11811 / 100, 118.11), "centimeter"), ((4, 3), "none")]
)
def test_density_keeps_value_and_unit(tmp_path: Path, resolution: tuple[float, float], unit: str) -> None:
    done = colour(scan_of(tmp_path, scene(), resolution=resolution, resolutionunit=unit))
    with tifffile.TiffFile(tmp_path / "scan.tif") as before, tifffile.TiffFile(done.path) as after:
        for code in (282, 283, 296):
            assert after.pages[0].tags[code].value == before.pages[0].tags[code].value


def test_no_tags_of_the_library_are_added(tmp_path: Path) -> None:
    done = colour(scan_of(tmp_path, scene(), software=False))
    with tifffile.TiffFile(done.path) as tiff:
        names = {tag.name for tag in tiff.pages[0].tags}
    assert not names & {"Software", "ImageDescription", "DateTime"}


def test_half_a_file_is_truncated(tmp_path: Path) -> None:
    path = scan_of(tmp_path, scene(), compression="zlib")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ItemError) as damage:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    assert damage.value.reason is Reason.TRUNCATED


def test_a_cut_chain_of_pages_is_truncated_not_shortened(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    with tifffile.TiffWriter(path) as writer:
        for seed in range(3):
            writer.write(scene(seed=seed), photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path) as tiff:
        last = tiff.pages[2].offset
    path.write_bytes(path.read_bytes()[:last])
    with pytest.raises(ItemError) as damage:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    assert damage.value.reason is Reason.TRUNCATED


def test_a_whole_picture_below_a_thumbnail_is_found(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(scene(16, 16), photometric="minisblack", subfiletype=1, subifds=1, metadata=None)
        writer.write(scene(64, 64), photometric="minisblack", subfiletype=0, metadata=None)
    done = colour(path)
    assert np.array_equal(luma_codes(rgb_page(done.path)), scene(64, 64))


def test_a_page_that_calls_itself_reduced_is_still_a_picture(tmp_path: Path) -> None:
    done = colour(scan_of(tmp_path, scene(), subfiletype=1))
    assert np.array_equal(luma_codes(rgb_page(done.path)), scene())


def test_strips_that_are_missing_or_short_are_not_made_up(tmp_path: Path) -> None:
    path = scan_of(tmp_path, scene(), compression="zlib", rowsperstrip=16)
    with tifffile.TiffFile(path) as tiff:
        counts = tiff.pages[0].tags["StripByteCounts"]
        place = counts.valueoffset
        size = (counts.dtype_name in ("LONG", 4) and 4) or 2
    for count in (2, 5):
        data = bytearray(path.read_bytes())
        data[place : place + size] = count.to_bytes(size, "little")
        broken = tmp_path / "broken.tif"
        broken.write_bytes(data)
        with pytest.raises(ItemError) as damage:
            inspect(broken, working_size=64, max_megapixels=LIMIT)
        assert damage.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_a_large_page_goes_through_in_bands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str | None
) -> None:
    import tracemalloc

    from archivecolor.photo import render
    from archivecolor.photo.containers import bands

    monkeypatch.setattr(bands, "BAND_BYTES", 1 << 19)
    monkeypatch.setattr(render, "copy_metadata", lambda *_: ())
    codes = np.tile(scene(500, 2000, 16), (8, 1))
    path = scan_of(tmp_path, codes, compression=compression, rowsperstrip=8 if compression else 4000)
    del codes
    tracemalloc.start()
    done = colour(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert done.rendered.nbytes > 40e6
    assert peak < 12e6, "the page's RGB alone would be 48 MB"


FLOATS = {
    "plain": (1.0, lambda codes: None),
    "glare": (1.0, lambda codes: codes.__setitem__((slice(5, 8), slice(5, 9)), 6.0)),
    "overshoot": (1.0, lambda codes: codes.__setitem__((3, 3), 1.0004)),
    "below zero": (1.0, lambda codes: codes.__setitem__((4, slice(4, 9)), -0.5)),
    "no numbers": (1.0, lambda codes: codes.__setitem__((slice(5, 9), slice(5, 9)), np.nan)),
    "infinite": (1.0, lambda codes: codes.__setitem__((5, 5), np.inf)),
    "0 to 255": (255.0, lambda codes: None),
    "0 to 65535": (65535.0, lambda codes: None),
    "0 to 255 with glare": (255.0, lambda codes: codes.__setitem__((slice(5, 8), slice(5, 9)), 3000.0)),
}


@pytest.mark.parametrize("kind", FLOATS)
def test_odd_floats_do_not_move_the_others(tmp_path: Path, kind: str) -> None:
    white, change = FLOATS[kind]
    plain = (scene(depth=16) / 65535 * 0.98).astype(np.float32)
    codes = plain * np.float32(white)
    change(codes)
    done = colour(scan_of(tmp_path, codes))
    expected = np.rint(np.clip(np.nan_to_num(codes / white, nan=0, posinf=1, neginf=0), 0, 1) * 65535)
    assert np.abs(luma_codes(rgb_page(done.path)).astype(int) - expected).max() <= 1
    assert any(note.startswith(f"float samples taken as 0..{white:g}") for note in done.rendered.notes)


def test_whole_numbers_as_floats_are_codes(tmp_path: Path) -> None:
    dark = (scene() // 200).astype(np.float32)
    dark[0, 0] = 255
    done = colour(scan_of(tmp_path, dark))
    assert np.array_equal(luma_codes(rgb_page(done.path)), np.rint(dark * 257))


def without_tag(path: Path, code: int) -> Path:
    """The TIFF with one tag of its first page under a private number that says nothing."""
    data = bytearray(path.read_bytes())
    start = int.from_bytes(data[4:8], "little")
    for number in range(int.from_bytes(data[start : start + 2], "little")):
        at = start + 2 + 12 * number
        if int.from_bytes(data[at : at + 2], "little") == code:
            data[at : at + 2] = (65000).to_bytes(2, "little")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("samples", [1, 3, 4])
def test_a_page_without_photometric_interpretation_is_no_negative(
    tmp_path: Path, samples: int, depth: int
) -> None:
    codes = scene(depth=depth)
    raster = codes if samples == 1 else np.dstack([codes] * samples)
    photometric = "minisblack" if samples == 1 else "rgb"
    path = scan_of(tmp_path, raster, photometric=photometric, planarconfig=None if samples == 1 else "contig")
    done = colour(without_tag(path, 262))
    assert np.array_equal(luma_codes(rgb_page(done.path)[..., :3]), codes)
    assert any("black taken as zero" in note for note in done.rendered.notes)


def test_a_page_that_does_not_say_its_depth_is_no_line_art(tmp_path: Path) -> None:
    with pytest.raises(ItemError, match="no word on its bits") as refusal:
        inspect(without_tag(scan_of(tmp_path, scene()), 258), working_size=64, max_megapixels=LIMIT)
    assert refusal.value.reason is Reason.UNSUPPORTED


def with_counts(path: Path, change: object, number: int = 0) -> Path:
    """The TIFF with another byte count of a strip."""
    with tifffile.TiffFile(path) as tiff:
        counts = tiff.pages[0].tags["StripByteCounts"]
        place, size = counts.valueoffset, {3: 2, 4: 4}[int(counts.dtype)]
    data = bytearray(path.read_bytes())
    at = place + number * size
    count = change(int.from_bytes(data[at : at + size], "little"))
    data[at : at + size] = min(count, 256**size - 1).to_bytes(size, "little")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("count", [lambda _: 0, lambda own: own // 3, lambda own: own * 50])
@pytest.mark.parametrize(("depth", "rows"), [(8, 16), (16, 16), (8, 61), (12, 16)])
def test_byte_counts_of_uncompressed_strips_follow_from_the_rest(
    tmp_path: Path, depth: int, rows: int, count: object
) -> None:
    codes = scene(depth=depth)
    options = {"bitspersample": 12} if depth == 12 else {}
    path = scan_of(tmp_path, codes, rowsperstrip=rows, **options)
    whole = grey_codes(path)
    done = colour(with_counts(path, count))
    assert np.array_equal(luma_codes(rgb_page(done.path)), whole)
    assert any("byte counts" in note for note in done.rendered.notes)


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "zstd", "jpeg"])
@pytest.mark.parametrize("tile", [None, (32, 32)])
@pytest.mark.parametrize("trouble", ["zero", "beyond the end", "missing"])
def test_byte_counts_of_compressed_strips_that_cannot_be(
    tmp_path: Path, compression: str, tile: tuple[int, int] | None, trouble: str
) -> None:
    options = {"rowsperstrip": 61} if tile is None else {"tile": tile}
    path = scan_of(tmp_path, scene(), compression=compression, **options)
    codes, code = grey_codes(path), 279 if tile is None else 325
    if trouble == "missing":
        without_tag(path, code)
    else:
        with tifffile.TiffFile(path, mode="r+") as tiff:
            tag = tiff.pages[0].tags[code]
            tag.overwrite([0 if trouble == "zero" else 60000] * tag.count, dtype=tag.dtype)
    done = colour(path)
    assert np.array_equal(grey_codes(done.path), codes)
    assert any(note.startswith("byte counts of strips that cannot be") for note in done.rendered.notes)


def test_strips_of_no_bytes_at_one_place_are_not_the_next_one(tmp_path: Path) -> None:
    path = scan_of(tmp_path, scene(), compression="zlib", rowsperstrip=16)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        offsets, counts = (tiff.pages[0].tags[code] for code in (273, 279))
        where, sizes = list(offsets.value), list(counts.value)
        where[1], sizes[1] = where[2], 0
        offsets.overwrite(where, dtype=offsets.dtype)
        counts.overwrite(sizes, dtype=counts.dtype)
    with pytest.raises(ItemError) as damage:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    assert damage.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "zstd", "jpeg"])
@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
def test_a_compressed_strip_that_is_cut_is_truncated(tmp_path: Path, compression: str, kept: float) -> None:
    path = scan_of(tmp_path, scene(), compression=compression, rowsperstrip=61)
    data = path.read_bytes()
    with tifffile.TiffFile(path) as tiff:
        (start,), (count,) = tiff.pages[0].dataoffsets, tiff.pages[0].databytecounts
    assert start > len(data) - count - 2
    path.write_bytes(data[: start + int(count * kept)])
    with pytest.raises(ItemError) as error:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    assert error.value.reason is Reason.TRUNCATED


def test_rows_that_are_not_there_are_not_made_up(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(scene(), photometric="minisblack", metadata=None, rowsperstrip=61)
        writer.write(scene(300, 300), photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path) as tiff:
        tags = tiff.pages[0].tags
        places = [(tags[code].offset + 8, tags[code].dtype) for code in (257, 278)]
    data = bytearray(path.read_bytes())
    for place, kind in places:
        size = {3: 2, 4: 4}[int(kind)]
        data[place : place + size] = (90).to_bytes(size, "little")
    path.write_bytes(data)
    with pytest.raises(ItemError) as damage:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    assert damage.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize(("first", "second"), [(None, None), (0, None), (1, 0), (1, 1), (None, 1)])
def test_the_largest_picture_counts_wherever_it_stands(
    tmp_path: Path, first: int | None, second: int | None
) -> None:
    path = tmp_path / "scan.tif"
    with tifffile.TiffWriter(path) as writer:
        small = {"photometric": "minisblack", "metadata": None, "subfiletype": first}
        writer.write(scene(16, 16), subifds=1, **small)
        writer.write(scene(64, 64), photometric="minisblack", metadata=None, subfiletype=second)
    done = colour(path)
    assert done.rendered.pages == 1
    assert np.array_equal(luma_codes(rgb_page(done.path)), scene(64, 64))


def test_a_page_that_wrongly_calls_itself_reduced_is_not_dropped(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    with tifffile.TiffWriter(path) as writer:
        for codes, kind in ((scene(16, 16), 0), (scene(64, 64), 1)):
            writer.write(codes, photometric="minisblack", subfiletype=kind, metadata=None)
    assert colour(path).rendered.pages == 2


def test_zeros_behind_the_picture_of_a_jpeg_in_a_tiff_are_harmless(tmp_path: Path) -> None:
    data = simplejpeg.encode_jpeg(scene()[..., None], 90, "GRAY", "Gray")

    def strips() -> object:
        yield data[:-2] + bytes(64) + data[-2:]

    shape = scene().shape
    path = scan_of(tmp_path, strips(), shape=shape, dtype="uint8", compression="jpeg", rowsperstrip=shape[0])
    done = colour(path)
    assert np.array_equal(luma_codes(rgb_page(done.path)), simplejpeg.decode_jpeg(data, "GRAY")[..., 0])
    assert any("extraneous bytes" in note for note in done.rendered.notes)
