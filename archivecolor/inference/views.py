"""More views of a picture than one: their mean, and how far they are from each other."""

from __future__ import annotations

import numpy as np
from PIL import Image

from archivecolor.colour.arrays import Float32
from archivecolor.inference.runtime import NetworkOutput, Runtime

# Measured: at 7/8 of the size a second view helps; at 3/4, 5/4 and 3/2 it does harm.
_SECOND_SIZE = 0.875
# What is in doubt is looked at again at half the size, for a quarter of the time, mirrored.
_DOUBT_SIZE = 0.5
# Mean certainty below which an answer is in doubt: that of three photographs in ten.
_DOUBTED = 0.56


def values_of(output: NetworkOutput) -> Float32:
    """a*, b* and certainty of a batch, (N, h, w, 3)."""
    return np.concatenate((output.ab, output.certainty[..., None]), axis=3)


def mean_of_views(runtime: Runtime, lightness: Float32, first: Float32) -> Float32:
    """The mean of four views of a batch: the pictures and their mirror images, at two sizes.

    Args:
        runtime: the network.
        lightness: as `Runtime.run` takes it.
        first: `values_of` the first view.
    """
    smaller = _shrunk(lightness, _SECOND_SIZE, runtime.multiple)
    views = [first, values_of(runtime.run(smaller))]
    views += [_mirrored(runtime, shown) for shown in (lightness, smaller)]
    shape = (first.shape[1], first.shape[2])
    fitted = [_resized(view, shape, Image.Resampling.BILINEAR) for view in views]
    return np.asarray(np.mean(fitted, axis=0, dtype=np.float32))


def disagreement(runtime: Runtime, lightness: Float32, first: Float32) -> list[Float32]:
    """How far a coarser view is from the first, where that is in doubt.

    Returns:
        float32 (h, w, 1) for each picture of the batch, the distance of a*, b* in Lab units; 0 throughout
        where its answer is in no doubt.
    """
    doubted = first[..., 2].mean(axis=(1, 2)) < _DOUBTED
    apart = np.zeros((*first.shape[:3], 1), np.float32)
    if doubted.any():
        shown = _shrunk(lightness, _DOUBT_SIZE, runtime.multiple)
        second = _resized(_mirrored(runtime, shown), first.shape[1:3], Image.Resampling.BILINEAR)
        apart[..., 0] = np.linalg.norm(first[..., :2] - second[..., :2], axis=3)
        apart[~doubted] = 0.0
    return list(apart)


def _mirrored(runtime: Runtime, lightness: Float32) -> Float32:
    """The view of the mirror image, turned back."""
    return values_of(runtime.run(lightness[:, :, ::-1].copy()))[:, :, ::-1]


def _shrunk(lightness: Float32, share: float, multiple: int) -> Float32:
    """Pictures (N, H, W) at about this share of their size."""
    height, width = (max(1, round(share * side / multiple)) for side in lightness.shape[1:])
    size = (height * multiple, width * multiple)
    return _resized(lightness[..., None], size, Image.Resampling.BICUBIC)[..., 0]


def _resized(grids: Float32, shape: tuple[int, ...], kernel: Image.Resampling) -> Float32:
    """Grids (N, h, w, c) at another size (rows, columns), averaged where it is smaller."""
    height, width = shape
    if grids.shape[1:3] == (height, width):
        return grids
    resized = np.empty((len(grids), height, width, grids.shape[3]), np.float32)
    for index, channel in np.ndindex(len(grids), grids.shape[3]):
        plane = Image.fromarray(np.ascontiguousarray(grids[index, :, :, channel]))
        resized[index, :, :, channel] = np.asarray(plane.resize((width, height), kernel))
    return resized
