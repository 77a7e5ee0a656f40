"""Draws what hints do to a photograph: docs/images/hints.jpg, with none, one, three and five."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage import data

from archivecolor import Hint, Predictor, Reach, load_predictor
from archivecolor.colour.chroma import upsample
from archivecolor.colour.gamut import compose_exact_luma
from archivecolor.colour.guidance import Guidance
from archivecolor.colour.luma import luma_codes
from archivecolor.photo.shrink import resize, working_shape

SIDE = 320
COUNTS = (0, 1, 3, 5)
HINTS = (
    Hint(0.20, 0.65, (226, 104, 28)),  # the suit
    Hint(0.05, 0.62, (176, 60, 62), Reach.THING),  # a red stripe of the flag
    Hint(0.04, 0.10, (52, 58, 98), Reach.THING),  # its blue field
    Hint(0.96, 0.10, (128, 148, 186)),  # the backdrop
    Hint(0.42, 0.78, (214, 96, 26), Reach.THING),  # the suit in the shade
)


def drawn(
    luma: np.ndarray[tuple[int, int], np.dtype[np.uint8]], predictor: Predictor, count: int
) -> Image.Image:
    """The photograph with the first hints, each marked by a ring of its colour."""
    small = resize(luma, working_shape(*luma.shape, predictor.working_size))
    chroma = predictor.predict([small], [Guidance(HINTS[:count])])[0]
    image = Image.fromarray(compose_exact_luma(luma, upsample(chroma.cbcr, *luma.shape)))
    image = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(image)
    for hint in HINTS[:count]:
        pen.circle((hint.x * SIDE, hint.y * SIDE), 6, fill=hint.colour, outline="white", width=2)
    return image


def main() -> None:
    """Draw the sheet into the file named, docs/images/hints.jpg without one."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images" / "hints.jpg"
    luma, predictor = luma_codes(data.astronaut()), load_predictor()
    sheet = Image.new("RGB", (SIDE * len(COUNTS), SIDE))
    for place, count in enumerate(COUNTS):
        sheet.paste(drawn(luma, predictor, count), (place * SIDE, 0))
    sheet.save(target, quality=88)


if __name__ == "__main__":
    main()
