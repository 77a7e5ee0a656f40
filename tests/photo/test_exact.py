"""The first promise: the scan's grey stays, code for code, and comes back when the colour is taken off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import simplejpeg
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from picture_journey import colour, scene
from PIL import Image

from archivecolor.colour.luma import luma_codes
from archivecolor.photo.containers.jpeg import coefficients
from archivecolor.photo.grey import write_grey

Array = np.ndarray


def write_png(path: Path, codes: Array) -> None:
    path.write_bytes(imagecodecs.png_encode(codes))


def write_tiff(path: Path, codes: Array) -> None:
    tifffile.imwrite(path, codes, photometric="minisblack", compression="zlib", predictor=2)


def write_webp(path: Path, codes: Array) -> None:
    Image.fromarray(np.dstack([codes] * 3)).save(path, "WEBP", lossless=True)


def write_bmp(path: Path, codes: Array) -> None:
    Image.fromarray(codes).save(path, "BMP")


def write_pgm(path: Path, codes: Array) -> None:
    Image.fromarray(codes).save(path, "PPM")


def write_jp2(path: Path, codes: Array) -> None:
    path.write_bytes(imagecodecs.jpeg2k_encode(codes, level=0, reversible=True, codecformat="jp2"))


def read_with_cv2(path: Path) -> Array:
    whole = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    return whole if whole.ndim == 2 else whole[..., ::-1]


def read_tiff(path: Path) -> Array:
    return tifffile.imread(path)


ManifestWriter = Callable[[Path, Array], None]
Reader = Callable[[Path], Array]
LOSSLESS: list[tuple[str, int, ManifestWriter, Reader]] = [
    ("png", 8, write_png, read_with_cv2),
    ("png", 16, write_png, read_with_cv2),
    ("tiff", 8, write_tiff, read_tiff),
    ("tiff", 16, write_tiff, read_tiff),
    ("webp", 8, write_webp, read_with_cv2),
    ("bmp", 8, write_bmp, read_with_cv2),
    ("pnm", 8, write_pgm, read_with_cv2),
    ("pnm", 16, write_pgm, read_with_cv2),
    ("jp2", 8, write_jp2, read_with_cv2),
    ("jp2", 16, write_jp2, read_with_cv2),
]
names = [f"{name}-{depth}" for name, depth, _, _ in LOSSLESS]


@pytest.mark.parametrize(("name", "depth", "write", "read"), LOSSLESS, ids=names)
def test_every_code_stays(tmp_path: Path, name: str, depth: int, write: ManifestWriter, read: Reader) -> None:
    codes = scene(depth=depth)
    write(tmp_path / "scan", codes)

    done = colour(tmp_path / "scan")

    rgb = read(done.path)
    assert (done.rendered.format, done.rendered.luma, done.rendered.depth) == (name, "exact", depth)
    assert rgb.dtype == codes.dtype
    assert np.ptp(rgb.astype(int), axis=-1).max() > 20, "there is colour in it"
    assert np.array_equal(luma_codes(rgb), codes)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.sampled_from(LOSSLESS),
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    strength=st.sampled_from([0.05, 0.5, 40.0]),
)
def test_grey_comes_back(
    tmp_path: Path,
    which: tuple[str, int, ManifestWriter, Reader],
    seed: int,
    size: tuple[int, int],
    strength: float,
) -> None:
    _, depth, write, read = which
    codes = np.random.default_rng(seed).integers(0, 1 << depth, size)
    codes = codes.astype(np.uint8 if depth == 8 else np.uint16)
    write(tmp_path / "scan", codes)

    done = colour(tmp_path / "scan", strength=strength)
    back = tmp_path / "back"
    write_grey(done.path, back)

    grey = read(back)
    assert np.array_equal(luma_codes(grey) if grey.ndim == 3 else grey, codes)


@pytest.mark.parametrize("sampling", ["444", "420"])
@pytest.mark.parametrize("quality", [3, 60, 95])
def test_jpeg_coefficients_stay_and_come_back(tmp_path: Path, quality: int, sampling: str) -> None:
    source = simplejpeg.encode_jpeg(scene()[..., None], quality, "GRAY", "Gray")
    (tmp_path / "scan").write_bytes(source)

    done = colour(tmp_path / "scan", strength=1.0, chroma=sampling)
    back = tmp_path / "back"
    write_grey(done.path, back)

    luma = coefficients.read_luma(source)
    assert done.rendered.luma == "coefficients"
    assert coefficients.read_luma(done.path.read_bytes()) == luma
    assert coefficients.read_luma(back.read_bytes()) == luma
    plane = simplejpeg.decode_jpeg(source, "GRAY")
    assert np.array_equal(simplejpeg.decode_jpeg(done.path.read_bytes(), "GRAY"), plane)
    assert np.array_equal(simplejpeg.decode_jpeg(back.read_bytes(), "GRAY"), plane)
    assert simplejpeg.decode_jpeg_header(done.path.read_bytes())[3] == sampling
    assert simplejpeg.decode_jpeg_header(back.read_bytes())[2] == "Gray"


def test_jpeg_made_png_keeps_its_decoded_luma(tmp_path: Path) -> None:
    source = simplejpeg.encode_jpeg(np.dstack([scene()] * 3), 70, "RGB", "420")
    (tmp_path / "scan").write_bytes(source)

    done = colour(tmp_path / "scan", format="png")

    assert (done.rendered.format, done.rendered.luma) == ("png", "exact")
    plane = simplejpeg.decode_jpeg(source, "GRAY")[..., 0]
    assert np.array_equal(luma_codes(imagecodecs.png_decode(done.path.read_bytes())), plane)
