import cv2
import numpy as np
import pytest
from skimage import data

from archivecolor.colour.lab import lightness_from_luma, rgb_from_lab
from archivecolor.colour.luma import luma_codes
from archivecolor.colour.tone import Tone, tone_of

COLOUR = ["astronaut", "coffee", "chelsea", "rocket", "immunohistochemistry"]
GREY = ["camera", "coins", "moon", "page", "clock", "brick", "grass", "gravel"]


def shrunk(picture):
    step = max(1, min(picture.shape[:2]) // 256)
    return picture[::step, ::step]


def colour_picture(name):
    return shrunk(getattr(data, name)())


LUMAS = [luma_codes(colour_picture(name)) for name in COLOUR]
LUMAS += [shrunk(getattr(data, name)()) for name in GREY]


def coloured(luma, a, b, noise=0.0):
    """RGB codes with L* of `luma` and these a, b (scalars or arrays), with chroma noise in codes."""
    lab = np.stack(np.broadcast_arrays(lightness_from_luma(luma), a, b), axis=-1)
    rgb = rgb_from_lab(lab) * 255 + np.random.default_rng(0).normal(0, 1, lab.shape) * noise
    return np.clip(rgb, 0, 255).round().astype(np.uint8)


def recompressed(rgb, quality=70):
    return cv2.imdecode(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def sepia(luma, strength):
    shade = lightness_from_luma(luma) / 100
    chroma = strength * (0.3 + 2.8 * shade * (1 - shade))
    return coloured(luma, 0.35 * chroma, 0.93 * chroma, noise=3)


def cyanotype(luma, strength):
    shade = lightness_from_luma(luma) / 100
    return coloured(luma, -0.15 * strength * (1 - shade), -strength * (1 - shade) ** 0.7, noise=3)


@pytest.mark.parametrize("name", COLOUR)
def test_colour_photographs_are_colour(name):
    assert tone_of(colour_picture(name)) in (Tone.COLOUR, Tone.TINTED)


def test_the_plainest_colour_photographs_are_colour_itself():
    assert tone_of(colour_picture("astronaut")) is Tone.COLOUR
    assert tone_of(recompressed(colour_picture("astronaut"), 40)) is Tone.COLOUR


@pytest.mark.parametrize("luma", LUMAS)
def test_grey_is_grey_at_any_depth(luma):
    rgb = np.stack([luma] * 3, axis=-1)
    assert tone_of(rgb) is Tone.GREY
    assert tone_of(rgb.astype(np.uint16) * 257) is Tone.GREY
    assert tone_of(recompressed(rgb)) is Tone.GREY


@pytest.mark.parametrize("luma", LUMAS)
@pytest.mark.parametrize(("a", "b"), [(1, 4), (-3, 1), (2, -5), (0, 6)])
def test_near_neutral_scans_are_grey(luma, a, b):
    scan = coloured(luma, a, b, noise=6)
    assert tone_of(scan) is Tone.GREY
    assert tone_of(scan.astype(np.uint16) * 257) is Tone.GREY
    assert tone_of(scan / 255) is Tone.GREY


@pytest.mark.parametrize("luma", LUMAS)
def test_a_stain_a_stamp_a_mount_and_a_target_leave_it_grey(luma):
    height, width = luma.shape
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    scan = coloured(luma, 1, 8 * ((x - 1) ** 2 + y**2) / 2, noise=3)
    stamp = min(height, width) // 10
    scan[height // 3 :, width // 2 :][:stamp, :stamp] = (190, 40, 50)
    scan[: height // 12] = (230, 215, 180)
    scan[-(height // 12) :] = np.random.default_rng(0).integers(0, 255, (1, width, 3))
    assert tone_of(scan) is Tone.GREY


@pytest.mark.parametrize("luma", LUMAS)
@pytest.mark.parametrize("strength", [14, 25, 40])
def test_sepia_is_toned(luma, strength):
    assert tone_of(sepia(luma, strength)) is Tone.TONED
    assert tone_of(recompressed(sepia(luma, strength))) is Tone.TONED


@pytest.mark.parametrize("luma", LUMAS)
@pytest.mark.parametrize("strength", [30, 45])
def test_cyanotypes_are_toned(luma, strength):
    if luma.mean() < 200:  # a nearly white page holds next to no blue
        assert tone_of(cyanotype(luma, strength)) is Tone.TONED


def test_hand_colouring_over_sepia_is_not_toned():
    luma = shrunk(data.camera())
    print_ = sepia(luma, 14)
    tinted = print_.copy()
    third = slice(luma.shape[0] * 3 // 5, None)
    tinted[third] = coloured(luma[third], -7, 8)
    assert tone_of(print_) is Tone.TONED
    assert tone_of(tinted) in (Tone.TINTED, Tone.COLOUR)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2), (7, 9), (40, 3)])
def test_slivers_have_a_tone_too(shape):
    assert tone_of(np.full((*shape, 3), 90, np.uint8)) is Tone.GREY
    assert tone_of(np.full((*shape, 3), (90, 91, 90), np.uint8)) is Tone.GREY
    assert tone_of(np.full((*shape, 3), (120, 90, 40), np.uint8)) is Tone.TONED


@pytest.mark.parametrize("luma", LUMAS)
def test_a_picture_grey_but_for_one_coloured_thing_is_said_to_be_so(luma):
    scan = coloured(luma, 0, 0)
    height, width = luma.shape
    rows, columns = slice(height // 3, 2 * height // 3), slice(width // 2, width // 2 + width // 5)
    scan[rows, columns] = scan[rows, columns] * np.array([0.6, 0.15, 0.15]) + np.array([90, 0, 0])
    assert tone_of(scan) in (Tone.TINTED, Tone.COLOUR)


@pytest.mark.parametrize("luma", LUMAS)
def test_a_mottled_cast_of_a_scanner_is_grey(luma):
    height, width = luma.shape
    rng = np.random.default_rng(1)
    blotches = rng.normal(0, 1.6, (2, 12, 12))
    a, b = (np.kron(side, np.ones((-(-height // 12), -(-width // 12))))[:height, :width] for side in blotches)
    assert tone_of(coloured(luma, a, b)) is Tone.GREY
