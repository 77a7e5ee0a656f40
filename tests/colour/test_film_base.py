"""The orange base of a colour negative is seen, and nothing else is taken for it."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from archivecolor.colour.film_base import shows_orange_base

# Densities of a mask, and of the dyes for the same light.
MASK, DYES = np.array([0.16, 0.44, 0.72]), np.array([0.85, 0.95, 1.0])


def photograph(name: str) -> np.ndarray:
    return getattr(skimage.data, name)()[::2, ::2, :3].astype(np.float32) / 255


def negative_of(rgb: np.ndarray, border: int, hole: int = 0) -> np.ndarray:
    """Film that this light fell on, backlit, with unexposed film around it and a row of holes."""
    exposed = np.pad(
        np.log10(np.clip(rgb, 0.02, 1) / 0.02) * 0.8, ((border, border), (border, border), (0, 0))
    )
    light = (0.9 * 10 ** -(exposed * DYES + MASK)) ** (1 / 2.2)
    for left in range(0, hole and light.shape[1], 24):
        light[2 : 2 + hole, left : left + hole] = 1
    noise = np.random.default_rng(0).normal(0, 0.01, light.shape)
    return np.clip(light + noise, 0, 1).astype(np.float32)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
@pytest.mark.parametrize("hole", [0, 8])
def test_negatives(name: str, hole: int) -> None:
    assert shows_orange_base(negative_of(photograph(name), 14, hole))


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
@pytest.mark.parametrize("border", [None, (1.0, 1.0, 1.0), (0.95, 0.9, 0.78), (0.0, 0.0, 0.0)])
def test_positives(name: str, border: tuple[float, float, float] | None) -> None:
    rgb = photograph(name)
    if border is not None:
        framed = np.empty((rgb.shape[0] + 28, rgb.shape[1] + 28, 3), np.float32)
        framed[:] = border
        framed[14:-14, 14:-14] = rgb
        rgb = framed
    assert not shows_orange_base(rgb)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_sepia_prints(strength: float) -> None:
    grey = photograph("astronaut").mean(axis=2, keepdims=True)
    toned = grey ** (1 + strength * np.array([-0.3, 0.1, 0.6]))
    assert not shows_orange_base(toned.astype(np.float32))


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 90, 3), (3, 3, 3)])
def test_the_smallest_pictures(shape: tuple[int, int, int]) -> None:
    assert isinstance(shows_orange_base(np.full(shape, 0.5, np.float32)), bool)
