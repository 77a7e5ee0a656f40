"""Draw scans beside their coloured versions: python before_after_sheet.py scans/ coloured/ sheet.png."""

import json
import sys
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageOps

TILE = (360, 270)
GAP = 8


def shown(path: Path) -> Image.Image:
    """A picture as a viewer shows it, 8 bits, fitted into a tile."""
    if path.suffix.lower() in (".tif", ".tiff"):
        codes = tifffile.imread(path, key=0)
        picture = Image.fromarray((codes // 257).astype(np.uint8) if codes.dtype == np.uint16 else codes)
    else:
        picture = ImageOps.exif_transpose(Image.open(path))
    return ImageOps.pad(picture.convert("RGB"), TILE, color="white")


def sheet(source: Path, output: Path) -> Image.Image:
    """One row per coloured picture: the scan on the left, what was made of it on the right."""
    lines = (output / "_archivecolor" / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    records = {record["path"]: record for record in map(json.loads, lines)}
    pairs = [
        (source / path, output / record["output"]["path"])
        for path, record in sorted(records.items())
        if record["reason"] == "coloured"
    ]
    width, height = TILE[0] * 2 + GAP * 3, (TILE[1] + GAP) * len(pairs) + GAP
    drawing = Image.new("RGB", (width, height), "white")
    for row, pair in enumerate(pairs):
        for column, path in enumerate(pair):
            place = (GAP + column * (TILE[0] + GAP), GAP + row * (TILE[1] + GAP))
            drawing.paste(shown(path), place)
    return drawing


if __name__ == "__main__":
    source_folder, output_folder, target = map(Path, sys.argv[1:4])
    sheet(source_folder, output_folder).save(target)
    print(f"before and after: {target.resolve()}")
