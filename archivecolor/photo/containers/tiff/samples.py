"""TIFF samples of every kind brought to full-range codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from archivecolor.colour.lab import rgb_from_lab
from archivecolor.photo.containers.base import Band
from archivecolor.photo.facts import Codes

# Any: integers or floats, known at run time alone.
Raw: TypeAlias = npt.NDArray[Any]

# What is white among floats, and the share of samples that may lie beyond.
_WHITES = (1, 255, 65535)
# Shares of the samples: of those above white, and of those below black.
FEW, MOST = 0.05, 0.25

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9


@dataclass(frozen=True)
class SampleLayout:
    """How a page's samples are meant.

    Attributes:
        photometric: TIFF code; YCbCr pages arrive as RGB.
        bits: bits per sample.
        floating: samples are floats.
        colours: samples per pixel without alpha.
        alpha: one alpha sample follows the colours.
        palette: RGB codes (entries, 3) of a palette page.
        value_range: lowest and highest float value, None until it is known.
    """

    photometric: int
    bits: int
    floating: bool
    colours: int
    alpha: bool
    palette: Codes | None = None
    value_range: tuple[float, float] | None = None

    @property
    def code_depth(self) -> int:
        """8 or 16, of the codes that the samples become."""
        if self.palette is not None:
            return self.palette.dtype.itemsize * 8
        return 8 if self.bits <= 8 and not self.floating else 16


def decode_samples(rows: Raw, samples: SampleLayout) -> Band:
    """A band of codes from samples (rows, width, n) as stored."""
    if samples.palette is not None:
        return _from_palette(rows, samples)
    codes = _to_codes(rows, samples)
    colours = codes[..., : samples.colours]
    alpha = codes[..., samples.colours] if samples.alpha else None
    return Band(_to_grey_or_rgb(colours, samples.photometric), alpha)


def _from_palette(rows: Raw, samples: SampleLayout) -> Band:
    assert samples.palette is not None
    alpha = None
    if samples.alpha:
        alpha = rows[..., 1].astype(samples.palette.dtype) * (257 if samples.code_depth == 16 else 1)
    return Band(samples.palette[rows[..., 0]], alpha)


def _to_codes(rows: Raw, samples: SampleLayout) -> Codes:
    """Samples scaled so that the largest one of their depth is 255 or 65535."""
    if samples.floating:
        return _from_floats(rows, samples.value_range or (0.0, 1.0))
    if samples.bits in (8, 16):
        return rows
    if samples.bits == 32:
        return ((rows.astype(np.uint64) * 65535 + (1 << 31)) // 0xFFFFFFFF).astype(np.uint16)
    top, full = (1 << samples.bits) - 1, 255 if samples.bits < 8 else 65535
    scaled = (rows.astype(np.uint32) * full + top // 2) // top
    return scaled.astype(np.uint8 if samples.bits < 8 else np.uint16)


def _from_floats(rows: Raw, value_range: tuple[float, float]) -> Codes:
    low, high = value_range
    unit = (np.nan_to_num(rows.astype(np.float64), nan=low, posinf=high, neginf=low) - low) / (high - low)
    return np.rint(np.clip(unit, 0, 1) * 65535).astype(np.uint16)


def _to_grey_or_rgb(colours: Codes, photometric: int) -> Codes:
    if photometric == WHITE_IS_ZERO:
        return np.invert(colours[..., 0])
    if photometric == BLACK_IS_ZERO:
        return colours[..., 0]
    if photometric == SEPARATED:
        return _from_inks(colours)
    if photometric in (CIELAB, ICCLAB):
        return _from_lab(colours, photometric)
    return colours


def _from_inks(inks: Codes) -> Codes:
    """RGB from CMYK in which 0 is no ink: (1 - ink)(1 - black)."""
    top = int(np.iinfo(inks.dtype).max)
    reflectance = top - inks.astype(np.uint32)
    return ((reflectance[..., :3] * reflectance[..., 3:] + top // 2) // top).astype(inks.dtype)


def _from_lab(lab: Codes, photometric: int) -> Codes:
    """RGB (sRGB codes) from CIE Lab: a and b are signed (CIELAB) or offset by half (ICCLAB)."""
    top = np.iinfo(lab.dtype).max
    unit = np.float32(256 if top > 255 else 1)
    signed = lab[..., 1:].view(np.int16 if top > 255 else np.int8).astype(np.float32)
    offset = lab[..., 1:].astype(np.float32) - (top + 1) // 2
    chroma = (signed if photometric == CIELAB else offset) / unit
    lightness = lab[..., :1].astype(np.float32) * np.float32(100 / top)
    rgb = rgb_from_lab(np.concatenate([lightness, chroma], axis=-1))
    return np.rint(np.clip(rgb, 0, 1) * top).astype(lab.dtype)


def float_range(bands: Iterable[Raw], samples: SampleLayout) -> tuple[SampleLayout, str]:
    """Choose which float is white; black is 0, and what lies beyond either is clipped.

    White is 1, as raw developers write it, also where glare lies above. It is 255 where more than `FEW` of
    the samples above 0 are above twice 1, or all are whole numbers of which one is above 1; likewise 65535.
    Samples of no such range, or of which more than `FEW` (`MOST` where white is 1) lie below black, are
    stretched, lowest to highest.

    Returns:
        The samples with their range, and a note for the record.
    """
    seen = _FloatCounts()
    for rows in bands:
        seen.add(rows[..., : samples.colours])
    lacking = f"; {seen.lacking} that are no finite numbers taken as black or white" if seen.lacking else ""
    for white in _WHITES:
        few = FEW * (seen.finite - seen.below)
        is_white = seen.above[white] <= few and not (seen.whole and seen.high > white)
        if is_white and seen.below <= (MOST if white == 1 else FEW) * seen.finite:
            clipped = ", clipped beyond" if seen.high > white or seen.low < 0 else ""
            note = f"float samples taken as 0..{white}{clipped}{lacking}"
            return replace(samples, value_range=(0.0, white)), note
    high = seen.high if seen.high > seen.low else seen.low + 1
    note = f"float samples stretched from {seen.low:g}..{high:g}{lacking}"
    return replace(samples, value_range=(seen.low, high)), note


class _FloatCounts:
    """How many samples there are, and how many of them lie where; only finite ones lie anywhere."""

    def __init__(self) -> None:
        self.finite = 0
        self.lacking = 0
        self.below = 0
        self.above = dict.fromkeys(_WHITES, 0)
        self.whole = True
        self.low, self.high = np.inf, -np.inf

    def add(self, colours: Raw) -> None:
        """Count the samples of a band."""
        values = colours[np.isfinite(colours)].astype(np.float64)
        self.lacking += colours.size - values.size
        if not values.size:
            return
        self.finite += values.size
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        self.below += int((values < 0).sum())
        for white in _WHITES:
            self.above[white] += int((values > 2 * white).sum())
        self.whole = self.whole and bool((values == np.rint(values)).all())
