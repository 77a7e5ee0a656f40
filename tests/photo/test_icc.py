"""Outputs carry an RGB profile that is valid and leaves codes as they are."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from picture_journey import LIMIT, colour, scene
from PIL import Image, ImageCms

from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.icc import SRGB, output_profile


def grey_profile(gamma: float, connection: bytes = b"XYZ ") -> bytes:
    """A version 2 grey profile with a gamma curve."""
    curve = struct.pack(">4s4xIHxx", b"curv", 1, round(gamma * 256))
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    words = b"desc" + bytes(4) + struct.pack(">I", 5) + b"grey\0" + bytes(78)
    tags = {b"desc": words, b"wtpt": white, b"kTRC": curve, b"cprt": b"text\0\0\0\0none\0"}
    table, body = b"", b""
    start = 132 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02400000, b"mntr", b"GRAY", connection)
    head += (
        struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
        + b"acsp"
        + bytes(28)
        + struct.pack(">3i", 63190, 65536, 54061)
    )
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def converted(profile: bytes, codes: list[int]) -> np.ndarray:
    """RGB codes under `profile` as sRGB codes, by the colour engine."""
    rgb = np.repeat(np.array(codes, np.uint8)[None, :, None], 3, axis=2)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    picture = ImageCms.profileToProfile(Image.fromarray(rgb), source, ImageCms.createProfile("sRGB"))
    return np.asarray(picture)[0].astype(int)


def test_srgb_is_srgb() -> None:
    codes = [0, 1, 50, 128, 200, 255]
    assert np.abs(converted(SRGB, codes) - np.array(codes)[:, None]).max() <= 1


def test_a_grey_profile_gives_its_curve_to_an_rgb_profile() -> None:
    made = output_profile(grey_profile(1.8))
    assert made.note == ""
    assert made.icc[16:20] == b"RGB "
    linear = (np.array([64, 128, 192]) / 255) ** 1.8
    expected = 255 * np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    shown = converted(made.icc, [64, 128, 192])
    assert np.abs(shown - expected[:, None]).max() < 1.6
    assert np.ptp(shown, axis=1).max() <= 1, "neutral stays neutral"


def test_an_rgb_profile_stays() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert output_profile(profile).icc == profile


@pytest.mark.parametrize("profile", [grey_profile(2.2, b"Lab "), b"\0" * 400, b"short", SRGB[:200]])
def test_odd_profiles_give_srgb_and_a_note(profile: bytes) -> None:
    made = output_profile(profile)
    assert made.icc == SRGB
    assert made.note


def test_profiles_have_no_clock() -> None:
    assert output_profile(grey_profile(2.2)) == output_profile(grey_profile(2.2))


@pytest.mark.parametrize("form", ["jpeg", "png", "tiff", "webp", "jp2"])
@pytest.mark.parametrize("gamma", [None, 2.2])
def test_every_output_has_a_valid_rgb_profile(tmp_path: Path, gamma: float | None, form: str) -> None:
    profile = grey_profile(gamma) if gamma else None
    path = tmp_path / "scan"
    if form == "tiff":
        tifffile.imwrite(path, scene(), photometric="minisblack", metadata=None, iccprofile=profile)
    elif form == "jp2":
        pytest.importorskip("imagecodecs")
        Image.fromarray(scene()).save(path, "JPEG2000")
    else:
        codes = np.dstack([scene()] * 3) if form == "webp" else scene()
        Image.fromarray(codes).save(path, form.upper(), icc_profile=profile)
    done = colour(path)
    with open_image(done.path, LIMIT) as written:
        icc = written.reader.pages[0].icc
    if form == "jp2":
        assert icc is None, "the container's own word for sRGB stands"
        return
    assert icc is not None
    assert icc == (output_profile(profile).icc if profile else SRGB)
    with Image.open(done.path) as picture:
        ImageCms.profileToProfile(
            picture.convert("RGB"), ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
        )


def test_a_grey_scan_tagged_with_an_rgb_profile(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(scene()).save(tmp_path / "scan", "JPEG", icc_profile=profile)
    done = colour(tmp_path / "scan")
    with open_image(done.path, LIMIT) as written:
        assert written.reader.pages[0].icc == profile
