"""Whether confidence means something: low where the error is large; and doubt, which is to find it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.scoring.photo_score import PictureScore

# A picture is cut into this many regions along each side.
_REGIONS = 8


@dataclass(frozen=True)
class ConfidenceCorrelation:
    """What confidence says of CIEDE2000.

    The first two are Spearman's rank correlations with its smallness: 1 means that the surer answer is always
    the better one, 0 that confidence says nothing.

    Attributes:
        pictures: over whole pictures; None where it is not defined.
        regions: over the regions of all pictures together; None where it is not defined.
        worst_found: share of the tenth with the largest CIEDE2000 that is in the tenth with the least
            confidence, 0.1 by chance; None with fewer than ten pictures.
    """

    pictures: float | None
    regions: float | None
    worst_found: float | None


@dataclass(frozen=True)
class DoubtWorth:
    """What doubt says of CIEDE2000.

    Attributes:
        pictures: Spearman's rank correlation with it over pictures; None where it is not defined.
        worst_found: share of the tenth with the largest CIEDE2000 that is in the tenth with the most doubt;
            None with fewer than ten pictures.
        palest_surest: share of the tenth with the least colourful answers that is in the tenth with the
            least doubt: what is nearly grey is nothing to be sure of. None with fewer than ten pictures.
    """

    pictures: float | None
    worst_found: float | None
    palest_surest: float | None


@dataclass(frozen=True)
class RegionMeans:
    """Certainty and CIEDE2000 of one picture's regions, float32 (`_REGIONS` x `_REGIONS`,) each."""

    certainty: Float32
    difference: Float32

    @classmethod
    def of(cls, certainty: Float32, difference: Float32) -> RegionMeans:
        """Region means of two rasters of any size over one picture."""
        return cls(_region_means(certainty), _region_means(difference))


def confidence_correlation(
    confidences: Sequence[float], differences: Sequence[float], regions: Sequence[RegionMeans]
) -> ConfidenceCorrelation:
    """How confidence goes with error over a set."""
    certainty = np.concatenate([figures.certainty for figures in regions])
    difference = np.concatenate([figures.difference for figures in regions])
    return ConfidenceCorrelation(
        pictures=rank_correlation(np.array(confidences), -np.array(differences)),
        regions=rank_correlation(certainty, -difference),
        worst_found=worst_found(-np.array(confidences), np.array(differences)),
    )


def doubt_worth(scores: Sequence[PictureScore]) -> DoubtWorth | None:
    """What doubt is worth over a set; None where not every answer has one."""
    known = [score.doubt for score in scores if score.doubt is not None]
    if len(known) < len(scores):
        return None
    doubts, errors = np.array(known), np.array([score.ciede2000 for score in scores])
    colours = np.array([score.colourfulness for score in scores])
    return DoubtWorth(
        pictures=rank_correlation(doubts, errors),
        worst_found=worst_found(doubts, errors),
        palest_surest=worst_found(-doubts, -colours),
    )


def worst_found(doubts: npt.NDArray[np.floating], errors: npt.NDArray[np.floating]) -> float | None:
    """Share of the tenth with the largest errors that is in the tenth with the largest doubts (n,).

    None with fewer than ten; of equal doubts, those that come first in the set count as the smaller.
    """
    tenth = len(errors) // 10
    if not tenth:
        return None
    doubtful, wrong = (np.argsort(figures, kind="stable")[-tenth:] for figures in (doubts, errors))
    return len(np.intersect1d(doubtful, wrong)) / tenth


def rank_correlation(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> float | None:
    """Spearman's rank correlation; None where either has fewer than two different values."""
    from scipy.stats import spearmanr

    if len(np.unique(first)) < 2 or len(np.unique(second)) < 2:
        return None
    return float(spearmanr(first, second).statistic)


def _region_means(raster: Float32) -> Float32:
    from archivecolor.opencv import cv2

    means = cv2.resize(raster, (_REGIONS, _REGIONS), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.float32).reshape(-1)
