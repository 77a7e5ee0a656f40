"""The second visit to a picture: read in full, coloured, written beside its final name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.marking import Marking
from archivecolor.colour.chroma import Chroma
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.compose import chroma_beside, coloured, without_alpha
from archivecolor.photo.facts import Stamp
from archivecolor.photo.formats.base import PageFacts, PagePlan, WritableFormat, reading, watched
from archivecolor.photo.formats.registry import Opened, container_for, opened
from archivecolor.photo.icc import output_profile
from archivecolor.photo.metadata import copy_metadata


@dataclass(frozen=True)
class FinishOptions:
    """How outputs are written, and what they say of themselves.

    Attributes:
        stamp: the state of the source when it was looked at.
        format: "keep", or the container of the output.
        chroma: "444" or "420", sampling of JPEG outputs.
        max_megapixels: as for `look`.
        version: version of archivecolor.
        settings: digest of the settings.
        weights: digest of the weights.
        network: name of the network.
    """

    stamp: Stamp
    format: str = "keep"
    chroma: str = "444"
    max_megapixels: float = 1000.0
    version: str = ""
    settings: str = ""
    weights: str = ""
    network: str = ""


@dataclass(frozen=True)
class Finished:
    """What a second visit wrote.

    Attributes:
        format: container of the output.
        width: columns of its first page.
        height: rows of its first page.
        depth: bits per sample.
        pages: pages written.
        nbytes: size of the output.
        luma: "coefficients" (a JPEG's own Y), "exact" (every code) or "re-encoded".
        lost: what could not be carried over.
        notes: readings and writings that were not plain, for the log.
        source_sha256: digest of the source.
        sha256: digest of the output.
    """

    format: str
    width: int
    height: int
    depth: int
    pages: int
    nbytes: int
    luma: str
    lost: tuple[str, ...]
    notes: tuple[str, ...]
    source_sha256: str
    sha256: str


def finish(source: Path, part: Path, chromas: Sequence[Chroma], options: FinishOptions) -> Finished:
    """Write the coloured picture to `part`; the caller renames it.

    Args:
        source: read only.
        part: written anew.
        chromas: one per page, of the upright page.
        options: see there.

    Raises:
        ItemError: CHANGED where the source is not as it was looked at, or another reason of the manifest.
        OSError: `part` cannot be written.
    """
    with opened(source, options.max_megapixels, options.stamp) as picture:
        with reading(source):
            digest = sha256_of(source)
        container = container_for(picture.form, options.format)
        plans = _plans(picture, container, chromas, options)
        luma = container.write(part, plans)
        scan = picture.scan
    about = Marking(options.version, digest, options.settings, options.weights, options.network)
    lost = (*scan.dropped, *_lost_in(container, scan.pages), *copy_metadata(source, part, about))
    return Finished(
        format=container.name,
        width=scan.pages[0].width,
        height=scan.pages[0].height,
        depth=plans[0].depth,
        pages=len(plans),
        nbytes=part.stat().st_size,
        luma=_luma_word(luma, plans),
        lost=lost,
        notes=(*scan.notes, *_profile_notes(scan.pages)),
        source_sha256=digest,
        sha256=sha256_of(part),
    )


def _plans(
    picture: Opened, container: WritableFormat, chromas: Sequence[Chroma], options: FinishOptions
) -> list[PagePlan]:
    pages = picture.scan.pages
    if len(pages) > 1 and not container.many_pages:
        detail = f"{len(pages)} pages do not fit in a {container.name}; --format tiff or keep holds them"
        raise ItemError(Reason.UNSUPPORTED, detail)
    if len(pages) != len(chromas):
        raise ItemError(Reason.CHANGED, f"{len(pages)} pages, but colour for {len(chromas)}")
    return [_plan(picture, number, container, chromas[number], options) for number in range(len(pages))]


def _plan(
    picture: Opened, number: int, container: WritableFormat, chroma: Chroma, options: FinishOptions
) -> PagePlan:
    page = picture.scan.pages[number]
    depth = page.code_depth if container.deep else 8
    alpha = page.alpha and container.with_alpha
    bands = picture.scan.bands(number)
    if page.alpha and not alpha:
        bands = without_alpha(bands)
    codes = coloured(page, bands, chroma, depth)
    beside = chroma_beside(page, picture.scan.bands(number), chroma)
    return PagePlan(
        facts=page,
        depth=depth,
        samples=3 + alpha,
        icc=output_profile(page.icc).icc,
        bands=watched(picture.path, picture.form, codes),
        source=picture.path,
        chroma=watched(picture.path, picture.form, beside),
        sampling=options.chroma,
    )


def _luma_word(written: str, plans: Sequence[PagePlan]) -> str:
    """What the container did, unless codes were brought to fewer bits before."""
    return "re-encoded" if any(plan.depth < plan.facts.code_depth for plan in plans) else written


def _lost_in(container: WritableFormat, pages: Sequence[PageFacts]) -> tuple[str, ...]:
    """What the output's container cannot hold."""
    lost = []
    if not container.with_alpha and any(page.alpha for page in pages):
        lost.append("alpha")
    if not container.deep and any(page.code_depth > 8 for page in pages):
        lost.append("depth beyond 8 bits")
    return tuple(lost)


def _profile_notes(pages: Sequence[PageFacts]) -> tuple[str, ...]:
    notes = (output_profile(page.icc).note for page in pages)
    return tuple(note for note in notes if note)
