"""How much work a plan is: what `--dry-run` prints.

Sizes of pictures come from earlier records and, for new files, from the headers of a sample.
"""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from archivecolor.archive.plan import Item
from archivecolor.archive.run_json import RunSummary
from archivecolor.archive.walk import extension_of

_SAMPLES_PER_EXTENSION = 50
# Where no header of an extension could be read: a grey 8-bit picture, half compressed.
PIXELS_PER_BYTE = 2.0
# A cautious guess for one core, used until a run of this output has been timed.
_MEGAPIXELS_PER_CORE_SECOND = 4.0


@dataclass(frozen=True)
class Estimate:
    """How much work a plan is.

    Attributes:
        items: pictures to do.
        nbytes: size of their files.
        megapixels: their size; an estimate where they were never seen before.
        seconds: expected time.
        from_last_run: the time rests on the last run of this output, not on a guess.
        measured: how many pictures were tried to know the time, 0 where it is otherwise known or guessed.
        processor_seconds: what all cores together will spend, where it was measured.
    """

    items: int
    nbytes: int
    megapixels: float
    seconds: float
    from_last_run: bool
    measured: int = 0
    processor_seconds: float = 0.0

    def plus(self, other: Estimate) -> Estimate:
        """Both together."""
        return Estimate(
            self.items + other.items,
            self.nbytes + other.nbytes,
            self.megapixels + other.megapixels,
            self.seconds + other.seconds,
            self.from_last_run or other.from_last_run,
            self.measured + other.measured,
            self.processor_seconds + other.processor_seconds,
        )


def estimate(items: list[Item], last_run: RunSummary | None) -> Estimate:
    """Estimate the work of photographs; opens at most a few headers of each kind of file.

    Args:
        items: photographs that are to be done.
        last_run: of the same output, where there was one.
    """
    megapixels = pixels_of(items) / 1e6
    speed = last_run.speed("MP") if last_run is not None else None
    rate = speed or _MEGAPIXELS_PER_CORE_SECOND * (os.cpu_count() or 1)
    nbytes = sum(item.nbytes for item in items)
    return Estimate(len(items), nbytes, megapixels, megapixels / rate, speed is not None)


def pixels_of(items: Sequence[Item]) -> float:
    """Pixels of all items, those of new ones by the bytes a pixel takes in a sample of their kind."""
    unseen: dict[bytes, list[Item]] = defaultdict(list)
    pixels = 0.0
    for item in items:
        if item.pixels:
            pixels += item.pixels
        else:
            unseen[extension_of(os.fsencode(item.path))].append(item)
    for kind in unseen.values():
        pixels += _pixels_per_byte(kind) * sum(item.nbytes for item in kind)
    return pixels


def _pixels_per_byte(items: list[Item]) -> float:
    """Pixels per byte of file in an even sample of `items`."""
    step = max(1, len(items) // _SAMPLES_PER_EXTENSION)
    pixels = nbytes = 0
    for item in items[::step][:_SAMPLES_PER_EXTENSION]:
        size = _header_pixels(item.source)
        if size:
            pixels += size
            nbytes += item.nbytes
    return pixels / nbytes if nbytes else PIXELS_PER_BYTE


def _header_pixels(path: Path) -> int:
    """Width times height by the file's header; 0 where Pillow cannot read it."""
    try:
        with warnings.catch_warnings():
            # The size of a bomb is still only a number here.
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return int(image.width * image.height)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 0
