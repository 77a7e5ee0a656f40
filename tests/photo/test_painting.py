"""Pictures in colour whose transparency counts."""

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from archivecolor.errors import ItemError
from archivecolor.photo.painting import small_painting


def read(path):
    return small_painting(path, working_size=32, max_megapixels=1)


@pytest.mark.parametrize("depth", [8, 16])
def test_colour_is_that_of_the_opaque_part_and_what_lies_below_transparency_is_nothing(tmp_path, depth):
    largest = 2**depth - 1
    codes = np.zeros((96, 128, 4), np.uint8 if depth == 8 else np.uint16)
    codes[..., 1] = largest  # green, hidden
    codes[:, :64] = largest, 0, 0, largest
    path = tmp_path / "painted.png"
    path.write_bytes(imagecodecs.png_encode(codes))
    painting = read(path)
    assert painting.rgb.shape == (*painting.opacity.shape, 3) == (32, 43, 3)
    assert painting.opacity[:, :20].min() == 1 and painting.opacity[:, 24:].max() == 0
    np.testing.assert_allclose(painting.rgb[:, :20], np.array([1, 0, 0]) * np.ones((32, 20, 1)), atol=0.01)
    # At the edge too.
    assert painting.rgb[:, 21, 1].max() < 0.02
    assert painting.has_transparency


def test_a_picture_without_transparency_is_opaque_and_upright(tmp_path):
    image = Image.new("RGB", (64, 48), (200, 40, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    painting = read(tmp_path / "turned.jpg")
    assert painting.opacity.shape[0] > painting.opacity.shape[1]
    assert painting.opacity.min() == 1
    assert not painting.has_transparency


def test_a_grey_picture_has_no_colour_to_take(tmp_path):
    Image.new("L", (64, 48), 90).save(tmp_path / "grey.png")
    with pytest.raises(ItemError, match="no colour to take"):
        read(tmp_path / "grey.png")
