"""A caption stands on a strip below the picture, whose pixels stay; grey takes it off with the colour."""

from __future__ import annotations

from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import simplejpeg
import tifffile
from picture_journey import LIMIT, colour, grey_codes, scene, smooth_scene
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from archivecolor.errors import ItemError, UsageError
from archivecolor.metadata.provenance import PictureBox, picture_boxes
from archivecolor.photo.caption import GROUND, check_caption, draw_strip
from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.grey import write_grey
from archivecolor.photo.marking import marking_of_file, picture_boxes_of
from archivecolor.photo.orientation import upright
from archivecolor.photo.preview import Box, part_preview, small_preview

CAPTION = "Colourised by archivecolor, 2026"
WRITERS = {
    "png": lambda path, codes: path.write_bytes(imagecodecs.png_encode(codes)),
    "tiff": lambda path, codes: tifffile.imwrite(path, codes, photometric="minisblack"),
    "webp": lambda path, codes: Image.fromarray(np.dstack([codes] * 3)).save(path, "WEBP", lossless=True),
    "jp2": lambda path, codes: path.write_bytes(imagecodecs.jpeg2k_encode(codes, level=0, reversible=True)),
    "jpeg": lambda path, codes: path.write_bytes(
        simplejpeg.encode_jpeg(np.ascontiguousarray(codes)[..., None], 90, "GRAY", "Gray")
    ),
}


def box_of(path: Path) -> PictureBox:
    """Where the picture lies, by what the file says."""
    with open_image(path, LIMIT) as picture:
        (box,) = picture_boxes_of(picture)
    return box


@pytest.mark.parametrize("name", [*WRITERS, "png-16", "tiff-16"])
def test_the_picture_stays_and_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    container, _, depth = name.partition("-")
    codes = scene(depth=16 if depth else 8)
    WRITERS[container](tmp_path / "scan", codes)
    before = grey_codes(tmp_path / "scan")
    plain = colour(tmp_path / "scan")
    coloured = colour(tmp_path / "scan", caption=CAPTION)
    box = box_of(coloured.path)
    assert (box.width, box.height, box.left, box.top) == (83, 61, 0, 0)
    assert (coloured.rendered.width, coloured.rendered.height) == box.whole
    assert coloured.rendered.luma == plain.rendered.luma != "re-encoded"
    after = grey_codes(coloured.path)
    assert np.array_equal(after[:61], before)
    assert (after[-8:] >= GROUND * (257 if depth else 1) - 9).mean() > 0.5, "the strip is nearly all ground"
    write_grey(coloured.path, tmp_path / "grey")
    assert np.array_equal(grey_codes(tmp_path / "grey"), before)


