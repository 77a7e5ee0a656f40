"""The colour taken off again: what is left is the scan's grey."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.photo.compose import decoloured, without_alpha
from archivecolor.photo.formats.base import PagePlan, WritableFormat, watched
from archivecolor.photo.formats.registry import Opened, container_for, opened


@dataclass(frozen=True)
class Decoloured:
    """What was written.

    Attributes:
        format: container of the output.
        luma: "coefficients" (a JPEG's own Y), "exact" (every code) or "re-encoded".
        pages: pages written.
        nbytes: size of the output.
    """

    format: str
    luma: str
    pages: int
    nbytes: int


def take_colour_off(path: Path, part: Path, *, max_megapixels: float = 1000.0) -> Decoloured:
    """Write the luma of a picture, as grey, to `part`; the caller renames it.

    A JPEG's Y coefficients and table become a grey JPEG's, untouched; everywhere else the grey codes are
    `colour.luma.luma_codes` of the picture's. WebP and netpbm have their own ways to hold grey. Size, depth,
    pages, density, orientation and alpha stay; the profile does not, since it speaks of RGB.

    Raises:
        ItemError: the picture cannot be read.
        OSError: `part` cannot be written.
    """
    with opened(path, max_megapixels) as picture:
        container = container_for(picture.form, "keep")
        plans = [_plan(picture, number, container) for number in range(len(picture.scan.pages))]
        luma = container.write(part, plans)
    return Decoloured(container.name, luma, len(plans), part.stat().st_size)


def _plan(picture: Opened, number: int, container: WritableFormat) -> PagePlan:
    page = picture.scan.pages[number]
    alpha = page.alpha and container.with_alpha
    bands = picture.scan.bands(number) if alpha else without_alpha(picture.scan.bands(number))
    codes = watched(picture.path, picture.form, decoloured(bands))
    return PagePlan(
        facts=page,
        depth=page.code_depth,
        samples=1 + alpha,
        icc=None,
        bands=codes,
        source=picture.path,
    )
