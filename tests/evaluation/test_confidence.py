import numpy as np
import pytest

from archivecolor.evaluation.confidence import (
    RegionMeans,
    confidence_correlation,
    doubt_worth,
    rank_correlation,
    worst_found,
)
from archivecolor.scoring.photo_score import PictureScore


def test_rank_correlation_by_hand():
    # Ranks 1 2 3 4 against 1 3 2 4: 1 - 6 * 2 / (4 * 15)
    assert rank_correlation(np.array([1, 2, 3, 4]), np.array([10, 30, 20, 99])) == pytest.approx(0.8)
    assert rank_correlation(np.array([1, 2, 3]), np.array([9, 8, 7])) == pytest.approx(-1)


def test_no_correlation_without_differences():
    assert rank_correlation(np.array([0.5, 0.5]), np.array([1.0, 2.0])) is None


def test_regions_are_means():
    raster = np.kron(np.arange(64, dtype=np.float32).reshape(8, 8), np.ones((5, 7), np.float32))
    figures = RegionMeans.of(np.arange(64, dtype=np.float32).reshape(8, 8), raster)
    assert figures.difference == pytest.approx(np.arange(64), abs=1e-4)
    assert figures.certainty == pytest.approx(np.arange(64), abs=1e-4)


def test_confidence_that_knows_its_errors_is_worth_one():
    rng = np.random.default_rng(0)
    errors = rng.uniform(0, 20, (5, 16, 16)).astype(np.float32)
    regions = [RegionMeans.of(1 - error / 20, error) for error in errors]
    confidences, differences = zip(*((1 - error.mean() / 20, error.mean()) for error in errors), strict=True)
    correlation = confidence_correlation(confidences, differences, regions)
    assert correlation.pictures == pytest.approx(1)
    assert correlation.regions == pytest.approx(1, abs=1e-3)


def test_the_worst_tenth_is_found_by_hand():
    errors = np.arange(40.0)
    assert worst_found(errors, errors) == 1
    assert worst_found(-errors, errors) == 0
    # Of the four worst, 36 and 39 are among the four most doubtful.
    doubts = np.zeros(40)
    doubts[[36, 39, 0, 1]] = 1.0
    assert worst_found(doubts, errors) == 0.5
    assert worst_found(np.arange(9.0), np.arange(9.0)) is None


def test_doubt_is_held_against_errors_and_colour():
    def score(number, doubt):
        return PictureScore(str(number), 40.0 - number, 20.0, 0.9, float(number), 30.0, doubt=doubt)

    # The palest are the worst, and the surest of all.
    scores = [score(number, number / 40) for number in range(40)]
    worth = doubt_worth(scores)
    assert worth.pictures == pytest.approx(-1)
    assert (worth.worst_found, worth.palest_surest) == (0, 1)
    assert doubt_worth([score(number, 1 - number / 40) for number in range(40)]).palest_surest == 0
    assert doubt_worth([*scores, score(9, None)]) is None
