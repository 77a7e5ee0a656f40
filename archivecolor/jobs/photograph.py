"""One photograph, in this process: what the API and `photo` do for a single file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.correction import Correction
from archivecolor.archive.decision import Decision
from archivecolor.archive.layout import credentials_beside
from archivecolor.archive.names import FORMAT_EXTENSIONS
from archivecolor.archive.walk import FILMS, PICTURES
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.guidance import Hint
from archivecolor.errors import InputNotFoundError, ItemError, OutOfMemoryError, Reason, UsageError
from archivecolor.jobs.carrying_out import correction_step
from archivecolor.jobs.doubts import NO_DOUBTS, Doubts
from archivecolor.jobs.policy import Action, Treatment, choose_treatment
from archivecolor.metadata.credentials.embedding import check_credentials
from archivecolor.photo.caption import check_caption
from archivecolor.photo.containers.reading import SourceFile
from archivecolor.photo.containers.registry import container_for, format_of
from archivecolor.photo.facts import ImageFacts
from archivecolor.photo.inspect import Inspection, inspect
from archivecolor.photo.render import RenderedImage, RenderOptions, copy_unchanged, render
from archivecolor.printable import printable
from archivecolor.settings import PhotographOptions
from archivecolor.version import program_version

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor

# What a name promises of a file's contents.
SUFFIX_FORMATS = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".jpe": "jpeg",
    ".jfif": "jpeg",
    ".png": "png",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".webp": "webp",
    **dict.fromkeys((".jp2", ".j2k", ".j2c", ".jpf", ".jpx"), "jp2"),
    ".bmp": "bmp",
    **dict.fromkeys((".ppm", ".pgm", ".pnm", ".pbm", ".pam"), "pnm"),
}


@dataclass(frozen=True)
class Derivative:
    """What was written of a photograph.

    Attributes:
        rendered: facts of the file.
        confidence: mean over its pages, None where the network was not asked.
        doubts: of its pages.
    """

    rendered: RenderedImage
    confidence: float | None
    doubts: Doubts = NO_DOUBTS


@dataclass(frozen=True)
class Colouring:
    """Where the colour of a photograph comes from.

    Attributes:
        predictor: the network.
        hints: colours wished for at places of its pages.
    """

    predictor: Predictor
    hints: Sequence[Hint] = ()


def inspect_photograph(
    source: Path, working_size: int, settings: PhotographOptions
) -> tuple[Inspection, Treatment]:
    """See what a photograph is, and what is to be done with it.

    Raises:
        ItemError: it cannot be read.
    """
    inspection = inspect(
        source,
        working_size=working_size,
        max_megapixels=settings.max_megapixels,
        strict=settings.strict_files,
    )
    return inspection, choose_treatment(inspection.facts, settings)


def write_derivative(
    source: Path,
    target: Path,
    inspection: Inspection,
    settings: PhotographOptions,
    colouring: Colouring | None,
    before_rename: Callable[[RenderedImage], None] | None = None,
) -> Derivative:
    """Write the file `target`: `source` in colour, or a copy of it.

    Args:
        source: only read.
        target: replaced if it is there, once the picture is done.
        inspection: of the source.
        settings: of the picture.
        colouring: where its colour comes from; a copy is written without it.
        before_rename: told of what is about to take the name; what it raises leaves `target` alone.

    Raises:
        ItemError: the picture cannot be done.
        OutputError: `target` cannot be written.
    """
    facts = inspection.facts
    confidence, doubts = None, NO_DOUBTS
    with atomic_write(target, source) as part:
        if colouring is None:
            rendered = copy_unchanged(source, part, facts)
        else:
            decision = Decision("", correction=Correction(tuple(colouring.hints)))
            chromas = _predict(inspection, colouring.predictor, decision)
            confidence = sum(chroma.confidence for chroma in chromas) / len(chromas)
            doubts = Doubts.of(chromas)
            options = render_options(facts, settings, colouring.predictor.digest, colouring.predictor.name)
            options = replace(options, correction=correction_step(decision.digest, decision.correction))
            options = replace(options, runtime=colouring.predictor.runtime_name)
            rendered = render(source, part, chromas, options)
        if settings.preserve_times:
            os.utime(part, ns=(facts.mtime_ns, facts.mtime_ns))
        if before_rename is not None:
            before_rename(rendered)
        write_beside(target, rendered)
    return Derivative(rendered, confidence, doubts)


def _predict(inspection: Inspection, predictor: Predictor, decision: Decision) -> Sequence[Chroma]:
    pages = range(1, len(inspection.lumas) + 1)
    try:
        return predictor.predict(
            inspection.lumas,
            [decision.guidance(page, with_hints=True) for page in pages],
            with_doubt=True,
        )
    except (OutOfMemoryError, MemoryError) as error:
        detail = str(error) or "there is not enough memory for it"
        raise ItemError(Reason.OUT_OF_MEMORY, detail) from error


def render_options(
    facts: ImageFacts, settings: PhotographOptions, weights: str, network: str
) -> RenderOptions:
    """What a photograph of these facts is written with; `network` is empty where none was asked."""
    return RenderOptions(
        file_state=facts.file_state,
        format=settings.format,
        chroma=settings.chroma,
        max_megapixels=settings.max_megapixels,
        strict=settings.strict_files,
        notes=facts.notes,
        version=program_version(),
        settings=settings.digest(),
        weights=weights,
        network=network,
        caption=settings.caption,
        credentials=settings.credentials,
    )


def write_beside(target: Path, rendered: RenderedImage) -> None:
    """Write the credentials that `target` does not hold itself into a file beside it.

    Raises:
        OutputError: it cannot be written.
    """
    if rendered.beside:
        with atomic_write(credentials_beside(target)) as part:
            part.write_bytes(rendered.beside)


def check_options(settings: PhotographOptions) -> None:
    """See, before the first picture, that what is asked for can be done.

    Raises:
        UsageError: the caption is none that can be written.
        UnavailableError: the credentials cannot sign.
    """
    check_caption(settings.caption)
    if settings.credentials is not None:
        check_credentials(settings.credentials)


def colour_photograph(
    source: Path,
    target: Path,
    predictor: Predictor,
    settings: PhotographOptions,
    hints: Sequence[Hint] = (),
) -> Derivative:
    """Colour the file `source` into the file `target`, with the hints of its pages.

    Raises:
        ValueError: a page has more hints than are spread.
        UsageError, UnavailableError: as `check_options`.
        ItemError: the picture cannot be done, or its tone and the settings say that it is left alone.
        OutputError: `target` cannot be written.
    """
    check_options(settings)
    inspection, treatment = inspect_photograph(source, predictor.working_size, settings)
    if treatment.action is not Action.COLOUR:
        raise ItemError(treatment.reason, treatment.detail)
    return write_derivative(source, target, inspection, settings, Colouring(predictor, hints))


def check_names(source: Path, target: Path, format: str) -> None:
    """Refuse to make `target` of `source` where that cannot be.

    Raises:
        InputNotFoundError: there is no `source`.
        UsageError: `target` is the source, or promises another format than it will have.
        ItemError: the source is no picture that can be read.
    """
    if not source.exists():
        raise InputNotFoundError(f"the picture {printable(source)} does not exist", source)
    if target.exists() and target.samefile(source):
        shown = printable(target)
        raise UsageError(f"{shown} is the scan itself, which is never written over; choose another name")
    refuse_other_suffix(source, target, format)


def colour_contents(contents: bytes, predictor: Predictor, settings: PhotographOptions) -> bytes:
    """As `colour_photograph`, for the contents of a file and those of the new one.

    Raises:
        ItemError: UNSUPPORTED too where its format does not hold the credentials that are asked for.
    """
    with tempfile.TemporaryDirectory(prefix="archivecolor-") as folder:
        source, target = Path(folder, "source"), Path(folder, "coloured")
        source.write_bytes(contents)
        colour_photograph(source, target, predictor, settings)
        if credentials_beside(target).exists():
            detail = "a picture of this format does not hold its credentials; the formats png and jpeg do"
            raise ItemError(Reason.UNSUPPORTED, detail)
        return target.read_bytes()


def refuse_other_suffix(source: Path, target: Path, format: str | None) -> None:
    """Refuse a name that promises another format than the file will have.

    Args:
        source: the photograph.
        target: the name.
        format: as the option has it; None where the photograph is copied.

    Raises:
        UsageError: it does.
        ItemError: the source is no picture that can be read.
    """
    suffix = target.suffix.lower()
    promised = SUFFIX_FORMATS.get(suffix)
    with SourceFile(source) as file:
        own = format_of(file)
    made = own.name if format is None else container_for(own, format).name
    if promised == made or os.fsencode(suffix) not in PICTURES | FILMS:
        return
    if format is None:
        way_out = f"the suffix of a {made}"
    elif promised in FORMAT_EXTENSIONS:
        way_out = f"another suffix, or choose the format {promised}"
    else:
        way_out = f"one of the suffixes {' '.join(FORMAT_EXTENSIONS.values())}"
    raise UsageError(f"{printable(target)} would hold a {made}; give it {way_out}")
