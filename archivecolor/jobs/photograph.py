"""One photograph, in this process: what the API does for a single file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.decision import Correction, Decision, words_of_correction
from archivecolor.colour.guidance import Hint
from archivecolor.errors import ItemError
from archivecolor.jobs.policy import Action, choose_treatment
from archivecolor.metadata.provenance import CorrectionStep
from archivecolor.photo.inspect import inspect
from archivecolor.photo.render import RenderedImage, RenderOptions, render
from archivecolor.settings import DirSettings
from archivecolor.version import program_version

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor


def colour_photograph(
    source: Path, target: Path, predictor: Predictor, settings: DirSettings, hints: Sequence[Hint] = ()
) -> RenderedImage:
    """Colour the file `source` into the file `target`, with the hints of each page.

    Raises:
        ValueError: a page has more hints than are spread.
        ItemError: the picture cannot be done, or its tone and the settings say that it is left alone.
        OutputError: `target` cannot be written.
    """
    inspection = inspect(
        source,
        working_size=predictor.working_size,
        max_megapixels=settings.max_megapixels,
        strict=settings.strict_files,
    )
    facts = inspection.facts
    treatment = choose_treatment(facts, settings)
    if treatment.action is not Action.COLOUR:
        raise ItemError(treatment.reason, treatment.detail)
    options = RenderOptions(
        file_state=facts.file_state,
        format=settings.format,
        chroma=settings.chroma,
        max_megapixels=settings.max_megapixels,
        strict=settings.strict_files,
        notes=facts.notes,
        version=program_version(),
        settings=settings.digest(),
        weights=predictor.digest,
        network=predictor.name,
    )
    decision = Decision("", correction=Correction(tuple(hints)))
    if decision.digest is not None:
        step = CorrectionStep(decision.digest, words_of_correction(decision.correction))
        options = replace(options, correction=step)
    pages = range(1, len(inspection.lumas) + 1)
    guidance = [decision.guidance(page, with_hints=True) for page in pages]
    with atomic_write(target) as part:
        rendered = render(source, part, predictor.predict(inspection.lumas, guidance), options)
        if settings.preserve_times:
            os.utime(part, ns=(facts.mtime_ns, facts.mtime_ns))
        return rendered
