"""Whether confidence means something: low where the error is large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from archivecolor.scoring.photo_score import Float32

# A picture is cut into this many regions along each side.
REGIONS = 8


@dataclass(frozen=True)
class ConfidenceCorrelation:
    """Spearman's rank correlation of confidence with the smallness of CIEDE2000.

    1 means that the surer answer is always the better one, 0 that confidence says nothing.

    Attributes:
        pictures: over whole pictures; None where it is not defined.
        regions: over the regions of all pictures together; None where it is not defined.
    """

    pictures: float | None
    regions: float | None


@dataclass(frozen=True)
class RegionMeans:
    """Certainty and CIEDE2000 of one picture's regions, float32 (`REGIONS` x `REGIONS`,) each."""

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
    )


def rank_correlation(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> float | None:
    """Spearman's rank correlation; None where either has fewer than two different values."""
    from scipy.stats import spearmanr

    if len(np.unique(first)) < 2 or len(np.unique(second)) < 2:
        return None
    return float(spearmanr(first, second).statistic)


def _region_means(raster: Float32) -> Float32:
    import cv2

    means = cv2.resize(raster, (REGIONS, REGIONS), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.float32).reshape(-1)
