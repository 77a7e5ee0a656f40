"""Dense motion between neighbouring frames, and where it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from archivecolor.film.pixels import Float32

# Forward and backward flow that disagree by this much, in samples, meet an occlusion (as a spread).
DISAGREEMENT = 0.7
DISAGREEMENT_PER_SPEED = 0.1
# In even areas flow is arbitrary and does no harm: over what it strays luma changes less than this.
EVENNESS, MOST_IN_EVEN = 0.02, 6.0
# Differences of luma up to this many times the median are grain.
GRAIN = 2.5
# Luma that differs by this much more along the motion is not the same thing (as a spread, 0..1).
UNLIKENESS = 0.05
# What is trusted less than this does not count as there in the other frame.
TRUSTED = 0.5


@dataclass(frozen=True)
class Pull:
    """The way values of one frame come to another.

    Attributes:
        where: float32 (h, w, 2), x and y in the giving frame for each sample of the taking one.
        trust: float32 (h, w), 0..1: 0 where the sample was hidden or something else.
    """

    where: Float32
    trust: Float32

    def bring(self, values: Float32) -> Float32:
        """`values` (h, w, up to 4) of the giving frame, as the taking frame sees them."""
        import cv2

        brought = cv2.remap(values, self.where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(brought, np.float32)


@dataclass(frozen=True)
class Motion:
    """Motion between a frame and the one after it.

    Attributes:
        from_before: brings values of the earlier frame to the later one.
        from_after: brings values of the later frame to the earlier one.
    """

    from_before: Pull
    from_after: Pull


class MotionFinder:
    """Finds motion by dense inverse search (Kroeger et al. 2016), both ways.

    Brightness and contrast are brought to those of the other frame first: old film flickers.
    """

    def __init__(self) -> None:
        import cv2

        library: Any = cv2
        self._flow = library.DISOpticalFlow_create(library.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def between(self, before: Float32, after: Float32) -> Motion:
        """Motion between two frames.

        Args:
            before: float32 (h, w) luma, 0..1.
            after: likewise, the next frame.
        """
        alike = matched(before, after)
        one, other = as_bytes(alike), as_bytes(after)
        forth = self._flow.calc(one, other, None)
        back = self._flow.calc(other, one, None)
        return Motion(
            from_before=pull_of(back, forth, after, alike),
            from_after=pull_of(forth, back, alike, after),
        )


def matched(luma: Float32, like: Float32) -> Float32:
    """`luma` with the mean and the contrast of `like`."""
    contrast = max(float(luma.std()), 1e-3)
    gain = np.float32(max(float(like.std()), 1e-3) / contrast)
    alike: Float32 = (luma - luma.mean()) * gain + like.mean()
    return alike


def as_bytes(luma: Float32) -> Any:
    """Luma as the flow wants it, uint8."""
    return np.clip(luma * 255 + 0.5, 0, 255).astype(np.uint8)


def length(vectors: Float32) -> Float32:
    """Length (h, w) of vectors (h, w, 2)."""
    return magnitude(vectors[..., 0], vectors[..., 1])


def magnitude(across: Float32, down: Float32) -> Float32:
    """Length (h, w) by components (h, w). OpenCV's own rounds by where arrays lie: seams would show."""
    squared: Float32 = across * across
    squared += down * down
    np.sqrt(squared, out=squared)
    return squared


def harmless(luma: Float32) -> Float32:
    """How far motion may stray (h, w), in samples, before luma (h, w) tells the difference."""
    import cv2

    across, down = (
        cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=1 / 8),
    )
    slope = cv2.dilate(
        magnitude(np.asarray(across, np.float32), np.asarray(down, np.float32)), np.ones((5, 5), np.uint8)
    )
    far: Float32 = np.float32(EVENNESS) / np.maximum(slope, np.float32(1e-6))
    np.minimum(far, np.float32(MOST_IN_EVEN), out=far)
    return far


@lru_cache(maxsize=1)
def places(height: int, width: int) -> Float32:
    """X and y of every sample, float32 (h, w, 2)."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([columns, rows], axis=-1)


def pull_of(there: Float32, back: Float32, taking: Float32, giving: Float32) -> Pull:
    """The pull of a flow `there` from the taking frame to the giving one, checked by the flow `back`."""
    import cv2

    height, width = taking.shape
    where = places(height, width) + there
    returned = there + cv2.remap(back, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    allowed = length(there)
    allowed *= np.float32(DISAGREEMENT_PER_SPEED)
    allowed += np.float32(DISAGREEMENT)
    astray = length(returned) / np.maximum(allowed, harmless(taking), out=allowed)
    astray -= 1
    np.maximum(astray, 0, out=astray)
    seen = cv2.remap(giving, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    unlike = cv2.blur(cv2.absdiff(seen, taking), (3, 3))
    # Grain makes every sample differ a little: only what differs more than most do is something else.
    unlike -= np.float32(GRAIN) * np.median(unlike)
    np.maximum(unlike, 0, out=unlike)
    unlike *= np.float32(1 / UNLIKENESS)
    trust: Float32 = np.exp(np.float32(-0.5) * (astray * astray + unlike * unlike))
    x, y = where[..., 0], where[..., 1]
    trust *= (x > -1) & (x < width) & (y > -1) & (y < height)
    return Pull(where, trust)
