"""Build a small archive of old photographs to play with: python demo_archive.py demo/in.

The pictures are those that scikit-image carries; its colour photographs are turned grey here, so the
original colours are there to compare with. Containers and troubles are those of real archives.
"""

import sys
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from skimage import data, img_as_uint
from skimage.color import rgb2gray

SEPIA = (1.0, 0.87, 0.68)


def grey(name: str) -> Image.Image:
    """A picture of scikit-image's, as an 8-bit grey picture."""
    return Image.fromarray(getattr(data, name)()).convert("L")


def build(folder: Path) -> None:
    """Write the archive into `folder`."""
    people, places, things = folder / "people", folder / "places" / "abroad", folder / "things"
    for part in (people, places, things):
        part.mkdir(parents=True, exist_ok=True)
    grey("astronaut").save(people / "astronaut.jpg", quality=92)
    turned = Image.Exif()
    turned[0x0112] = 6  # a camera held sideways: viewers turn the picture by 90 degrees
    grey("camera").rotate(90, expand=True).save(people / "cameraman-turned.jpg", quality=92, exif=turned)
    grey("rocket").save(places / "rocket.png")
    grey("chelsea").save(things / "chelsea.webp", lossless=True)
    deep = img_as_uint(rgb2gray(data.coffee()))
    tifffile.imwrite(
        things / "coffee-16bit.tif", deep, compression="zlib", resolution=(300, 300), metadata=None
    )
    with tifffile.TiffWriter(things / "coins-and-moon.tif") as tiff:
        for name in ("coins", "moon"):
            tiff.write(np.asarray(grey(name)), metadata=None)
    toned = np.asarray(grey("astronaut"), np.float32)[..., None] * SEPIA
    Image.fromarray(toned.astype(np.uint8)).save(people / "astronaut-sepia.png")
    Image.fromarray(data.coffee()).save(things / "coffee-in-colour.jpg", quality=92)
    whole = (people / "astronaut.jpg").read_bytes()
    (folder / "broken.jpg").write_bytes(whole[: len(whole) // 3])


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if not target.exists():
        build(target)
    print(f"{target}: {sum(path.is_file() for path in target.rglob('*'))} files")
