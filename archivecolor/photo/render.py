"""The second visit to a picture: read in full, coloured, written beside its final name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archivecolor.archive.fixity import CHUNK_BYTES, sha256_of
from archivecolor.colour.chroma import Chroma
from archivecolor.errors import ItemError, Reason
from archivecolor.metadata.credentials.embedding import Parent
from archivecolor.metadata.credentials.statement import Json, statement_of
from archivecolor.metadata.provenance import CorrectionStep, PictureBox, Provenance
from archivecolor.photo.caption import place_caption
from archivecolor.photo.compose import compose_chroma, compose_page, divide_alpha_out, drop_alpha
from archivecolor.photo.containers.base import PageFacts, PagePlan, WritableFormat
from archivecolor.photo.containers.jpeg.format import JpegReader
from archivecolor.photo.containers.placement import Placement
from archivecolor.photo.containers.reading import SourceFile, unchanged_during
from archivecolor.photo.containers.registry import OpenImage, container_for, open_image
from archivecolor.photo.credentials import SignedPart, media_type_of, sign_part, without_credentials
from archivecolor.photo.facts import FileState, ImageFacts
from archivecolor.photo.icc import output_profile
from archivecolor.photo.metadata import PROVENANCE, copy_metadata

_NO_PLACE_FOR_BOX = (
    "a {} has no place to say where its caption begins, so that it could never be taken off again; "
    "--format png or tiff holds that"
)

_DIVIDED = "alpha was multiplied into the codes: divided out, since the output holds it beside them"


@dataclass(frozen=True)
class RenderOptions:
    """How outputs are written, and what they say of themselves.

    Attributes:
        file_state: the state of the source when it was looked at.
        format: "keep", or the container of the output.
        chroma: "444" or "420", sampling of JPEG outputs.
        max_megapixels: as for `inspect`.
        strict: as for `inspect`.
        notes: what `inspect` noted.
        version: version of archivecolor.
        settings: digest of the settings.
        weights: digest of the weights.
        network: name of the network.
        correction: what somebody decided about its colour.
        caption: what stands on a strip below each page; empty for none.
        runtime: what ran the network.
        credentials: the file of who signs; None for nobody.
    """

    file_state: FileState
    format: str = "keep"
    chroma: str = "444"
    max_megapixels: float = 1000.0
    strict: bool = False
    notes: tuple[str, ...] = ()
    version: str = ""
    settings: str = ""
    weights: str = ""
    network: str = ""
    correction: CorrectionStep | None = None
    caption: str = ""
    runtime: str = ""
    credentials: Path | None = None


@dataclass(frozen=True)
class RenderedImage:
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
        certificate: SHA-256 of the certificate that signed it; empty where nobody did.
        beside: its credentials, for a file beside it; empty where they are in it, or there are none.
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
    certificate: str = ""
    beside: bytes = b""


def render(source: Path, part: Path, chromas: Sequence[Chroma], options: RenderOptions) -> RenderedImage:
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
    with open_image(source, options.max_megapixels, options.file_state, strict=options.strict) as picture:
        digest = picture.file.sha256()
        if options.notes:
            picture.reader.settle()
        container = container_for(picture.image_format, options.format)
        plans = _plans(picture, container, chromas, options)
        luma = container.write(part, plans)
        reader = picture.reader
        about = _provenance(options, digest, plans)
        not_carried = copy_metadata(picture, container, part, about)
        if about.pictures and PROVENANCE in not_carried:
            raise ItemError(Reason.UNSUPPORTED, _NO_PLACE_FOR_BOX.format(container.name))
        luma = _luma_status(luma, plans, reader.pages)
        media_type = media_type_of(container.name, len(plans))
        signed = _signed(picture, part, media_type, options.credentials, statement_of(about, luma))
    lost = (*reader.dropped, *_lost_in(container, plans), *not_carried)
    divided = (_DIVIDED,) if _divided(plans, reader.pages) else ()
    return RenderedImage(
        format=container.name,
        width=plans[0].facts.width,
        height=plans[0].facts.height,
        depth=plans[0].depth,
        pages=len(plans),
        nbytes=part.stat().st_size,
        luma=luma,
        lost=lost if signed is None else _lost_but_for_credentials(lost, signed),
        notes=tuple(dict.fromkeys((*options.notes, *reader.notes, *divided, *_profile_notes(reader.pages)))),
        source_sha256=digest,
        sha256=sha256_of(part),
        certificate="" if signed is None else signed.certificate,
        beside=b"" if signed is None else signed.beside,
    )


def _provenance(options: RenderOptions, source_sha256: str, plans: Sequence[PagePlan]) -> Provenance:
    return Provenance(
        version=options.version,
        source_sha256=source_sha256,
        settings=options.settings,
        weights=options.weights,
        network=options.network,
        correction=options.correction,
        pictures=tuple(_box(plan.placement) for plan in plans if plan.placement),
        runtime=options.runtime,
    )


def _signed(
    picture: OpenImage, part: Path, media_type: str, credentials: Path | None, statement: Json
) -> SignedPart | None:
    """The part signed, where somebody signs: the last that is done with it."""
    if credentials is None:
        return None
    digest = picture.file.sha256()
    picture.file.seek(0)
    parent = Parent(picture.file.path.name, media_type_of(picture.image_format.name, 1), digest, picture.file)
    return sign_part(part, media_type, credentials, statement, parent)


def _lost_but_for_credentials(lost: tuple[str, ...], signed: SignedPart) -> tuple[str, ...]:
    return (*(without_credentials(lost) if signed.holds_parents else lost), *signed.lost)


def _plans(
    picture: OpenImage, container: WritableFormat, chromas: Sequence[Chroma], options: RenderOptions
) -> list[PagePlan]:
    pages = picture.reader.pages
    if len(pages) > 1 and not container.multi_page:
        detail = f"{len(pages)} pages do not fit in a {container.name}; --format tiff or keep holds them"
        raise ItemError(Reason.UNSUPPORTED, detail)
    if len(pages) != len(chromas):
        raise ItemError(Reason.CHANGED, f"{len(pages)} pages, but colour for {len(chromas)}")
    return [_plan(picture, number, container, chromas[number], options) for number in range(len(pages))]


def _plan(
    picture: OpenImage, number: int, container: WritableFormat, chroma: Chroma, options: RenderOptions
) -> PagePlan:
    page = picture.reader.pages[number]
    depth = page.code_depth if container.supports_16_bit else 8
    alpha = page.alpha and container.supports_alpha
    bands = picture.reader.bands(number)
    if page.alpha and not alpha:
        bands = drop_alpha(bands)
    elif page.premultiplied and (container.name != "tiff" or page.tiff is None):
        page, bands = replace(page, premultiplied=False), divide_alpha_out(bands)
    plan = PagePlan(
        facts=page,
        depth=depth,
        samples=3 + alpha,
        icc=output_profile(page.icc).icc,
        bands=compose_page(page, bands, chroma, depth),
        source=picture.reader,
        chroma=compose_chroma(page, picture.reader.bands(number), chroma),
        sampling=options.chroma,
    )
    if not options.caption:
        return plan
    by_blocks = (
        container.name == "jpeg" and isinstance(picture.reader, JpegReader) and picture.reader.can_copy_luma
    )
    return plan.placed(place_caption(page, options.caption, by_blocks=by_blocks))


def _box(placement: Placement) -> PictureBox:
    (height, width), (top, left), (rows, columns) = placement.size, placement.offset, placement.whole
    return PictureBox(width, height, left, top, (columns, rows))


def _luma_status(written: str, plans: Sequence[PagePlan], pages: Sequence[PageFacts]) -> str:
    """What the container did, unless before codes were brought to fewer bits, or alpha divided out."""
    is_less = any(plan.depth < plan.facts.code_depth for plan in plans)
    return "re-encoded" if is_less or _divided(plans, pages) else written


def _divided(plans: Sequence[PagePlan], pages: Sequence[PageFacts]) -> bool:
    """Whether alpha was divided out of the codes of a page."""
    return any(
        page.premultiplied and not plan.facts.premultiplied for plan, page in zip(plans, pages, strict=True)
    )


def _lost_in(container: WritableFormat, plans: Sequence[PagePlan]) -> tuple[str, ...]:
    """What the output's container cannot hold, each once."""
    pages = [plan.facts for plan in plans]
    lost = []
    if not container.supports_alpha and any(page.alpha for page in pages):
        lost.append("alpha")
    if not container.supports_16_bit and any(page.code_depth > 8 for page in pages):
        lost.append("depth beyond 8 bits")
    for plan in plans:
        # Palettes say their own depth, and line art has no other.
        if plan.facts.depth not in (1, plan.depth) and plan.facts.depth > 8:
            lost.append(f"samples of {plan.facts.depth} bits, written at {plan.depth}")
        if plan.facts.icc and (plan.facts.icc != plan.icc or not container.supports_metadata):
            lost.append(output_profile(plan.facts.icc).lost or "ICC profile")
    return tuple(dict.fromkeys(lost))


def _profile_notes(pages: Sequence[PageFacts]) -> tuple[str, ...]:
    notes = (output_profile(page.icc).note for page in pages)
    return tuple(note for note in notes if note)


def copy_unchanged(source: Path, part: Path, facts: ImageFacts) -> RenderedImage:
    """Write the source byte for byte to `part`, read once.

    Args:
        source: read only.
        part: written anew.
        facts: of the source, as it was looked at.

    Raises:
        ItemError: CHANGED where it is not as it was looked at.
        OSError: `part` cannot be written.
    """
    with unchanged_during(source, facts.file_state), SourceFile(source) as file:
        digest = hashlib.sha256()
        with part.open("wb") as copy:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                copy.write(chunk)
    sha256 = digest.hexdigest()
    if sha256_of(part) != sha256:
        raise ItemError(Reason.CHANGED, "the file changed while it was copied")
    return RenderedImage(
        format=facts.format,
        width=facts.width,
        height=facts.height,
        depth=facts.depth,
        pages=facts.pages,
        nbytes=facts.nbytes,
        luma="exact",
        lost=(),
        notes=(),
        source_sha256=sha256,
        sha256=sha256,
    )
