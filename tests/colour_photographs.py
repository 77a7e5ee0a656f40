"""Colour photographs of scikit-image's, also as fixtures: import those into a conftest."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from archivecolor.datasets.photographs import Photograph

NAMES = ("astronaut", "chelsea", "coffee", "rocket")


def photograph(name):
    """A colour picture of scikit-image's."""
    picture = getattr(data, name)()
    return Image.fromarray(picture[0] if isinstance(picture, tuple) else picture)


def quarters(name):
    """The four quarters of a picture."""
    whole = photograph(name)
    side = min(whole.size) // 2
    for left in (0, whole.width - side):
        for top in (0, whole.height - side):
            yield whole.crop((left, top, left + side, top + side))


def fill(folder, names, side=48):
    """Write quarters of pictures into `folder`."""
    folder.mkdir(parents=True)
    for name in names:
        for index, quarter in enumerate(quarters(name)):
            quarter.resize((side, side), Image.Resampling.BOX).save(folder / f"{name}-{index}.png")
    return folder


def small(name, side=96):
    """One of scikit-image's colour photographs, its short side at `side`."""
    picture = photograph(name)
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


def flat(name, digest, colour=0):
    return Photograph(name, digest, np.full((32, 40, 3), colour, np.uint8))


def many(count, prefix="", seed=5):
    rng = np.random.default_rng(seed)
    return [flat(f"{prefix}{index}.jpg", rng.bytes(8).hex(), index % 256) for index in range(count)]
