"""Dense motion between neighbouring frames, and where it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np

from archivecolor.colour.arrays import Float32, UInt8

# Forward and backward flow that disagree by this much, in samples, meet an occlusion (as a spread).
_DISAGREEMENT = 0.7
_DISAGREEMENT_PER_SPEED = 0.1
# In even areas flow is arbitrary and does no harm: over what it strays luma changes less than this.
_FLAT_LUMA_CHANGE, _MAX_FLAT_ERROR = 0.02, 6.0
# Differences of luma up to this many times the median are grain.
GRAIN = 2.5
# Luma that differs by this much more along the motion is not the same thing (as a spread, 0..1).
_LUMA_DIFFERENCE = 0.05
# What is trusted less than this does not count as there in the other frame.
RELIABLE = 0.5
# OpenCV takes None for an array that need not be there, which its stubs do not say.
_NONE = cast("Float32", None)


@dataclass(frozen=True)
class Warp:
    """The way values of one frame come to another.

    Attributes:
        coordinates: float32 (h, w, 2), x and y in the source frame for each sample of the target.
        trust: float32 (h, w), 0..1: 0 where the sample was hidden or something else.
    """

    coordinates: Float32
    trust: Float32

    def warp(self, values: Float32) -> Float32:
        """`values` (h, w, up to 4) of the source frame, as the target frame sees them."""
        return sampled(values, self.coordinates)


@dataclass(frozen=True)
class Motion:
    """Motion between a frame and the one after it.

    Attributes:
        from_before: brings values of the earlier frame to the later one.
        from_after: brings values of the later frame to the earlier one.
    """

    from_before: Warp
    from_after: Warp


class MotionEstimator:
    """Finds motion by dense inverse search (Kroeger et al. 2016), both ways.

    Brightness and contrast are brought to those of the other frame first: old film flickers.
    """

    def __init__(self) -> None:
        from archivecolor.opencv import cv2

        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        # It takes half of the time, and smooths flow over edges of what moves: colour would leave a trail.
        self._flow.setVariationalRefinementIterations(0)

    def estimate(self, before: Float32, after: Float32) -> Motion:
        """Motion between two frames.

        Args:
            before: float32 (h, w) luma, 0..1.
            after: likewise, the next frame.
        """
        matched = _match_brightness(before, after)
        one, other = _to_uint8(matched), _to_uint8(after)
        forward = np.asarray(self._flow.calc(one, other, _NONE), np.float32)
        backward = np.asarray(self._flow.calc(other, one, _NONE), np.float32)
        return Motion(
            from_before=_warp_of(backward, forward, after, matched),
            from_after=_warp_of(forward, backward, matched, after),
        )


def _match_brightness(luma: Float32, like: Float32) -> Float32:
    """`luma` with the mean and the contrast of `like`."""
    contrast = max(float(luma.std()), 1e-3)
    gain = np.float32(max(float(like.std()), 1e-3) / contrast)
    matched: Float32 = (luma - luma.mean()) * gain + like.mean()
    return matched


def _to_uint8(luma: Float32) -> UInt8:
    """Luma as the flow wants it, uint8."""
    return np.asarray(np.clip(luma * 255 + 0.5, 0, 255), np.uint8)


def vector_length(vectors: Float32) -> Float32:
    """Length (h, w) of vectors (h, w, 2)."""
    return _magnitude(vectors[..., 0], vectors[..., 1])


def _magnitude(across: Float32, down: Float32) -> Float32:
    """Length (h, w) by components (h, w). OpenCV's own rounds by where arrays lie: seams would show."""
    squared: Float32 = across * across
    squared += down * down
    np.sqrt(squared, out=squared)
    return squared


def _flow_tolerance(luma: Float32) -> Float32:
    """How far motion may stray (h, w), in samples, before luma (h, w) tells the difference."""
    from archivecolor.opencv import cv2

    across, down = (
        cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=1 / 8),
    )
    slope = cv2.dilate(
        _magnitude(np.asarray(across, np.float32), np.asarray(down, np.float32)), np.ones((5, 5), np.uint8)
    )
    slope = np.asarray(np.maximum(slope, np.float32(1e-6)), np.float32)
    tolerance: Float32 = np.divide(np.float32(_FLAT_LUMA_CHANGE), slope)
    np.minimum(tolerance, np.float32(_MAX_FLAT_ERROR), out=tolerance)
    return tolerance


@lru_cache(maxsize=1)
def sample_grid(height: int, width: int) -> Float32:
    """X and y of every sample, float32 (h, w, 2)."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([columns, rows], axis=-1)


def sampled(values: Float32, coordinates: Float32) -> Float32:
    """`values` (h, w, up to 4) at places (h, w, 2) between their samples; past the edge, the edge's own."""
    from archivecolor.opencv import cv2

    found = cv2.remap(values, coordinates, _NONE, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def _warp_of(forward: Float32, backward: Float32, target: Float32, source: Float32) -> Warp:
    """The warp by a flow `forward` from the target frame to the source, checked by the flow `backward`."""
    from archivecolor.opencv import cv2

    height, width = target.shape
    coordinates = sample_grid(height, width) + forward
    returned = forward + sampled(backward, coordinates)
    allowed = vector_length(forward)
    allowed *= np.float32(_DISAGREEMENT_PER_SPEED)
    allowed += np.float32(_DISAGREEMENT)
    inconsistency = vector_length(returned) / np.maximum(allowed, _flow_tolerance(target), out=allowed)
    inconsistency -= 1
    np.maximum(inconsistency, 0, out=inconsistency)
    warped = sampled(source, coordinates)
    difference = np.asarray(cv2.blur(cv2.absdiff(warped, target), (3, 3)), np.float32)
    # Grain makes every sample differ a little: only what differs more than most do is something else.
    difference -= np.float32(GRAIN) * np.median(difference)
    np.maximum(difference, 0, out=difference)
    difference *= np.float32(1 / _LUMA_DIFFERENCE)
    trust: Float32 = np.exp(np.float32(-0.5) * (inconsistency * inconsistency + difference * difference))
    x, y = coordinates[..., 0], coordinates[..., 1]
    trust *= (x > -1) & (x < width) & (y > -1) & (y < height)
    return Warp(coordinates, trust)