@pytest.mark.parametrize("name", ["png", "jpeg", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_strip_is_below_as_people_see_it(tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(scene(61, 83)).save(tmp_path / "scan", name.upper(), exif=exif, quality=90)
    before = grey_codes(tmp_path / "scan")
    coloured = colour(tmp_path / "scan", caption=CAPTION)
    box = box_of(coloured.path)
    there = grey_codes(coloured.path)[box.top : box.top + box.height, box.left : box.left + box.width]
    assert np.array_equal(there, before)
    seen = upright(grey_codes(coloured.path), orientation)
    height, width = upright(before, orientation).shape
    assert seen.shape[1] == width
    strip = seen[height + -height % 8 :] if name == "jpeg" else seen[height:]
    expected = draw_strip(CAPTION, width, 61)
    if len(strip) < len(expected):  # the strip stands before the picture's blocks, none of which is cut
        strip = seen[height:]
    assert np.abs(strip.astype(int) - expected).mean() < 3, "below, and not mirrored"
    write_grey(coloured.path, tmp_path / "grey")
    assert np.array_equal(grey_codes(tmp_path / "grey"), before)


def test_a_colour_jpeg_of_any_sampling_keeps_its_luma_blocks(tmp_path: Path) -> None:
    tinted = np.dstack([smooth_scene(), smooth_scene() // 2, smooth_scene()])
    for sampling in (0, 2):
        Image.fromarray(tinted).save(
            tmp_path / "scan", "JPEG", quality=90, subsampling=sampling, progressive=True
        )
        before = grey_codes(tmp_path / "scan")
        for chroma in ("444", "420"):
            coloured = colour(tmp_path / "scan", caption=CAPTION, chroma=chroma)
            assert coloured.rendered.luma == "coefficients"
            assert np.array_equal(grey_codes(coloured.path)[:61, :83], before)
            write_grey(coloured.path, tmp_path / "grey")
            assert np.array_equal(grey_codes(tmp_path / "grey"), before)


def test_alpha_is_full_in_the_strip(tmp_path: Path) -> None:
    alpha = np.full((61, 83), 40, np.uint8)
    Image.fromarray(np.dstack([scene(), alpha]), "LA").save(tmp_path / "scan", "PNG")
    coloured = colour(tmp_path / "scan", caption=CAPTION)
    seen = np.asarray(Image.open(coloured.path).getchannel("A"))
    assert (seen[:61] == 40).all()
    assert (seen[61:] == 255).all()


def test_each_page_has_its_own(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "scan") as tiff:
        for height in (61, 90):
            tiff.write(scene(height), photometric="minisblack")
    coloured = colour(tmp_path / "scan", caption=CAPTION)
    write_grey(coloured.path, tmp_path / "grey")
    for page in (0, 1):
        assert np.array_equal(grey_codes(tmp_path / "grey", page), grey_codes(tmp_path / "scan", page))


def test_what_cannot_say_where_it_begins_gets_none(tmp_path: Path) -> None:
    Image.fromarray(scene()).save(tmp_path / "scan", "BMP")
    with pytest.raises(ItemError, match="no place to say where its caption begins"):
        colour(tmp_path / "scan", caption=CAPTION)


def test_of_a_resized_copy_nobody_knows_where_it_begins(tmp_path: Path) -> None:
    WRITERS["png"](tmp_path / "scan", scene())
    coloured = colour(tmp_path / "scan", caption=CAPTION)
    with Image.open(coloured.path) as picture:
        about = picture.info["XML:com.adobe.xmp"]
        small, said = picture.resize((40, 40)), PngInfo()
    said.add_itxt("XML:com.adobe.xmp", about)
    small.save(tmp_path / "small.png", pnginfo=said)
    assert marking_of_file(tmp_path / "small.png") is not None
    with pytest.raises(ItemError, match="size was changed"):
        write_grey(tmp_path / "small.png", tmp_path / "grey")
    assert small_preview(tmp_path / "small.png", (100, 100)).height == 40


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_it_is_not_looked_at_beside_a_scan(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(scene(122, 166)).save(tmp_path / "scan", "PNG", exif=exif)
    coloured = colour(tmp_path / "scan", caption=CAPTION).path
    scan, seen = small_preview(tmp_path / "scan", (80, 80)), small_preview(coloured, (80, 80))
    assert (seen.width, seen.height) == (scan.width, scan.height)
    assert abs(seen.rgb.shape[0] - scan.rgb.shape[0]) <= 1
    luma = cv2.cvtColor(seen.rgb, cv2.COLOR_RGB2GRAY)
    assert np.abs(cv2.resize(luma, scan.rgb.shape[1::-1]).astype(int) - scan.rgb[..., 0]).mean() < 12
    box = Box(scan.width - 20, scan.height - 20, 40, 40)
    part, its = part_preview(coloured, box, LIMIT), part_preview(tmp_path / "scan", box, LIMIT)
    assert np.abs(cv2.cvtColor(part.rgb, cv2.COLOR_RGB2GRAY).astype(int) - its.rgb[..., 0]).max() <= 1


def test_long_captions_go_over_lines_and_too_narrow_pictures_have_none() -> None:
    one, many = draw_strip("short", 400, 300), draw_strip("a longer caption of many words " * 4, 400, 300)
    assert one.shape[1] == many.shape[1] == 400
    assert len(many) > len(one)
    assert len(many) % 8 == len(one) % 8 == 0
    with pytest.raises(ItemError, match="too narrow"):
        draw_strip("Donaudampfschifffahrtsgesellschaft", 30, 30)


def test_captions_that_cannot_be_written_are_refused() -> None:
    check_caption("Colourised — «é» Müller, Ж")
    for text in ("two\nlines", " ", "x" * 301, "\x1b[2J"):
        with pytest.raises(UsageError, match="one line"):
            check_caption(text)
    with pytest.raises(UsageError, match="no font"):
        check_caption("\u4e2d")


@pytest.mark.parametrize("word", ["", "1x1", "9x9+0+0/9x9,oops", f"{'9' * 99}x1+0+0/1x1"])
def test_boxes_that_are_none_are_none(word: str) -> None:
    assert picture_boxes(f"colour predicted, luma kept; pictures={word} weights=w") == ()
