"""The Frechet distance between two sets of pictures in the features of a network.

Known as FID when the features are Inception's; with others it is not, and figures of different
feature networks or different set sizes cannot be compared. It is biased upward for small sets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float32]


def frechet_distance(first: Sequence[Features], second: Sequence[Features]) -> float:
    """Squared Frechet distance of two sets of feature vectors (d,) taken as Gaussians.

    Formula: Dowson and Landau, "The Frechet distance between multivariate normal distributions"
    (1982): |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)).

    Raises:
        ValueError: with fewer than two vectors in a set.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("a Frechet distance needs at least two pictures")
    one, two = np.stack(first).astype(np.float64), np.stack(second).astype(np.float64)
    covariance_1, covariance_2 = np.cov(one, rowvar=False), np.cov(two, rowvar=False)
    root_1 = _symmetric_root(covariance_1)
    # C1 C2 has the eigenvalues of the symmetric C1^(1/2) C2 C1^(1/2).
    eigenvalues = np.linalg.eigvalsh(root_1 @ covariance_2 @ root_1)
    overlap = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    shift = np.sum((one.mean(axis=0) - two.mean(axis=0)) ** 2)
    return float(shift + np.trace(covariance_1) + np.trace(covariance_2) - 2 * overlap)


def _symmetric_root(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    root: npt.NDArray[np.float64] = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
