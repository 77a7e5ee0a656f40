"""Whether a picture's or film's colour is ours: by its credentials, by its XMP, and by the colour itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archivecolor.archive.walk import FILMS, extension_of
from archivecolor.colour.arrays import UInt8
from archivecolor.colour.recognition import SURE
from archivecolor.errors import ItemError, Reason, UnavailableError
from archivecolor.inference.comparison import Comparison, compare
from archivecolor.jobs.file_check import check_is_file
from archivecolor.jobs.verify_credentials import read_credentials_of
from archivecolor.metadata.credentials.reading import Standing
from archivecolor.metadata.credentials.statement import Json
from archivecolor.metadata.provenance import DIGITAL_SOURCE_TYPE, TOOL_NAME
from archivecolor.photo.containers.reading import naming_read_errors
from archivecolor.photo.marking import marking_of_file
from archivecolor.photo.preview import small_preview
from archivecolor.settings import DetectSettings, NetworkOptions

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor

# As large as a picture is looked at.
SEEN = (1024, 1024)
FRAMES = 12
_CREDENTIALS, XMP, TAGS, COLOUR = "credentials", "xmp", "tags", "colour"


@dataclass(frozen=True)
class Detected:
    """What is known of one file.

    Attributes:
        file: a picture or film.
        evidence: what says that its colour is ours, of credentials, xmp, tags and colour; none where nobody
            can tell.
        score: of the colour itself, 0..1; None where there is none to judge by.
        weights: digest of the weights that coloured it, where that is known.
        network: name of the weights that were compared.
        rgb: uint8 (h, w, 3), the picture as it was looked at; of films none.
        comparison: what was seen of its colour; None for films and what is grey.
        trouble: why it could not be looked at.
    """

    file: Path
    evidence: tuple[str, ...] = ()
    score: float | None = None
    weights: str = ""
    network: str = ""
    rgb: UInt8 | None = None
    comparison: Comparison | None = None
    trouble: ItemError | None = None

    @property
    def recognised(self) -> bool:
        """Whether anything says that its colour is ours."""
        return bool(self.evidence)


def detect(settings: DetectSettings) -> Iterator[Detected]:
    """Look at each file; gives what is known of each, in their order.

    Raises:
        UnavailableError: the checkpoint or the device cannot be used.
    """
    from archivecolor.inference.predictor import open_predictor

    predictor = open_predictor(settings.checkpoint, NetworkOptions(checkpoint=settings.checkpoint))
    for file in settings.file:
        try:
            yield detect_file(file, predictor, settings.max_megapixels)
        except ItemError as error:
            yield Detected(file, trouble=error)


def detect_file(file: Path, predictor: Predictor, max_megapixels: float = 500.0) -> Detected:
    """What is known of one picture or film.

    Args:
        file: it.
        predictor: the weights that may have coloured it.
        max_megapixels: larger pictures are refused.

    Raises:
        ItemError: it is not there, or cannot be read.
    """
    check_is_file(file)
    if extension_of(os.fsencode(file.name)) in FILMS:
        return _detect_film(file, predictor)
    rgb = small_preview(file, SEEN, max_megapixels).rgb
    compared = compare(rgb, predictor)
    said, weights = _said_by(file)
    found = Detected(file, said, network=predictor.name, weights=weights, rgb=rgb, comparison=compared)
    return found if compared is None else _with_colour(found, compared.score, predictor)


def _with_colour(found: Detected, score: float, predictor: Predictor) -> Detected:
    """The same with what the colour itself says."""
    found = replace(found, score=round(score, 4))
    if score < SURE:
        return found
    return replace(found, evidence=(*found.evidence, COLOUR), weights=found.weights or predictor.digest)


def _said_by(file: Path) -> tuple[tuple[str, ...], str]:
    """What a file itself says of its colour's being ours, and by which weights."""
    said, weights = [], []
    try:
        with naming_read_errors():
            read = read_credentials_of(file)
    except UnavailableError:  # they are one evidence of several
        read = None
    if read is not None and read.standing in (Standing.VALID, Standing.EXPIRED):
        acts = [act for act in read.actions if act.get("digitalSourceType") == DIGITAL_SOURCE_TYPE]
        if acts and read.tool.startswith(TOOL_NAME):
            said.append(_CREDENTIALS)
            weights += [_weights_of_act(act) for act in acts]
    marking = marking_of_file(file)
    if marking is not None:
        said.append(XMP)
        weights.append(marking.weights)
    return tuple(said), next(filter(None, weights), "")


def _weights_of_act(act: Json) -> str:
    parameters = act.get("parameters")
    return str(parameters.get("archivecolor.weights", "")) if isinstance(parameters, dict) else ""


def _detect_film(file: Path, predictor: Predictor) -> Detected:
    """What is known of a film by a dozen of its frames, as far from each other as they can be."""
    from archivecolor.film.mux import is_coloured_film

    said, weights = _said_by(file)
    said = (*said, TAGS) if is_coloured_film(file) else said
    compared = [compare(rgb, predictor) for rgb in _frames_of(file)]
    scores = [one.score for one in compared if one is not None]
    found = Detected(file, said, network=predictor.name, weights=weights)
    return _with_colour(found, float(np.median(scores)), predictor) if scores else found


def _frames_of(file: Path) -> Iterator[UInt8]:
    """Frames (h, w, 3) spread over a film, upright."""
    from archivecolor.film.film_sheet import shown_rgb
    from archivecolor.film.frames import FrameReader
    from archivecolor.film.probe import probe

    facts = probe(file)
    first = next(iter(FrameReader(facts)), None)
    if first is None:
        raise ItemError(Reason.UNREADABLE, "no frame of it can be read")
    length = (facts.seconds or 0.0) / float(facts.time_base)
    for number in range(FRAMES):
        start = first.pts + round(length * (number + 0.5) / FRAMES)
        frame = next(iter(FrameReader(facts, start)), None) if number else first
        if frame is not None:
            yield shown_rgb(frame, facts, max(SEEN))
