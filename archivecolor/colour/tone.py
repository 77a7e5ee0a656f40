"""Whether a picture is grey, toned, tinted or in colour.

A toned picture has one colour per lightness: its pixels lie on one curve through L*a*b*, and what
strays from the curve strays along the tone's own hue. So the curve is fitted and taken off, then a
cast that changes slowly over the picture (stains, fading, uneven light); what is left is colour.
Only the inner part is looked at: mounts, rebates and colour targets lie at the edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from archivecolor.colour.arrays import Float32, Numbers
from archivecolor.colour.lab import lab_from_rgb

MARGIN = 0.14
# Longest short side of what is looked at, averaged down: takes off grain and JPEG's chroma blocks.
SHORT_SIDE = 96
# Pixels of that size averaged into a cell before colour is judged: a stamp or a spot of dust is less.
CELL = 6
_CURVE_POINTS = 10
_CAST_FITS = 3
_CAST_KEPT = 0.85
# Below this L*, a and b tell more of glare and scanner noise than of colour.
_DARK_LIGHTNESS = 35.0
# Tone chroma from which the picture counts as having a hue line.
_FULL_HUE_LINE = 8.0
# Weight of straying along the hue line, where strong toning varies by itself.
_ALONG_WEIGHT = 0.4

# Limits in Lab units, set on 554 colour photographs, the same made grey and toned, and old prints.
_COLOUR_AT_90, _COLOUR_AT_95 = 1.8, 2.2
_TINTED_AT_75, _TINTED_AT_90, _TINTED_AT_95 = 2.4, 4.0, 5.2
_TONE_CHROMA = 6.2
# Something coloured in a picture that is grey but for it: this chroma over more than this share of it (a
# stamp has less), and the rest, all but `_MOST_SPOTS`, grey.
_SPOT_CHROMA, _SPOT_SHARE, _MOST_SPOTS = 15.0, 0.04, 0.25
# A mottled cast of a scanner, print or codec: nowhere a colour, and little of it in all.
_FAINT_AT_99, _FAINT_CHROMA = 5.5, 3.5


class Tone(str, Enum):
    """What kind of colour a picture has."""

    GREY = "grey"
    TONED = "toned"
    TINTED = "tinted"
    COLOUR = "colour"


@dataclass(frozen=True)
class _Spread:
    """How far cells stray from the tone curve: chroma at the 75th, 90th and 95th percentile."""

    at_75: float
    at_90: float
    at_95: float


def tone_of(rgb: Numbers) -> Tone:
    """Judge a picture by the chroma of its inner part.

    Args:
        rgb: (h, w, 3), uint8 or uint16 codes, or floats as fractions of full scale; a reduced
            picture of a few hundred pixels serves.

    Returns:
        GREY: near neutral, or one faint cast. TONED: one hue line (sepia, cyanotype). TINTED: muted
        colours over such a line (hand-coloured prints, old postcards, faded photographs), or grey but for
        one coloured thing. COLOUR: the rest.
    """
    if np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 1], rgb[..., 2]):
        return Tone.GREY
    lab = lab_from_rgb(_shrink(_inner(rgb)))
    curve = _tone_curve(lab)
    stray = _without_cast(lab[..., 1:] - curve)
    stray *= np.clip(lab[..., :1] / _DARK_LIGHTNESS, 0.2, 1)
    cells = np.hypot(*np.moveaxis(_cells(stray), -1, 0))
    if (cells > _SPOT_CHROMA).mean() > _SPOT_SHARE and np.quantile(cells, 1 - _MOST_SPOTS) <= _COLOUR_AT_95:
        return Tone.TINTED
    chroma = np.hypot(lab[..., 1], lab[..., 2]).mean()
    if np.quantile(cells, 0.99) <= _FAINT_AT_99 and chroma <= _FAINT_CHROMA:
        return Tone.GREY
    spread = _spread(stray, curve.mean(axis=(0, 1)))
    if spread.at_90 <= _COLOUR_AT_90 and spread.at_95 <= _COLOUR_AT_95:
        strength = float(np.hypot(curve[..., 0], curve[..., 1]).mean())
        return Tone.TONED if strength >= _TONE_CHROMA else Tone.GREY
    return _tinted_or_colour(spread, float(np.hypot(*curve.mean(axis=(0, 1)))))


def _tinted_or_colour(spread: _Spread, strength: float) -> Tone:
    """TINTED where most of the picture lies on a tone's line and the rest is muted."""
    muted = spread.at_75 <= _TINTED_AT_75 and spread.at_90 <= _TINTED_AT_90 and spread.at_95 <= _TINTED_AT_95
    return Tone.TINTED if muted and strength >= _TONE_CHROMA else Tone.COLOUR


