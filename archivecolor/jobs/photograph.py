"""One photograph, in this process: what the API does for a single file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import ItemError
from archivecolor.jobs.policy import Action, choose_treatment
from archivecolor.photo.inspect import inspect
from archivecolor.photo.render import RenderedImage, RenderOptions, render
from archivecolor.settings import DirSettings
from archivecolor.version import program_version

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor


def colour_photograph(
    source: Path, target: Path, predictor: Predictor, settings: DirSettings
) -> RenderedImage:
    """Colour the file `source` into the file `target`.

    Raises:
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
    with atomic_write(target) as part:
        rendered = render(source, part, predictor.predict(inspection.lumas), options)
        if settings.preserve_times:
            os.utime(part, ns=(facts.mtime_ns, facts.mtime_ns))
        return rendered
