"""The table of a set of photographs: a row per network, and two that flatter nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from archivecolor.evaluation.confidence import (
    ConfidenceCorrelation,
    DoubtWorth,
    RegionMeans,
    confidence_correlation,
    doubt_worth,
)
from archivecolor.evaluation.entrants import Entrant
from archivecolor.evaluation.frechet import Features, frechet_distance
from archivecolor.scoring.contact_sheets import ComparisonStrip
from archivecolor.scoring.matched_colourfulness import PixelSample, ScoreAtShare, scores_at_shares
from archivecolor.scoring.photo_score import (
    PhotoScores,
    PictureScore,
    ReferencePhoto,
    score_photo,
)

if TYPE_CHECKING:
    from archivecolor.networks.feature_extractor import FeatureExtractor

# A strip takes 150 kB; photographs beyond this many are judged and not drawn.
_MAX_STRIPS = 2000


@dataclass(frozen=True)
class Row(PhotoScores):
    """One row of the table.

    Attributes:
        name: of the checkpoint, or of the reference.
        at: CIEDE2000 at shares of the truth's colourfulness.
        confidence: what confidence is worth; None for reference rows.
        doubt: what doubt is worth; None where there is none.
        frechet: Frechet distance to the truth; None without a feature network.
        pictures_per_second: network and composing, reading left out; None for reference rows.
    """

    name: str
    at: tuple[ScoreAtShare, ...]
    confidence: ConfidenceCorrelation | None = None
    doubt: DoubtWorth | None = None
    frechet: float | None = None
    pictures_per_second: float | None = None

    def difference_at(self, share: float) -> ScoreAtShare:
        """The figures at `share` of the truth's colourfulness."""
        return next(at for at in self.at if at.share == share)


@dataclass(frozen=True)
class PairedDifference:
    """How far one row is from another, picture by picture.

    Attributes:
        name: of the row.
        against: of the row it is compared with.
        measure: "CIEDE2000" or "dE@" and a share.
        mean: of the row's figures less the other's; below 0 the row is better.
        standard_error: of that mean.
    """

    name: str
    against: str
    measure: str
    mean: float
    standard_error: float


@dataclass
class RowAccumulator:
    """Gathers one row while the photographs pass by.

    Attributes:
        entrant: whose row it is.
        extractor: of features for a Frechet distance; None for none.
        draw: keep strips of a network's answers, for contact sheets.
        strips: kept so far.
    """

    entrant: Entrant
    extractor: FeatureExtractor | None = None
    draw: bool = False
    strips: list[ComparisonStrip] = field(default_factory=list)
    _scores: list[PictureScore] = field(default_factory=list)
    _samples: list[PixelSample] = field(default_factory=list)
    _regions: list[RegionMeans] = field(default_factory=list)
    _features: list[Features] = field(default_factory=list)

    def add(self, truths: Sequence[ReferencePhoto]) -> None:
        """Ask for an answer to each photograph, judge it and keep its figures."""
        for truth, prediction in zip(truths, self.entrant.predict(truths), strict=True):
            scored = score_photo(truth, prediction.ab, prediction.confidence, prediction.doubt)
            self._scores.append(scored.score)
            self._samples.append(PixelSample.of(truth, prediction.ab))
            if self.extractor is not None:
                self._features.append(self.extractor.extract(scored.rgb))
            # Reference rows have no certainty, and nobody looks at pictures of them.
            if prediction.certainty is None:
                continue
            self._regions.append(RegionMeans.of(prediction.certainty, scored.difference))
            if self.draw and len(self.strips) < _MAX_STRIPS:
                self.strips.append(ComparisonStrip.of(truth, scored))

    def finished(self, true_features: Sequence[Features]) -> Row:
        """The row."""
        scores = self._scores
        confidences = [score.confidence for score in scores if score.confidence is not None]
        differences = [score.ciede2000 for score in scores]
        known, seconds = bool(self._regions), self.entrant.seconds
        return Row(
            name=self.entrant.name,
            pictures=tuple(scores),
            at=scores_at_shares(self._samples),
            confidence=confidence_correlation(confidences, differences, self._regions) if known else None,
            doubt=doubt_worth(scores),
            frechet=frechet_distance(self._features, true_features) if len(true_features) > 1 else None,
            pictures_per_second=len(scores) / seconds if seconds else None,
        )


def paired_differences(rows: Sequence[Row]) -> tuple[PairedDifference, ...]:
    """Every row against the first, for CIEDE2000 and at each share that both reach."""
    if not rows:
        return ()
    first, *others = rows
    against = _per_picture(first)
    return tuple(
        _paired(row.name, first.name, measure, figures, against[measure])
        for row in others
        for measure, figures in _per_picture(row).items()
        if measure in against
    )


def _per_picture(row: Row) -> dict[str, tuple[float, ...]]:
    at = {f"dE@{at.share:g}": at.ciede2000 for at in row.at if at.ciede2000}
    return {"CIEDE2000": tuple(score.ciede2000 for score in row.pictures), **at}


def _paired(
    name: str, against: str, measure: str, figures: Sequence[float], others: Sequence[float]
) -> PairedDifference:
    differences = np.array(figures) - np.array(others)
    error = differences.std(ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else np.nan
    return PairedDifference(name, against, measure, float(differences.mean()), float(error))