def _inner(rgb: Numbers) -> Numbers:
    """The picture without its margins."""
    height, width = rgb.shape[:2]
    rows, columns = int(height * MARGIN), int(width * MARGIN)
    return rgb[rows : height - rows, columns : width - columns]


def _shrink(rgb: Numbers) -> Float32:
    """The picture as fractions of full scale, averaged down to about `SHORT_SIDE`."""
    scale = np.iinfo(rgb.dtype.name).max if np.issubdtype(rgb.dtype, np.integer) else 1
    step = max(1, -(-min(rgb.shape[:2]) // SHORT_SIDE))
    return np.asarray(_block_mean(rgb, step) / np.float32(scale), np.float32)


def _block_mean(raster: Numbers, step: int) -> Float32:
    """Means of blocks of `step` x `step`; rows and columns that fill no block are left out."""
    height, width = raster.shape[0] // step, raster.shape[1] // step
    blocks = raster[: height * step, : width * step].reshape(height, step, width, step, -1)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32), np.float32)


def _tone_curve(lab: Float32) -> Float32:
    """a* and b* (h, w, 2) that the picture's tone has at each pixel's lightness."""
    flat = lab.reshape(-1, 3)
    count = max(1, min(_CURVE_POINTS, len(flat) // 16))
    points = [np.median(part, axis=0) for part in np.array_split(flat[np.argsort(flat[:, 0])], count)]
    lightness, a, b = np.stack(points, axis=1)
    curve = [np.interp(lab[..., 0], lightness, along) for along in (a, b)]
    return np.stack(curve, axis=-1).astype(np.float32)


def _without_cast(stray: Float32) -> Float32:
    """`stray` (h, w, 2) less the smooth cast of most of it: a quadratic over the picture."""
    height, width = stray.shape[:2]
    y, x = (
        axis.ravel()
        for axis in np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    )
    basis = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
    flat = stray.reshape(-1, 2).astype(np.float64)
    kept = np.ones(len(flat), bool)
    left = flat
    for _ in range(_CAST_FITS):
        left = flat - basis @ np.linalg.lstsq(basis[kept], flat[kept], rcond=None)[0]
        size = np.hypot(left[:, 0], left[:, 1])
        kept = size <= np.quantile(size, _CAST_KEPT)
    return left.reshape(stray.shape).astype(np.float32)


def _cells(stray: Float32) -> Float32:
    """`stray` averaged over cells, (rows, columns, 2)."""
    return _block_mean(stray, max(1, min(CELL, min(stray.shape[:2]) // 8)))


def _spread(stray: Float32, tone: Float32) -> _Spread:
    """Percentiles of what strays, cell by cell, without what noise alone would give."""
    step = max(1, min(CELL, min(stray.shape[:2]) // 8))
    cells = _cells(stray).reshape(-1, 2)
    strength = float(np.hypot(*tone))
    hue = tone / max(strength, 1e-6)
    along = cells @ hue
    across = cells @ np.array([-hue[1], hue[0]])
    weight = 1 - (1 - _ALONG_WEIGHT) * min(1.0, strength / _FULL_HUE_LINE)
    found = np.quantile(np.hypot(across, weight * along), [0.75, 0.90, 0.95])
    # Quantiles of the length of a two-dimensional Gaussian of standard deviation 1.
    noise = np.array([1.67, 2.15, 2.45]) * _noise(stray) / step
    return _Spread(*np.sqrt(np.maximum(found**2 - noise**2, 0)))


def _noise(stray: Float32) -> float:
    """Standard deviation of the pixel noise, from the differences of neighbours."""
    if stray.shape[1] < 2:
        return 0.0
    return float(np.median(np.abs(np.diff(stray, axis=1))) / (0.6745 * np.sqrt(2)))
