"""Colour photographs of scikit-image's, as fixtures: import them into a conftest."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

NAMES = ("astronaut", "chelsea", "coffee", "rocket")


def small(name, side=96):
    """One of scikit-image's colour photographs, its short side at `side`."""
    picture = Image.fromarray(getattr(data, name)())
    factor = side / min(picture.size)
    size = (round(picture.width * factor), round(picture.height * factor))
    return np.asarray(picture.resize(size, Image.Resampling.BOX))


@pytest.fixture(scope="session")
def photographs():
    return {name: small(name) for name in NAMES}


@pytest.fixture(scope="session")
def folder(photographs, tmp_path_factory):
    """Four colour photographs, one grey one, one that is broken."""
    place = tmp_path_factory.mktemp("photographs")
    for name, rgb in photographs.items():
        Image.fromarray(rgb).save(place / f"{name}.png")
    Image.fromarray(data.camera()[::4, ::4]).save(place / "z-camera.png")
    (place / "z-broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    return place
