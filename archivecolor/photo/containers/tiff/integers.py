"""Which whole number is white, and which black, where the type of the samples does not say it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from archivecolor.photo.containers.tiff.samples import FEW, Raw, SampleLayout

# White of samples that were kept in a wider type than they need.
_WHITES = (255, 65535)


def integer_range(bands: Iterable[Raw], samples: SampleLayout) -> tuple[SampleLayout, str]:
    """Choose black and white of signed samples, and of those of more than 16 bits.

    Black is 0; white is 255 or 65535 where nothing lies above, else the largest number of the type. Where
    more than `FEW` of the samples are below 0, black is the type's lowest number. Where the picture is
    smoother with its samples read as unsigned ones, they are that, whatever the file calls them.

    Returns:
        The samples with their range, and a note for the record.
    """
    seen = _Counts(is_signed=samples.signed)
    for rows in bands:
        seen.add(rows[..., : samples.colours])
    top = (1 << samples.bits - samples.signed) - 1
    name = "signed samples" if samples.signed else f"{samples.bits}-bit samples"
    if seen.below and seen.unsigned_steps < seen.steps:
        note = "called signed, but smooth as unsigned samples alone: read as those"
        return replace(samples, signed=False, value_range=(0.0, 2.0 * top + 1)), note
    if seen.below > FEW * seen.total:
        return replace(samples, value_range=(-top - 1.0, float(top))), f"{name} taken as {-top - 1}..{top}"
    white = next((white for white in _WHITES if seen.high <= white < top), top)
    clipped = ", clipped below" if seen.below else ""
    return replace(samples, value_range=(0.0, float(white))), f"{name} taken as 0..{white}{clipped}"


class _Counts:
    """How many samples there are, how many lie below 0, and how large the steps from each to the next are."""

    def __init__(self, *, is_signed: bool) -> None:
        self._is_signed = is_signed
        self.total = 0
        self.below = 0
        self.high = 0
        self.steps = 0.0
        self.unsigned_steps = 0.0

    def add(self, colours: Raw) -> None:
        """Count the samples of a band."""
        self.total += colours.size
        self.high = max(self.high, int(colours.max()))
        if self._is_signed:
            self.below += int((colours < 0).sum())
            self.steps += _steps(colours)
            self.unsigned_steps += _steps(colours.astype(f"u{colours.dtype.itemsize}"))


def _steps(colours: Raw) -> float:
    """The sum of all steps from a sample to the one beside it."""
    return float(np.abs(np.diff(colours.astype(np.float64), axis=1)).sum())
