"""An archive of photographs to be decided about, and the commands for it."""

import numpy as np
import tifffile
from PIL import Image
from small_archive import grey_of, tree

from archivecolor.archive.manifest import Manifest
from archivecolor.cli.main import main

RED = "#c82828"


def fill_to_decide(folder):
    """Write the photographs into `folder`: turned, of several pages, deep, longer than one window."""
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


class Archive:
    """A coloured tree, and the commands for it."""

    def __init__(self, scans, output, checkpoint):
        self.scans, self.output = scans, output
        self.options = ["--working-size", "64", "--jobs", "1", "--device", "cpu", "--checkpoint", checkpoint]

    def dir(self, *words, code=0):
        assert main(["dir", *map(str, (self.scans, self.output, *self.options, *words))]) == code

    def correct(self, *words, code=0):
        assert main(["correct", *map(str, (self.output, *words))]) == code

    def changed(self, before):
        now = tree(self.output)
        return {name for name in before | now if before.get(name) != now.get(name)}

    def record(self, name):
        return Manifest(self.output / "_archivecolor" / "manifest.jsonl").record(name)

    def records(self):
        return (self.output / "_archivecolor" / "manifest.jsonl").read_text().count("\n")
