import io
import tarfile

import cv2
import pytest
from colour_photographs import folder, photographs  # noqa: F401
from footage import film, panned
from PIL import Image


@pytest.fixture(scope="session")
def shard(photographs, tmp_path_factory):  # noqa: F811
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
def street(photographs):  # noqa: F811
    """A wide picture without fine detail, to pan over."""
    return cv2.GaussianBlur(photographs["coffee"], (0, 0), 1)[:64]


@pytest.fixture(scope="session")
def street_film(street, tmp_path_factory):
    """Six frames of a camera that moves to the right."""
    return film(tmp_path_factory.mktemp("films") / "pan.mkv", panned(street, 2, 6))
