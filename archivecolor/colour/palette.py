"""Colours to choose from at a place of a picture."""

from __future__ import annotations

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.gamut import compose_exact_luma
from archivecolor.colour.kernel import Likelihood
from archivecolor.colour.lab import cbcr_from_lab, lightness_from_luma

SIZE = 10
# In a*, b*: colours nearer than this are one to the eye that chooses; greyer ones are grey.
_APART, _GREY = 9.0, 5.0
# What colours that a picture has are told apart by, as a fraction of full scale.
_STEP = 0.05

Rgb = tuple[int, int, int]


def likely_colours(likelihood: Likelihood, place: tuple[float, float], grey: int) -> list[Rgb]:
    """The colours that a network finds likeliest at a place, each as light as the place.

    A colour counts with those near it, and what it took does not count again: so the list goes from the
    likeliest to what it might be instead, not through shades of one colour.

    Args:
        likelihood: of a picture, shares (h, w, b).
        place: x and y, 0..1.
        grey: luma code of the place, 0..255.

    Returns:
        sRGB codes, the likeliest first, grey never among them.
    """
    height, width, _ = likelihood.shares.shape
    column, row = (min(int(at * size), size - 1) for at, size in zip(place, (width, height), strict=True))
    colours = likelihood.colours.astype(np.float64)
    left = likelihood.shares[row, column].astype(np.float64)
    squares = np.square(colours[:, None] - colours[None]).sum(axis=2)
    near = np.exp(-squares / (2 * _APART**2))
    free = np.hypot(*colours.T) >= _GREY
    chosen: list[int] = []
    while len(chosen) < SIZE and free.any():
        best = int(np.argmax(np.where(free, near @ left, -1.0)))
        chosen.append(best)
        left *= 1.0 - near[best]
        free &= squares[best] >= _APART**2
    lightness = lightness_from_luma(np.full((1, len(chosen), 1), grey / 255, np.float32))
    lab = np.concatenate((lightness, colours[chosen][None]), axis=2)
    return _as_light_as(grey, cbcr_from_lab(lab.astype(np.float32)))


def commonest_colours(chroma: Chroma, grey: int) -> list[Rgb]:
    """The colours that a picture has most of, for a network that cannot tell which are likely at a place.

    Args:
        chroma: of the picture.
        grey: luma code of the place, 0..255.

    Returns:
        sRGB codes as light as the place, the commonest first, grey never among them.
    """
    cells = np.rint(chroma.cbcr.reshape(-1, 2) / _STEP).astype(int)
    kinds, which = np.unique(cells, axis=0, return_inverse=True)
    weights = np.bincount(which.ravel(), chroma.certainty.ravel(), len(kinds))
    order = [kind for kind in np.argsort(-weights, kind="stable") if np.abs(kinds[kind]).max() > 0]
    return _as_light_as(grey, np.asarray(kinds[order[:SIZE]] * _STEP, np.float32)[None])


def _as_light_as(grey: int, cbcr: Float32) -> list[Rgb]:
    """Colours (1, n, 2) with the luma of a place."""
    rgb = compose_exact_luma(np.full(cbcr.shape[:2], grey, np.uint8), cbcr)[0]
    return [(int(red), int(green), int(blue)) for red, green, blue in rgb]
