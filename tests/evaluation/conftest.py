import io
import tarfile

import cv2
import numpy as np
import pytest
from footage import film, panned
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


@pytest.fixture(scope="session")
def shard(photographs, tmp_path_factory):
    """The colour photographs as a tar shard."""
    path = tmp_path_factory.mktemp("shards") / "photographs.tar"
    with tarfile.open(path, "w") as archive:
        for name, rgb in photographs.items():
            encoded = io.BytesIO()
            Image.fromarray(rgb).save(encoded, "PNG")
            entry = tarfile.TarInfo(f"some/{name}.png")
            entry.size = len(encoded.getvalue())
            archive.addfile(entry, io.BytesIO(encoded.getvalue()))
    return path


@pytest.fixture(scope="session")
def street(photographs):
    """A wide picture without fine detail, to pan over."""
    return cv2.GaussianBlur(photographs["coffee"], (0, 0), 1)[:64]


@pytest.fixture(scope="session")
def street_film(street, tmp_path_factory):
    """Six frames of a camera that moves to the right."""
    return film(tmp_path_factory.mktemp("films") / "pan.mkv", panned(street, 2, 6))
