"""Pictures and films with some of their bytes changed, and what readers make of them."""

import os
import random
import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image
from small_archive import grey_of

from archivecolor.colour.chroma import Chroma
from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ItemError
from archivecolor.jobs.photograph_tasks import init_worker
from archivecolor.photo.inspect import inspect
from archivecolor.photo.render import RenderOptions, render

# Most pictures go wrong in their headers, which are short: half of all changes are made there.
HEAD_BYTES = 200
LARGEST_MEGAPIXELS = 4.0
UNREAD_BY_PILLOW = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    ArithmeticError,
    LookupError,
    struct.error,
    Image.DecompressionBombError,
)
HEIC = Path(__file__).parents[1] / "photo" / "data" / "grey.heic"


@dataclass(frozen=True)
class Mutant:
    """One damaged file to read.

    Attributes:
        folder: where it is written; the worker removes it.
        suffix: of its name.
        content: of the file it is made from.
        seed: says what is changed.
    """

    folder: Path
    suffix: str
    content: bytes
    seed: int

    def damaged(self):
        """The bytes of the damaged file."""
        return mutated(self.content, random.Random(self.seed))


@dataclass(frozen=True)
class Outcome:
    """What became of a damaged file.

    Attributes:
        seed: of the mutant.
        reason: word of the error; "done" without one.
        difference: largest difference between the luma of source and output as Pillow reads them, 0..255;
            None where it does not read the source as 8-bit grey or RGB.
    """

    seed: int
    reason: str
    difference: int | None = None


def mutated(content, noise):
    """`content` with some bytes changed, cut out, doubled or cut off."""
    changed = bytearray(content)
    for _ in range(noise.choice((1, 1, 2, 4, 16))):
        end = min(HEAD_BYTES, len(changed)) if noise.random() < 0.5 else len(changed)
        at = noise.randrange(max(1, end))
        kind = noise.random()
        if kind < 0.6:
            changed[at : at + 1] = bytes([noise.randrange(256)])
        elif kind < 0.75:
            changed[at : at + 4] = noise.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"))
        elif kind < 0.85:
            del changed[at : at + noise.randrange(1, 40)]
        elif kind < 0.95:
            changed[at:at] = changed[at : at + noise.randrange(1, 40)]
        else:
            del changed[at:]
    return bytes(changed)


def read_mutant(mutant):
    """Look at a damaged picture and colour it, as a worker of a run does."""
    source = mutant.folder / f"{mutant.seed}{mutant.suffix}"
    part = source.with_name(f"{mutant.seed}-out{mutant.suffix}")
    source.write_bytes(mutant.damaged())
    part.touch()
    try:
        return Outcome(mutant.seed, "done", coloured(source, part))
    except ItemError as error:
        return Outcome(mutant.seed, error.reason.value)
    finally:
        source.unlink(missing_ok=True)
        part.unlink(missing_ok=True)


def coloured(source, part):
    """Colour one picture; gives how far the luma of source and output lie apart."""
    seen = inspect(source, working_size=64, max_megapixels=LARGEST_MEGAPIXELS)
    if not seen.lumas:
        return None  # line art, which is not coloured
    chroma = Chroma(np.full((2, 2, 2), 0.1, np.float32), np.ones((2, 2), np.float32), 1.0)
    options = RenderOptions(file_state=seen.facts.file_state, max_megapixels=LARGEST_MEGAPIXELS)
    render(source, part, tuple(chroma for _ in seen.lumas), options)
    return difference(source, part)


def difference(source, part):
    """Largest difference between the lumas, by a reader that is not ours."""
    before = luma_by_pillow(source)
    if before is None:
        return None
    after = luma_by_pillow(part)
    if after is None or before.shape != after.shape:
        return 255
    return int(np.abs(before.astype(int) - after).max())


def luma_by_pillow(path):
    """Luma codes (h, w) of the first page as stored; None where Pillow does not read it, or sees alpha."""
    try:
        with Image.open(path) as picture:
            if picture.format == "JPEG":
                picture.draft("L", picture.size)
            if picture.format == "TIFF" and picture.tag_v2.get(262) is None:
                return None  # without a photometric interpretation that it can read Pillow gives the negative
            if picture.mode not in ("L", "RGB") or "transparency" in picture.info:
                return None
            if picture.format == "PPM" and picture.tile[0][0] != "raw":
                return None  # white is not 255, and Pillow rounds halves its own way
            codes = np.asarray(picture)
    except UNREAD_BY_PILLOW:
        return None
    return codes if codes.ndim == 2 else luma_codes(codes)


def originals():
    """One good picture of each container and kind, by a name for it."""
    grey, rgb = grey_of("camera", (96, 72)), grey_of("coffee", (96, 72)).convert("RGB")
    deep = np.asarray(grey).astype(np.uint16) * 257
    return {
        "grey.jpg": saved(grey, "JPEG", quality=85),
        "rgb.jpg": saved(rgb, "JPEG", quality=85, progressive=True),
        "deep.jpg": imagecodecs.jpeg_encode(deep >> 4, level=90, bitspersample=12),
        "grey.png": saved(grey, "PNG"),
        "rgb.png": saved(rgb, "PNG"),
        "grey.tif": tiff(np.asarray(grey), compression=None),
        "zip.tif": tiff(np.asarray(rgb), compression="zlib", rowsperstrip=16),
        "deep.tif": tiff(deep, compression="lzw", tile=(16, 16)),
        "lossless.webp": saved(rgb, "WEBP", lossless=True),
        "lossy.webp": saved(rgb, "WEBP", quality=80),
        "grey.bmp": saved(grey, "BMP"),
        "grey.pgm": saved(grey, "PPM"),
        "rgb.jp2": saved(rgb, "JPEG2000"),
        "grey.heic": HEIC.read_bytes(),
    }


def saved(picture, form, **how):
    file = BytesIO()
    picture.save(file, form, **how)
    return file.getvalue()


def tiff(codes, **how):
    file = BytesIO()
    tifffile.imwrite(file, codes, metadata=None, **how)
    return file.getvalue()


def without_exiftool():
    """Make a worker one of a machine where exiftool is not installed, and a quick one."""
    init_worker()
    os.environ["PATH"] = ""
