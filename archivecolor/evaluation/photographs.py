"""A set of photographs taken through all rows of the table in one pass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from archivecolor.datasets.collection import Member
from archivecolor.errors import ItemError
from archivecolor.evaluation.contact_sheets import Strip
from archivecolor.evaluation.entrants import Entrant, NetworkEntrant
from archivecolor.evaluation.frechet import Features
from archivecolor.evaluation.tables import Row, RowAccumulator
from archivecolor.scoring.photo_score import ReferencePhoto, ScoredPhoto, read_reference

if TYPE_CHECKING:
    from archivecolor.networks.feature_extractor import FeatureExtractor

logger = logging.getLogger(__name__)

# Photographs read at once, so that pictures of one shape can share a batch.
BATCH_SIZE = 128
# A sheet strip takes 150 kB; photographs beyond this many are judged and not drawn.
MAX_STRIPS = 2000


@dataclass(frozen=True)
class ExcludedPhoto:
    """A picture that could not be judged: its name, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class PhotoEvaluation:
    """A set of photographs, judged.

    Attributes:
        rows: of the table, references first.
        strips: for contact sheets, by the name of the row; networks only.
        excluded: pictures that could not be judged.
        features: name of the feature network of the Frechet distance, or "".
    """

    rows: tuple[Row, ...]
    strips: dict[str, list[Strip]]
    excluded: tuple[ExcludedPhoto, ...]
    features: str = ""


@dataclass(frozen=True)
class EvaluationConfig:
    """How photographs are judged.

    Attributes:
        entrants: the rows.
        working_size: short side the networks see, and photographs are judged at.
        features: feature network for a Frechet distance.
        draw: keep strips for contact sheets.
        report: told the number of photographs done after each few.
    """

    entrants: Sequence[Entrant]
    working_size: int
    features: FeatureExtractor | None = None
    draw: bool = False
    report: Callable[[int], None] = lambda _done: None


@dataclass
class _PartialResults:
    """What a pass over photographs gathers."""

    accumulators: list[RowAccumulator]
    strips: dict[str, list[Strip]] = field(default_factory=dict)
    excluded: list[ExcludedPhoto] = field(default_factory=list)
    true_features: list[Features] = field(default_factory=list)
    done: int = 0


def evaluate_photographs(members: Iterable[Member], config: EvaluationConfig) -> PhotoEvaluation:
    """Judge every photograph for every row.

    Raises:
        OutOfMemoryError, ItemError: as the predictors raise them; a broken network has no figures.
    """
    partial = _PartialResults([RowAccumulator(entrant.name) for entrant in config.entrants])
    readable = _readable(members, config.working_size, partial.excluded)
    while truths := list(islice(readable, BATCH_SIZE)):
        for entrant, accumulator in zip(config.entrants, partial.accumulators, strict=True):
            _score_entrant(entrant, accumulator, truths, config, partial)
        if config.features is not None:
            partial.true_features += [config.features.extract(truth.rgb) for truth in truths]
        partial.done += len(truths)
        config.report(partial.done)
    rows = (
        tuple(accumulator.row(partial.true_features) for accumulator in partial.accumulators)
        if partial.done
        else ()
    )
    name = config.features.name if config.features is not None else ""
    return PhotoEvaluation(rows, partial.strips, tuple(partial.excluded), name)


def _readable(
    members: Iterable[Member], working_size: int, excluded: list[ExcludedPhoto]
) -> Iterator[ReferencePhoto]:
    for member in members:
        try:
            yield read_reference(member, working_size)
        except ItemError as error:
            logger.warning("%s: %s", member.name, error)
            excluded.append(ExcludedPhoto(member.name, str(error)))


def _score_entrant(
    entrant: Entrant,
    accumulator: RowAccumulator,
    truths: Sequence[ReferencePhoto],
    config: EvaluationConfig,
    partial: _PartialResults,
) -> None:
    for truth, prediction in zip(truths, entrant.predict(truths), strict=True):
        scored = accumulator.add(truth, prediction)
        if config.features is not None:
            accumulator.add_features(config.features.extract(scored.rgb))
        if config.draw and isinstance(entrant, NetworkEntrant):
            _draw(partial.strips.setdefault(entrant.name, []), truth, scored)
    accumulator.seconds = entrant.seconds or 0.0


def _draw(strips: list[Strip], truth: ReferencePhoto, scored: ScoredPhoto) -> None:
    if len(strips) < MAX_STRIPS:
        strips.append(Strip.of(truth, scored))
