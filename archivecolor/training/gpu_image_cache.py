"""Training photographs in the memory of a graphics card, cut there.

A card learns faster than a few threads can cut: with the pictures beside it, what has to be sent for a batch
is where to cut. Crops are what `crops.CropSampler` cuts on the processor, but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from archivecolor.datasets.photographs import Photograph
from archivecolor.training.crops import CropBoxes

_MAX_SHARE_OF_FREE_MEMORY = 0.4  # of the card's memory for pictures, at most; a step needs the rest
CUBIC = -0.75  # the cubic filter of OpenCV
MARGIN = 2  # pixels beyond a crop, its edge repeated, that the cubic filter reaches


class GpuImageCache:
    """Pictures on a device.

    Args:
        photographs: all of them, by the indices that `CropBoxes` has.
        device: where they are kept.
    """

    def __init__(self, photographs: Sequence[Photograph], device: torch.device) -> None:
        shapes = np.array([photograph.rgb.shape[:2] for photograph in photographs])
        ends = shapes.prod(axis=1).cumsum()
        self._pixels = torch.empty((int(ends[-1]), 3), dtype=torch.uint8, device=device)
        starts = ends - shapes.prod(axis=1)
        for photograph, start, end in zip(photographs, starts.tolist(), ends.tolist(), strict=True):
            pixels = np.require(photograph.rgb.reshape(-1, 3), requirements="W")
            self._pixels[start:end] = torch.from_numpy(pixels)
        self._starts, self._widths = starts, shapes[:, 1]
        self._longest = int(shapes.min(axis=1).max()) + 2 * MARGIN

    def crops(self, crop_boxes: CropBoxes, size: int) -> Tensor:
        """Crops as uint8 (N, size, size, 3), on the device, without waiting for it."""
        numbers = np.stack(
            (
                self._starts[crop_boxes.picture],
                self._widths[crop_boxes.picture],
                crop_boxes.top,
                crop_boxes.left,
                crop_boxes.side,
                crop_boxes.flipped_horizontally,
                crop_boxes.flipped_vertically,
            )
        )
        on_device = torch.from_numpy(numbers).to(self._pixels.device, non_blocking=True)
        start, width, top, left, side, flipped_horizontally, flipped_vertically = on_device[
            :, :, None
        ].unbind()
        reach = torch.arange(-MARGIN, self._longest - MARGIN, device=on_device.device)
        within = torch.minimum(reach.clamp_min(0), side - 1)
        rows, columns = (start + (top + within) * width)[:, :, None], (left + within)[:, None, :]
        windows = self._pixels[rows + columns].float()
        down, across = (
            _resampling_weights(side, flipped_vertically, reach, size),
            _resampling_weights(side, flipped_horizontally, reach, size),
        )
        n, extent = within.shape
        shrunk = (down @ windows.view(n, extent, -1)).view(n, size, extent, 3)
        crops = across[:, None] @ shrunk
        return crops.round().clamp(0.0, 255.0).byte()


def _resampling_weights(side: Tensor, flipped: Tensor, reach: Tensor, size: int) -> Tensor:
    """How crops of several sizes come to one: by area where they shrink, by a cubic where they grow.

    Args:
        side: (N, 1), pixels of each crop.
        flipped: (N, 1), not 0 where the result is to lie the other way round.
        reach: (extent,), places of the pixels against the crop's first one.
        size: pixels wanted.

    Returns:
        float32 (N, size, extent), weights of the pixels in each result.
    """
    scale = (side / size)[:, :, None]
    place = torch.arange(size, device=side.device).expand(len(side), size)
    place = torch.where(flipped.bool(), size - 1 - place, place)[:, :, None]
    first = reach[None, None, :]
    covered = torch.minimum((place + 1) * scale, first + 1.0) - torch.maximum(place * scale, first.float())
    by_area = covered.clamp_min(0.0) / scale
    far = ((place + 0.5) * scale - 0.5 - first).abs()
    near = ((CUBIC + 2.0) * far - (CUBIC + 3.0)) * far * far + 1.0
    beyond = ((CUBIC * far - 5.0 * CUBIC) * far + 8.0 * CUBIC) * far - 4.0 * CUBIC
    cubic = torch.where(far <= 1.0, near, torch.where(far < 2.0, beyond, torch.zeros_like(far)))
    return torch.where(scale > 1.0, by_area, cubic)


def has_room_for(photographs: Sequence[Photograph], device: torch.device) -> bool:
    """Whether the device is a graphics card with room for these photographs beside a step."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return sum(photograph.rgb.nbytes for photograph in photographs) <= _MAX_SHARE_OF_FREE_MEMORY * free
