"""What people would script for a film: frame by frame through OpenCV, which loses sound and times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from made import RATE
from report import Row, timed
from rivals import Codes, by_opencv, by_skimage

from archivecolor.networks.base import Generator
from archivecolor.networks.checkpoint import load_checkpoint
from archivecolor.networks.device import choose_device


@dataclass(frozen=True)
class Script:
    """A loop over frames.

    Attributes:
        name: of the library it is made with.
        colour: makes BGR of BGR.
    """

    name: str
    colour: Callable[[Generator, Codes], Codes]


def _by_skimage_from_bgr(generator: Generator, bgr: Codes) -> Codes:
    """scikit-image wants RGB, OpenCV's writer BGR."""
    return np.ascontiguousarray(by_skimage(generator, bgr[..., ::-1])[..., ::-1])


_SCRIPTS = (Script("scikit-image", _by_skimage_from_bgr), Script("OpenCV", by_opencv))


def loops(path: Path, folder: Path, checkpoint: Path, count: int) -> Iterator[Row]:
    """Frames a second of each script over a film's first frames, without its imports and first picture."""
    generator = load_checkpoint(checkpoint).generator.to(choose_device("auto"))
    for script in _SCRIPTS:
        script.colour(generator, np.zeros((64, 64, 3), np.uint8))
        target = folder / f"{script.name}.mp4"
        seconds = timed(partial(_loop, path, target, count, partial(script.colour, generator)))
        yield Row(
            f"a loop with {script.name}, no sound, no times, colour that flickers", count / seconds, "/s"
        )


def _loop(path: Path, target: Path, count: int, colour: Callable[[Codes], Codes]) -> None:
    reader = cv2.VideoCapture(str(path))
    size = (int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), RATE, size)
    for _ in range(count):
        good, bgr = reader.read()
        if not good:
            raise SystemExit("the film is shorter than the loop")
        writer.write(colour(bgr.astype(np.uint8, copy=False)))
    writer.release()
    reader.release()
