"""A small archive as life would make it, made by code, and what its tests ask of a tree."""

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from skimage import data


def grey_of(name, size):
    """A grey uint8 picture of scikit-image's, as Pillow turns it grey."""
    picture = Image.fromarray(getattr(data, name)()).convert("L")
    return picture.resize(size)


def fill(folder):
    """Write the archive into `folder`: every container, depth and trouble that a run must bear."""
    people, places = folder / "people", folder / "places" / "abroad"
    people.mkdir(parents=True)
    places.mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    grey_of("astronaut", (320, 240)).save(people / "astronaut.jpg", quality=90)
    grey_of("camera", (240, 320)).save(people / "Camera Man.jpeg", quality=80, exif=exif)
    grey_of("chelsea", (300, 200)).save(people / "chelsea.png")
    deep = np.linspace(0, 65535, 200 * 160).reshape(160, 200).astype(np.uint16)
    tifffile.imwrite(places / "deep.tif", deep, compression="zlib", metadata=None)
    with tifffile.TiffWriter(places / "pages.tif") as tiff:
        for name in ("coins", "moon"):
            tiff.write(np.asarray(grey_of(name, (180, 120))), metadata=None)
    grey_of("coffee", (200, 150)).convert("RGB").save(places / "caf\u00e9.webp", lossless=True)
    sepia = np.asarray(grey_of("page", (240, 120)), np.float32)[..., None] * [1.0, 0.86, 0.66]
    Image.fromarray(sepia.astype(np.uint8)).save(folder / "sepia.png")
    Image.fromarray(data.coffee()).resize((300, 200)).save(folder / "colour.jpg", quality=90)
    whole = (people / "astronaut.jpg").read_bytes()
    (folder / "broken.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.jpg").write_bytes(whole)
    return folder


def tree(folder):
    """The bytes of every output under `folder`, by relative name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and "_archivecolor" not in path.parts
    }
