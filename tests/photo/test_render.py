"""The second visit: other containers, what is lost, and sources that move."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
import tifffile
from picture_journey import LIMIT, colour, grey_codes, invented_chroma, scene, smooth_scene
from PIL import Image

from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.inspect import inspect
from archivecolor.photo.render import RenderOptions, render


def tiff(path: Path, codes: np.ndarray, **options: object) -> Path:
    tifffile.imwrite(path, codes, **{"photometric": "minisblack", "metadata": None, **options})
    return path


@pytest.mark.parametrize("form", ["png", "tiff", "webp"])
def test_other_containers_hold_the_same_codes(tmp_path: Path, form: str) -> None:
    done = colour(tiff(tmp_path / "scan", scene()), format=form)
    assert (done.rendered.format, done.rendered.luma) == (form, "exact")
    assert np.array_equal(grey_codes(done.path), scene())


def test_a_jpeg_made_from_codes_is_re_encoded(tmp_path: Path) -> None:
    done = colour(tiff(tmp_path / "scan", smooth_scene()), format="jpeg", strength=0.05)
    assert (done.rendered.format, done.rendered.luma) == ("jpeg", "re-encoded")
    assert np.abs(grey_codes(done.path).astype(int) - smooth_scene()).mean() < 1.5


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_fewer_bits_are_named(tmp_path: Path, form: str) -> None:
    done = colour(tiff(tmp_path / "scan", scene(depth=16)), format=form)
    assert done.rendered.luma == "re-encoded"
    assert done.rendered.depth == 8
    assert "depth beyond 8 bits" in done.rendered.lost


def test_alpha_that_a_container_cannot_hold_is_named(tmp_path: Path) -> None:
    samples = np.dstack([scene(), scene(seed=1)])
    done = colour(tiff(tmp_path / "scan", samples, planarconfig="contig", extrasamples=(2,)), format="jpeg")
    assert "alpha" in done.rendered.lost


@pytest.mark.parametrize("form", ["jpeg", "png", "tiff"])
def test_density_goes_over_to_other_containers(tmp_path: Path, form: str) -> None:
    path = tiff(tmp_path / "scan", scene(), resolution=(300, 300), resolutionunit="inch")
    done = colour(path, format=form)
    with Image.open(done.path) as picture:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.02)


def test_orientation_goes_over_to_other_containers(tmp_path: Path) -> None:
    path = tiff(tmp_path / "scan", scene(), extratags=[(274, "H", 1, 6, True)])
    for form in ("jpeg", "png", "webp"):
        with open_image(colour(path, format=form).path, LIMIT) as written:
            assert written.reader.pages[0].orientation == 6


def test_chroma_420_halves_the_chroma(tmp_path: Path) -> None:
    (tmp_path / "scan").write_bytes(simplejpeg.encode_jpeg(scene()[..., None], 90, "GRAY", "Gray"))
    for sampling in ("444", "420"):
        done = colour(tmp_path / "scan", chroma=sampling)
        assert simplejpeg.decode_jpeg_header(done.path.read_bytes())[3] == sampling


def test_digests_and_size(tmp_path: Path) -> None:
    done = colour(tiff(tmp_path / "scan", scene()))
    assert done.rendered.source_sha256 == hashlib.sha256((tmp_path / "scan").read_bytes()).hexdigest()
    assert done.rendered.sha256 == hashlib.sha256(done.path.read_bytes()).hexdigest()
    assert done.rendered.nbytes == done.path.stat().st_size


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "PPM", "JPEG2000"])
def test_the_same_again_gives_the_same_bytes(tmp_path: Path, form: str) -> None:
    with (tmp_path / "scan").open("wb") as file:
        Image.fromarray(scene()).convert("RGB").save(file, form)
    first = colour(tmp_path / "scan").rendered
    assert colour(tmp_path / "scan").rendered == first


@pytest.mark.parametrize("change", ["touched", "longer", "gone"])
def test_a_source_that_changed_since_the_look(tmp_path: Path, change: str) -> None:
    path = tiff(tmp_path / "scan", scene())
    seen = inspect(path, working_size=64, max_megapixels=LIMIT)
    if change == "touched":
        os.utime(path, ns=(1, 1))
    elif change == "longer":
        path.write_bytes(path.read_bytes() + b"more")
    else:
        path.unlink()
    options = RenderOptions(file_state=seen.facts.file_state)
    with pytest.raises(ItemError) as trouble:
        render(path, tmp_path / "part", [invented_chroma(seen.lumas[0])], options)
    assert trouble.value.reason is (Reason.VANISHED if change == "gone" else Reason.CHANGED)


@pytest.mark.parametrize("left", [b"", b"II*\0 something else", None])
def test_what_is_wrong_with_a_source_that_changes_meanwhile_is_that_it_changed(
    tmp_path: Path, left: bytes | None
) -> None:
    path = tiff(tmp_path / "scan", scene(), rowsperstrip=16)
    with pytest.raises(ItemError) as trouble, open_image(path, LIMIT) as picture:
        if left is None:
            os.utime(path, ns=(1, 1))
        else:
            path.write_bytes(left)
        list(picture.reader.bands(0))
    assert trouble.value.reason is Reason.CHANGED


def test_the_source_is_not_touched(tmp_path: Path) -> None:
    path = tiff(tmp_path / "scan", scene())
    path.chmod(0o444)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    colour(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_full_or_missing_target_is_an_os_error_not_a_bad_source(tmp_path: Path) -> None:
    path = tiff(tmp_path / "scan", scene())
    seen = inspect(path, working_size=64, max_megapixels=LIMIT)
    chroma = invented_chroma(seen.lumas[0])
    with pytest.raises(OSError, match="missing"):
        render(path, tmp_path / "missing" / "part", [chroma], RenderOptions(seen.facts.file_state))


def test_bands_meet_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from archivecolor.photo.containers import bands

    path = tiff(tmp_path / "scan", scene(300, 83), compression="zlib", rowsperstrip=16)
    whole = tifffile.imread(colour(path).path)
    monkeypatch.setattr(bands, "BAND_BYTES", 83 * 20)
    assert np.array_equal(tifffile.imread(colour(path).path), whole)
    assert np.array_equal(luma_codes(whole), scene(300, 83))
