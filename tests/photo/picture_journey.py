"""What the tests of this room share: pictures by code, invented chroma, and the two visits in one call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from archivecolor.colour.chroma import Chroma
from archivecolor.photo.compose import page_luma
from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.inspect import Inspection, inspect
from archivecolor.photo.render import RenderedImage, RenderOptions, render

LIMIT = 100.0


@dataclass(frozen=True)
class Coloured:
    """A picture after both visits."""

    inspection: Inspection
    rendered: RenderedImage
    path: Path


def scene(height: int = 61, width: int = 83, depth: int = 8, seed: int = 0) -> npt.NDArray[np.generic]:
    """Grey codes with ramps, edges, noise, black and white."""
    rng = np.random.default_rng(seed)
    top = (1 << depth) - 1
    ramp = np.add.outer(np.linspace(0, 0.5, height), np.linspace(0, 0.5, width))
    ramp[height // 3 : height // 2, width // 4 : width // 2] = 1
    ramp[: height // 8] = 0
    noise = rng.normal(0, 0.02, ramp.shape)
    codes = np.rint(np.clip(ramp + noise, 0, 1) * top)
    return codes.astype(np.uint8 if depth <= 8 else np.uint16)


def smooth_scene(height: int = 61, width: int = 83) -> npt.NDArray[np.uint8]:
    """Grey codes that lossy compression barely moves."""
    ramp = np.add.outer(np.linspace(20, 120, height), np.linspace(0, 110, width))
    return np.rint(ramp).astype(np.uint8)


def invented_chroma(luma: npt.NDArray[np.float32], strength: float = 0.3, seed: int = 0) -> Chroma:
    """Strong random chroma over a grid of a quarter of the luma's size."""
    rng = np.random.default_rng(seed)
    height, width = (max(1, side // 4) for side in luma.shape)
    cbcr = rng.uniform(-strength, strength, (height, width, 2)).astype(np.float32)
    return Chroma(cbcr, np.ones((height, width), np.float32), 1.0)


def colour(path: Path, *, strength: float = 0.3, working_size: int = 64, **options: str) -> Coloured:
    """Look at a picture and finish it beside itself."""
    seen = inspect(path, working_size=working_size, max_megapixels=LIMIT)
    part = path.with_name(f"{path.name}.part")
    chromas = [invented_chroma(luma, strength, seed) for seed, luma in enumerate(seen.lumas)]
    rendered = render(
        path,
        part,
        chromas,
        RenderOptions(file_state=seen.facts.file_state, notes=seen.facts.notes, **options),
    )
    return Coloured(seen, rendered, part)


def grey_codes(path: Path, page: int = 0) -> npt.NDArray[np.generic]:
    """Luma codes (h, w[, 2 with alpha]) of a page as our own reader gives them."""
    with open_image(path, LIMIT) as picture:
        return np.concatenate(list(page_luma(picture.reader.bands(page))))
