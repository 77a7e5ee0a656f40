"""The colour taken off again: what is left is the scan's grey."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.metadata.provenance import PictureBox
from archivecolor.photo.compose import drop_alpha, page_luma
from archivecolor.photo.containers.base import PagePlan, WritableFormat
from archivecolor.photo.containers.placement import Placement
from archivecolor.photo.containers.registry import OpenImage, container_for, open_image
from archivecolor.photo.marking import picture_boxes_of


@dataclass(frozen=True)
class GreyImage:
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


def write_grey(path: Path, part: Path, *, max_megapixels: float = 1000.0) -> GreyImage:
    """Write the luma of a picture, as grey, to `part`; the caller renames it.

    A JPEG's Y coefficients and table become a grey JPEG's, untouched; everywhere else the grey codes are
    `colour.luma.luma_codes` of the picture's. WebP and netpbm have their own ways to hold grey. Size, depth,
    pages, density, orientation and alpha stay; the profile does not, since it speaks of RGB, nor a caption
    that we put below.

    Raises:
        ItemError: the picture cannot be read, or where its caption begins is no longer known.
        OSError: `part` cannot be written.
    """
    with open_image(path, max_megapixels) as picture:
        container = container_for(picture.image_format, "keep")
        plans = [_plan(picture, number, container) for number in range(len(picture.reader.pages))]
        if boxes := picture_boxes_of(picture):
            plans = [plan.placed(_part(box)) for plan, box in zip(plans, boxes, strict=True)]
        luma = container.write(part, plans)
    return GreyImage(container.name, luma, len(plans), part.stat().st_size)


def _part(box: PictureBox) -> Placement:
    """The picture alone, without the caption below it."""
    return Placement((box.height, box.width), (-box.top, -box.left))


def _plan(picture: OpenImage, number: int, container: WritableFormat) -> PagePlan:
    page = picture.reader.pages[number]
    alpha = page.alpha and container.supports_alpha
    bands = picture.reader.bands(number) if alpha else drop_alpha(picture.reader.bands(number))
    return PagePlan(
        facts=page,
        depth=page.code_depth,
        samples=1 + alpha,
        icc=None,
        bands=page_luma(bands),
        source=picture.reader,
    )
