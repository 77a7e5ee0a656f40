"""Photographs to be decided about."""

import shutil

import numpy as np
import pytest
import tifffile
from decided_archive import Archive
from PIL import Image
from small_archive import grey_of


@pytest.fixture(scope="session")
def decided_scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans") / "in"
    (folder / "album").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    grey_of("astronaut", (120, 90)).save(folder / "album" / "anna.png")
    grey_of("camera", (90, 120)).save(folder / "album" / "turned.jpg", exif=exif)
    grey_of("chelsea", (100, 100)).save(folder / "cat.jpg")
    with tifffile.TiffWriter(folder / "pages.tif") as tiff:
        for name in ("coins", "moon"):
            tiff.write(np.asarray(grey_of(name, (90, 80))), metadata=None)
    deep = np.linspace(9000, 50000, 80 * 90).reshape(80, 90).astype(np.uint16)
    tifffile.imwrite(folder / "deep.tif", deep, metadata=None)
    grey_of("camera", (520, 70)).save(folder / "panorama.png")
    return folder


@pytest.fixture(scope="session")
def coloured_scans(decided_scans, checkpoint, tmp_path_factory):
    output = tmp_path_factory.mktemp("coloured") / "out"
    Archive(decided_scans, output, checkpoint).dir()
    return output


@pytest.fixture(scope="session")
def copy_of_archive(decided_scans, coloured_scans, checkpoint):
    """Copies the archive and what was made of it into a folder."""

    def copy(folder):
        shutil.copytree(decided_scans, folder / "in")
        shutil.copytree(coloured_scans, folder / "out")
        run_json = folder / "out" / "_archivecolor" / "run.json"
        run_json.write_text(run_json.read_text().replace(str(decided_scans), str(folder / "in")))
        return Archive(folder / "in", folder / "out", checkpoint)

    return copy
