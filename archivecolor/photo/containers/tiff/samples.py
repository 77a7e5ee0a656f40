"""TIFF samples of every kind brought to full-range codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from archivecolor.photo.containers.base import Band
from archivecolor.photo.containers.colour_models import (
    YcbcrModel,
    rgb_from_inks,
    rgb_from_lab_codes,
    rgb_from_ycbcr,
)
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
        photometric: TIFF code.
        bits: bits per sample.
        floating: samples are floats.
        colours: samples per pixel without alpha.
        alpha: one alpha sample follows the colours.
        palette: RGB codes (entries, 3) of a palette page.
        signed: samples are whole numbers that may be below 0.
        ycbcr: what YCbCr codes mean; None where the decoder gives RGB.
        value_range: which samples are black and white, None until it is known.
    """

    photometric: int
    bits: int
    floating: bool
    colours: int
    alpha: bool
    palette: Codes | None = None
    signed: bool = False
    ycbcr: YcbcrModel | None = None
    value_range: tuple[float, float] | None = None

    @property
    def code_depth(self) -> int:
        """8 or 16, of the codes that the samples become."""
        if self.palette is not None:
            return self.palette.dtype.itemsize * 8
        return 8 if self.bits <= 8 and not self.floating else 16

    @property
    def needs_range(self) -> bool:
        """Whether all samples have to be seen before it is known what is black and white."""
        return self.value_range is None and (self.floating or self.signed or self.bits > 16)


def decode_samples(rows: Raw, samples: SampleLayout) -> Band:
    """A band of codes from samples (rows, width, n) as stored."""
    if samples.palette is not None:
        return _from_palette(rows, samples)
    codes = _to_codes(rows, samples)
    colours = codes[..., : samples.colours]
    alpha = codes[..., samples.colours] if samples.alpha else None
    if samples.ycbcr is not None:
        return Band(rgb_from_ycbcr(colours, samples.ycbcr), alpha)
    return Band(_to_grey_or_rgb(colours, samples.photometric), alpha)


def _from_palette(rows: Raw, samples: SampleLayout) -> Band:
    assert samples.palette is not None
    alpha = None
    if samples.alpha:
        alpha = rows[..., 1].astype(samples.palette.dtype) * (257 if samples.code_depth == 16 else 1)
    return Band(samples.palette[rows[..., 0]], alpha)


def _to_codes(rows: Raw, samples: SampleLayout) -> Codes:
    """Samples scaled so that the largest one of their depth is 255 or 65535."""
    if samples.value_range is not None:
        return _from_range(rows, samples, samples.value_range)
    if samples.bits in (8, 16):
        return rows
    top, full = (1 << samples.bits) - 1, 255 if samples.bits < 8 else 65535
    scaled = (rows.astype(np.uint32) * full + top // 2) // top
    return scaled.astype(np.uint8 if samples.bits < 8 else np.uint16)


def _from_range(rows: Raw, samples: SampleLayout, value_range: tuple[float, float]) -> Codes:
    low, high = value_range
    if not samples.floating and not samples.signed:
        rows = rows.astype(f"u{rows.dtype.itemsize}", copy=False)
    unit = (np.nan_to_num(rows.astype(np.float64), nan=low, posinf=high, neginf=low) - low) / (high - low)
    dtype = np.uint8 if samples.code_depth == 8 else np.uint16
    return np.rint(np.clip(unit, 0, 1) * np.iinfo(dtype).max).astype(dtype)


def _to_grey_or_rgb(colours: Codes, photometric: int) -> Codes:
    if photometric == WHITE_IS_ZERO:
        return np.invert(colours[..., 0])
    if photometric == BLACK_IS_ZERO:
        return colours[..., 0]
    if photometric == SEPARATED:
        return rgb_from_inks(colours)
    if photometric in (CIELAB, ICCLAB):
        return rgb_from_lab_codes(colours, signed=photometric == CIELAB)
    return colours


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
