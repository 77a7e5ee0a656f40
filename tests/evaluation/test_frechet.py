import numpy as np
import pytest

from archivecolor.evaluation.frechet import frechet_distance


def test_one_dimension_by_hand():
    # Means 1 and 4, deviations 1 and 3 (of samples): (1 - 4)^2 + (1 - 3)^2
    first = [np.array([value, 0.0]) for value in (0, 1, 2)]
    second = [np.array([value, 0.0]) for value in (1, 4, 7)]
    assert frechet_distance(first, second) == pytest.approx(13)


def test_a_set_is_at_no_distance_from_itself():
    features = list(np.random.default_rng(0).normal(size=(40, 12)))
    assert frechet_distance(features, features[::-1]) == pytest.approx(0, abs=1e-9)


def test_covariances_that_do_not_commute():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 3)), rng.normal(size=(500, 3)) * [1, 2, 3]
    from scipy.linalg import sqrtm

    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    shift = first.mean(axis=0) - second.mean(axis=0)
    expected = shift @ shift + np.trace(one + two - 2 * sqrtm(one @ two).real)
    assert frechet_distance(list(first), list(second)) == pytest.approx(expected, rel=1e-6)


def test_one_picture_is_no_set():
    with pytest.raises(ValueError, match="two pictures"):
        frechet_distance([np.zeros(3)], [np.zeros(3), np.ones(3)])
