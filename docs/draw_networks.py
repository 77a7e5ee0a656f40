"""Draws what checkpoints make of scikit-image's photographs, beside grey and truth: docs/images/networks.jpg.

python docs/draw_networks.py RUN.safetensors ... [-o SHEET.jpg]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage import data

from archivecolor import colour_array, load_predictor

NAMES = ("astronaut", "chelsea", "coffee", "rocket")
SIDE = 176
LABEL = 16


def photograph(name: str) -> Image.Image:
    """The middle square of a colour picture."""
    whole = Image.fromarray(getattr(data, name)())
    side = min(whole.size)
    left, top = (whole.width - side) // 2, (whole.height - side) // 2
    return whole.crop((left, top, left + side, top + side)).resize((256, 256), Image.Resampling.BOX)


def columns(checkpoints: list[Path]) -> dict[str, list[Image.Image]]:
    """Label and pictures of each column, from grey over the checkpoints to the truth."""
    truth = [photograph(name) for name in NAMES]
    grey = [picture.convert("L") for picture in truth]
    drawn = {"grey": grey}
    for path in (None, *checkpoints):
        predictor = load_predictor(path)
        coloured = [colour_array(np.asarray(picture), predictor) for picture in grey]
        drawn[predictor.name] = [Image.fromarray(picture) for picture in coloured]
    return drawn | {"truth": truth}


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", nargs="+", type=Path)
    sheet_path = Path(__file__).parent / "images" / "networks.jpg"
    parser.add_argument("-o", "--output", type=Path, default=sheet_path)
    options = parser.parse_args()
    drawn = columns(options.checkpoints)
    sheet = Image.new("RGB", (SIDE * len(drawn), LABEL + SIDE * len(NAMES)), "white")
    pen = ImageDraw.Draw(sheet)
    for x, (label, pictures) in enumerate(drawn.items()):
        pen.text((x * SIDE + 4, 2), label, fill="black")
        for y, picture in enumerate(pictures):
            small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            sheet.paste(small, (x * SIDE, LABEL + y * SIDE))
    sheet.save(options.output, quality=84, optimize=True)


if __name__ == "__main__":
    main()
