"""The table of a set of photographs: a row per network, and two that flatter nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from archivecolor.evaluation.confidence import ConfidenceCorrelation, RegionMeans, confidence_correlation
from archivecolor.evaluation.frechet import Features, frechet_distance
from archivecolor.scoring.matched_colourfulness import PixelSample, ScoreAtShare, scores_at_shares
from archivecolor.scoring.photo_score import Float32, PictureScore, ReferencePhoto, ScoredPhoto, score_photo


@dataclass(frozen=True)
class PhotoPrediction:
    """What one row of the table says of one photograph.

    Attributes:
        ab: float32 (h, w, 2), a* and b*.
        certainty: float32 (rows, columns), 0..1, over the whole picture; None for reference rows.
        confidence: 0..1; None for reference rows.
    """

    ab: Float32
    certainty: Float32 | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        name: of the checkpoint, or of the reference.
        pictures: the score of every photograph, in their order.
        at: CIEDE2000 at shares of the truth's colourfulness.
        confidence: what confidence is worth; None for reference rows.
        frechet: Frechet distance to the truth; None without a feature network.
        pictures_per_second: network and composing, reading left out; None for reference rows.
    """

    name: str
    pictures: tuple[PictureScore, ...]
    at: tuple[ScoreAtShare, ...]
    confidence: ConfidenceCorrelation | None = None
    frechet: float | None = None
    pictures_per_second: float | None = None

    def mean(self, measure: str) -> float:
        """Mean over pictures of one of `PictureScore`'s figures."""
        return float(np.mean([getattr(score, measure) for score in self.pictures]))

    @property
    def colourfulness_ratio(self) -> float:
        """Mean colourfulness, as a share of the truth's."""
        return self.mean("colourfulness") / self.mean("true_colourfulness")

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
        name: of the row.
    """

    name: str
    _scores: list[PictureScore] = field(default_factory=list)
    _samples: list[PixelSample] = field(default_factory=list)
    _regions: list[RegionMeans] = field(default_factory=list)
    _features: list[Features] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, truth: ReferencePhoto, prediction: PhotoPrediction) -> ScoredPhoto:
        """Judge one answer and keep its figures."""
        scored = score_photo(truth, prediction.ab, prediction.confidence)
        self._scores.append(scored.score)
        self._samples.append(PixelSample.of(truth, prediction.ab))
        if prediction.certainty is not None:
            self._regions.append(RegionMeans.of(prediction.certainty, scored.difference))
        return scored

    def add_features(self, features: Features) -> None:
        """Keep the features of the answer judged last."""
        self._features.append(features)

    def row(self, true_features: Sequence[Features]) -> Row:
        """The finished row."""
        scores = self._scores
        confidences = [score.confidence for score in scores if score.confidence is not None]
        differences = [score.ciede2000 for score in scores]
        known = bool(self._regions)
        return Row(
            name=self.name,
            pictures=tuple(scores),
            at=scores_at_shares(self._samples),
            confidence=confidence_correlation(confidences, differences, self._regions) if known else None,
            frechet=frechet_distance(self._features, true_features) if len(true_features) > 1 else None,
            pictures_per_second=len(scores) / self.seconds if self.seconds else None,
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
