"""A turned picture is shown upright to the network and written as it was stored."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from picture_journey import LIMIT, colour, grey_codes, smooth_scene
from PIL import Image, ImageOps

from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.containers.tiff.directory import TagValue, exif_block
from archivecolor.photo.inspect import inspect
from archivecolor.photo.orientation import as_stored, upright

EIGHT = range(1, 9)


def turned_file(folder: Path, form: str, orientation: int) -> Path:
    """A grey picture stored with an orientation tag, by Pillow or tifffile."""
    path = folder / f"scan.{form}"
    if form == "tiff":
        tags = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(path, smooth_scene(), photometric="minisblack", metadata=None, extratags=tags)
        return path
    if form == "jp2":
        data = imagecodecs.jpeg2k_encode(smooth_scene(), level=0, reversible=True, codecformat="jp2")
        block = exif_block({274: TagValue(3, bytes([orientation, 0]))})
        box = struct.pack(">I4s", 24 + len(block), b"uuid") + b"JpgTiffExif->JP2" + block
        at = data.index(b"jp2c") - 4
        path.write_bytes(data[:at] + box + data[at:])
        return path
    exif = Image.Exif()
    exif[274] = orientation
    codes = smooth_scene() if form != "webp" else np.dstack([smooth_scene()] * 3)
    options = {"lossless": True} if form == "webp" else {}
    Image.fromarray(codes).save(path, form.upper(), exif=exif, **options)
    return path


def reference(orientation: int) -> np.ndarray:
    """The upright picture by Pillow's own turning."""
    picture = Image.fromarray(smooth_scene())
    picture.getexif()[274] = orientation
    return np.asarray(ImageOps.exif_transpose(picture))


@pytest.mark.parametrize("orientation", EIGHT)
def test_arrays_turn_as_pillow_turns_them_and_back(orientation: int) -> None:
    stored = smooth_scene()
    assert np.array_equal(upright(stored, orientation), reference(orientation))
    assert np.array_equal(as_stored(reference(orientation), orientation), stored)


@pytest.mark.parametrize("orientation", EIGHT)
@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "jp2"])
def test_seen_upright_written_as_stored(tmp_path: Path, form: str, orientation: int) -> None:
    path = turned_file(tmp_path, form, orientation)
    seen = inspect(path, working_size=64, max_megapixels=LIMIT)
    expected = reference(orientation)
    assert seen.facts.orientation == orientation
    assert (seen.facts.height, seen.facts.width) == smooth_scene().shape
    luma = seen.lumas[0]
    rows = (np.arange(luma.shape[0]) + 0.5) * expected.shape[0] / luma.shape[0]
    columns = (np.arange(luma.shape[1]) + 0.5) * expected.shape[1] / luma.shape[1]
    nearest = expected[np.ix_(rows.astype(int), columns.astype(int))]
    assert np.abs(luma * 255 - nearest).max() < 6

    done = colour(path)
    assert np.abs(grey_codes(done.path).astype(int) - smooth_scene()).max() <= (6 if form == "jpeg" else 0)
    with open_image(done.path, LIMIT) as written:
        assert written.reader.pages[0].orientation == orientation
        assert (written.reader.pages[0].height, written.reader.pages[0].width) == smooth_scene().shape


@pytest.mark.parametrize("orientation", EIGHT)
def test_colour_falls_where_the_network_saw_it(tmp_path: Path, orientation: int) -> None:
    from archivecolor.colour.chroma import Chroma
    from archivecolor.photo.render import RenderOptions, render

    path = turned_file(tmp_path, "png", orientation)
    seen = inspect(path, working_size=64, max_megapixels=LIMIT)
    # Red at the top of the upright picture, blue at its bottom.
    half = [[(-0.05, 0.15)]] * 4 + [[(0.15, -0.05)]] * 4
    chroma = Chroma(np.array(half, np.float32), np.ones((8, 1), np.float32), 1.0)
    render(path, tmp_path / "part", [chroma], RenderOptions(seen.facts.file_state))
    shown = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "part"))).astype(int)
    quarter = shown.shape[0] // 4
    assert (shown[:quarter, :, 0] > shown[:quarter, :, 2]).all()
    assert (shown[-quarter:, :, 0] < shown[-quarter:, :, 2]).all()


@pytest.mark.parametrize("source", ["jpeg", "jp2"])
@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "jp2"])
def test_every_container_keeps_how_a_picture_lies(tmp_path: Path, source: str, form: str) -> None:
    done = colour(turned_file(tmp_path, source, 6), format=form)
    with open_image(done.path, LIMIT) as picture:
        assert picture.reader.pages[0].orientation == 6


@pytest.mark.parametrize("dpi", [(300, 300), (72, 96), (1200, 600)])
@pytest.mark.parametrize("source", ["jpeg", "png", "tiff"])
@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "jp2"])
def test_every_container_keeps_how_large_a_picture_is(
    tmp_path: Path, source: str, form: str, dpi: tuple[int, int]
) -> None:
    path = tmp_path / f"scan.{source}"
    Image.fromarray(smooth_scene()).save(path, source.upper(), dpi=dpi)
    done = colour(path, format=form)
    with open_image(done.path, LIMIT) as picture:
        density = picture.reader.pages[0].density
    assert density is not None
    per_inch = {"inch": 1.0, "cm": 2.54}[density.unit]
    found = [top / bottom * per_inch for top, bottom in (density.x, density.y)]
    # JFIF has whole numbers alone, here of a centimetre; PNG those of a metre.
    assert found == pytest.approx(dpi, rel=0.02 if form == "jpeg" else 0.001)
