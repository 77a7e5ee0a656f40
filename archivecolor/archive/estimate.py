"""How much work a plan is: what `--dry-run` prints.

Sizes of pictures come from earlier records and, for new files, from the headers of a sample.
"""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from archivecolor.archive.plan import Item, Plan
from archivecolor.archive.run_json import RunSummary
from archivecolor.archive.walk import extension_of

SAMPLES_PER_EXTENSION = 50
# Where no header of an extension could be read: a grey 8-bit picture, half compressed.
PIXELS_PER_BYTE = 2.0
# A cautious guess for one core, used until a run of this output has been timed.
MEGAPIXELS_PER_CORE_SECOND = 4.0


@dataclass(frozen=True)
class Estimate:
    """How much work a plan is.

    Attributes:
        items: pictures to do.
        nbytes: size of their files.
        megapixels: their size; an estimate where they were never seen before.
        seconds: expected time.
        from_last_run: the time rests on the last run of this output, not on a guess.
    """

    items: int
    nbytes: int
    megapixels: float
    seconds: float
    from_last_run: bool


def estimate(plan: Plan, source: Path, last_run: RunSummary | None) -> Estimate:
    """Estimate the work of `plan`; opens at most a few headers of each kind of file.

    Args:
        plan: what is to be done.
        source: the input folder.
        last_run: of the same output, where there was one.
    """
    megapixels = pixels_of(plan.items, source) / 1e6
    timed = last_run is not None and last_run.megapixels > 0 and last_run.seconds > 0
    rate = MEGAPIXELS_PER_CORE_SECOND * (os.cpu_count() or 1)
    if timed and last_run is not None:
        rate = last_run.megapixels / last_run.seconds
    return Estimate(len(plan.items), plan.nbytes, megapixels, megapixels / rate, timed)


def pixels_of(items: list[Item], source: Path) -> float:
    """Pixels of all items, those of new ones by the bytes a pixel takes in a sample of their kind."""
    unseen: dict[bytes, list[Item]] = defaultdict(list)
    pixels = 0.0
    for item in items:
        if item.pixels:
            pixels += item.pixels
        else:
            unseen[extension_of(os.fsencode(item.path))].append(item)
    for kind in unseen.values():
        pixels += pixels_per_byte(kind, source) * sum(item.nbytes for item in kind)
    return pixels


def pixels_per_byte(items: list[Item], source: Path) -> float:
    """Pixels per byte of file in an even sample of `items`."""
    step = max(1, len(items) // SAMPLES_PER_EXTENSION)
    pixels = nbytes = 0
    for item in items[::step][:SAMPLES_PER_EXTENSION]:
        size = header_pixels(source / item.path)
        if size:
            pixels += size
            nbytes += item.nbytes
    return pixels / nbytes if nbytes else PIXELS_PER_BYTE


def header_pixels(path: Path) -> int:
    """Width times height by the file's header; 0 where Pillow cannot read it."""
    try:
        with warnings.catch_warnings():
            # The size of a bomb is still only a number here.
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return int(image.width * image.height)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 0
