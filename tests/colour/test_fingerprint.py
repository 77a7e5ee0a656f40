import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from archivecolor.colour.fingerprint import BITS, distances, fingerprint, words_of
from archivecolor.colour.luma import luma_codes
from archivecolor.opencv import cv2

PICTURES = {"cat": data.chelsea, "rocket": data.rocket, "astronaut": data.astronaut, "coffee": data.coffee}


@pytest.fixture(scope="module")
def pictures():
    return {name: load() for name, load in PICTURES.items()}


def of(rgb):
    return fingerprint(luma_codes(np.asarray(rgb, np.uint8)).astype(np.float32) / 255)


def as_jpeg(rgb, quality):
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def changed(rgb):
    """What happens to pictures on their way: another size, JPEG, contrast, colour, a small cut."""
    height, width = rgb.shape[:2]
    half = cv2.resize(rgb, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    yield "half", as_jpeg(half, 60)
    yield "twice", cv2.resize(rgb, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
    yield (
        "contrast",
        as_jpeg(np.clip((rgb.astype(np.float32) - 128) * 1.2 + 136, 0, 255).astype(np.uint8), 60),
    )
    yield "grey", np.repeat(luma_codes(rgb)[..., None], 3, axis=2)
    yield "cut", rgb[height // 60 : -height // 80, width // 100 : -width // 60]


def test_it_survives_what_pictures_go_through_and_differs_between_pictures(pictures):
    known = {name: of(rgb) for name, rgb in pictures.items()}
    table = words_of(list(known.values()))
    for number, (name, rgb) in enumerate(pictures.items()):
        assert len(known[name]) == BITS // 4
        for change, other in changed(rgb):
            far = distances(table, of(other))
            assert far[number] <= 40, (name, change)
            assert np.delete(far, number).min() >= 80, (name, change)


def test_brightness_says_nothing_and_an_empty_picture_has_none(pictures):
    luma = luma_codes(pictures["cat"]).astype(np.float32) / 255
    assert fingerprint(luma * 0.5 + 0.2) == fingerprint(luma)
    assert int(fingerprint(np.full((40, 60), 0.7, np.float32)), 16) == 0


def test_distances_are_counts_of_bits():
    one, other = "00" * 32, "0f" + "00" * 30 + "01"
    assert list(distances(words_of([one, other, "ff" * 32]), one)) == [0, 5, BITS]


def test_what_is_no_fingerprint_is_refused():
    with pytest.raises(ValueError):
        words_of(["xyz"])
