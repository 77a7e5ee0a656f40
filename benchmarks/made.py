"""Pictures and films made for the benchmarks, from scikit-image's photographs, with grain."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
import tifffile
from skimage import data

NAMES = ("astronaut", "camera", "coffee", "chelsea", "rocket", "coins")
# Photographs that differ; more than these are copies.
DIFFERENT = 24
GRAIN = 6  # codes
RATE = 25

Codes = npt.NDArray[np.uint8]


def write_photographs(folder: Path, count: int, megapixels: float) -> None:
    """Grey JPEGs as cameras make them, of several shapes, so that not all share a batch."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    encoded = []
    for number in range(min(count, DIFFERENT)):
        photograph = getattr(data, NAMES[number % len(NAMES)])()
        grey = photograph if photograph.ndim == 2 else cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY)
        codes = grainy(enlarged(grey, (megapixels * 1e6 / grey.size) ** 0.5), random)
        encoded.append(simplejpeg.encode_jpeg(codes[..., None], quality=90, colorspace="GRAY"))
    for number in range(count):
        (folder / f"{number:05}.jpg").write_bytes(encoded[number % DIFFERENT])


def write_colour_photographs(folder: Path, count: int, short_side: int) -> None:
    """Colour JPEGs to train on."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(count):
        rgb = getattr(data, ("astronaut", "coffee", "chelsea", "rocket")[number % 4])()
        codes = grainy(enlarged(rgb, short_side / min(rgb.shape[:2])), random)
        (folder / f"{number:05}.jpg").write_bytes(simplejpeg.encode_jpeg(codes, quality=90))


def write_huge(path: Path, megapixels: float) -> None:
    """A square 16-bit grey TIFF in strips, written strip by strip."""
    path.parent.mkdir(parents=True)
    side = int((megapixels * 1e6) ** 0.5)
    ramp = np.linspace(0, 65535, side).astype(np.uint16)
    strips = (np.roll(ramp, row)[None] for row in range(side))
    tifffile.imwrite(path, strips, shape=(side, side), dtype=np.uint16, rowsperstrip=1, metadata=None)


def panned(picture: Codes, count: int, size: tuple[int, int]) -> Iterator[Codes]:
    """A camera that pans over a picture (h, w[, 3]), to and fro, with grain, no two frames alike.

    Args:
        picture: what it pans over; enlarged to one and a half times a frame.
        count: of frames.
        size: rows and columns of a frame.
    """
    rows, columns = size
    wide = enlarged(picture, 1.5 * max(rows / picture.shape[0], columns / picture.shape[1]))
    slack = min(wide.shape[0] - rows, wide.shape[1] - columns)
    random = np.random.default_rng(0)
    for number in range(count):
        place = slack - abs(number % (2 * slack) - slack)
        yield grainy(wide[place : place + rows, place : place + columns], random)


def enlarged(picture: Codes, scale: float) -> Codes:
    """A picture at another size."""
    larger: Codes = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return larger


def grainy(picture: Codes, random: np.random.Generator) -> Codes:
    """A picture with film's grain, the same in all channels."""
    shape = (*picture.shape[:2], *(1 for _ in picture.shape[2:]))
    grain = random.integers(-GRAIN, GRAIN + 1, shape, dtype=np.int16)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def write_film(path: Path, frames: Iterator[Codes], preset: str = "medium") -> None:
    """A film in H.264 of grey (h, w) or RGB (h, w, 3) frames."""
    with av.open(f"file:{path}", "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "16", "preset": preset})
        stream.pix_fmt = "yuv420p"
        for number, codes in enumerate(frames):
            if number == 0:
                stream.height, stream.width = codes.shape[:2]
            layout = "gray" if codes.ndim == 2 else "rgb24"
            frame = av.VideoFrame.from_ndarray(codes, layout).reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def lumas_of(film: Path, count: int) -> Iterator[Codes]:
    """The luma of a film's first frames, to and fro where it has less than `count`."""
    with av.open(f"file:{film}") as container:
        codes = [frame.to_ndarray(format="gray") for frame in islice(container.decode(video=0), count)]
    yield from islice(cycle([*codes, *codes[-2:0:-1]]), count)
