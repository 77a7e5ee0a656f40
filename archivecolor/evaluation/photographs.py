"""A set of photographs taken through all rows of the table in one pass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from archivecolor.datasets.collection import Member
from archivecolor.errors import ItemError
from archivecolor.evaluation.entrants import Entrant
from archivecolor.evaluation.frechet import Features
from archivecolor.evaluation.tables import Row, RowAccumulator
from archivecolor.scoring.contact_sheets import ComparisonStrip
from archivecolor.scoring.photo_score import ReferencePhoto, read_reference

if TYPE_CHECKING:
    from archivecolor.networks.feature_extractor import FeatureExtractor

logger = logging.getLogger(__name__)

# Photographs read at once, so that pictures of one shape can share a batch.
BATCH_SIZE = 128


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
    strips: dict[str, list[ComparisonStrip]]
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


def evaluate_photographs(members: Iterable[Member], config: EvaluationConfig) -> PhotoEvaluation:
    """Judge every photograph for every row.

    Raises:
        OutOfMemoryError, ItemError: as the predictors raise them; a broken network has no figures.
    """
    rows = [RowAccumulator(entrant, config.features, config.draw) for entrant in config.entrants]
    excluded: list[ExcludedPhoto] = []
    true_features: list[Features] = []
    done = 0
    readable = _readable(members, config.working_size, excluded)
    while truths := list(islice(readable, BATCH_SIZE)):
        for row in rows:
            row.add(truths)
        if config.features is not None:
            true_features += [config.features.extract(truth.rgb) for truth in truths]
        done += len(truths)
        config.report(done)
    return PhotoEvaluation(
        tuple(row.finished(true_features) for row in rows) if done else (),
        {row.entrant.name: row.strips for row in rows if row.strips},
        tuple(excluded),
        config.features.name if config.features is not None else "",
    )


def _readable(
    members: Iterable[Member], working_size: int, excluded: list[ExcludedPhoto]
) -> Iterator[ReferencePhoto]:
    for member in members:
        try:
            yield read_reference(member, working_size)
        except ItemError as error:
            logger.warning("%s: %s", member.name, error)
            excluded.append(ExcludedPhoto(member.name, str(error)))
