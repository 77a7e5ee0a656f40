"""Whether a picture is a colour negative, by the orange base of its film.

Unexposed film is the lightest thing of a negative, and its mask is orange. It shows as a rebate along the
edges; nothing is lighter but holes for the sprockets, which are white. The base of black-and-white film is
grey, and cannot be told from the white border of a print.
"""

from __future__ import annotations

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.colour.lab import lab_from_rgb

# Depth of the edges, as a share of the short side, and cells that the picture is averaged into.
_EDGE, _CELLS = 0.05, 96
# L*a*b* of the masks of colour films, backlit: lightness, chroma, hue in degrees.
_LIGHTNESS, _MIN_CHROMA, HUES = (45.0, 92.0), 28.0, (35.0, 78.0)
# How far the base strays, how much of the edges it takes, and how much of the picture may be lighter than it.
SAME, _MIN_SHARE, _LIGHTER, _MAX_LIGHTER = 9.0, 0.25, 4.0, 0.01
# Holes are lighter and have hardly any colour.
NEUTRAL = 12.0


def shows_orange_base(rgb: Float32) -> bool:
    """Judge a picture by its edges.

    Args:
        rgb: (h, w, 3) as fractions of full scale; a reduced picture of a few hundred pixels serves.
    """
    lab = lab_from_rgb(_averaged(rgb))
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    is_film = (lab[..., 0] < _LIGHTNESS[1]) | (chroma > NEUTRAL)
    depth = max(1, round(_EDGE * min(lab.shape[:2])))
    is_edge = np.ones(lab.shape[:2], bool)
    is_edge[depth:-depth, depth:-depth] = False
    edges = lab[is_edge & is_film]
    if not len(edges):
        return False
    base = np.median(edges[edges[:, 0] >= np.quantile(edges[:, 0], 1 - _MIN_SHARE)], axis=0)
    share = (np.linalg.norm(edges - base, axis=1) < SAME).mean()
    lighter = (is_film & (lab[..., 0] > base[0] + _LIGHTER)).mean()
    return bool(_is_orange(base) and share >= _MIN_SHARE and lighter <= _MAX_LIGHTER)


def _is_orange(lab: Float32) -> bool:
    chroma, hue = float(np.hypot(lab[1], lab[2])), float(np.degrees(np.arctan2(lab[2], lab[1])))
    in_hue = HUES[0] <= hue <= HUES[1]
    return _LIGHTNESS[0] <= lab[0] <= _LIGHTNESS[1] and chroma >= _MIN_CHROMA and in_hue


def _averaged(rgb: Float32) -> Float32:
    """Means of blocks, about `_CELLS` along the short side."""
    step = max(1, min(rgb.shape[:2]) // _CELLS)
    height, width = (side // step * step for side in rgb.shape[:2])
    blocks = rgb[:height, :width].reshape(height // step, step, width // step, step, 3)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32), np.float32)
