"""Crops of training photographs: which picture a step sees, and where it is cut.

All of it is a pure function of the seed and the step, so a resumed run sees what an uninterrupted one would
have seen.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numpy as np
from numpy.typing import NDArray

from archivecolor.datasets.photographs import Photograph
from archivecolor.errors import UsageError
from archivecolor.opencv import cv2
from archivecolor.printable import quoted
from archivecolor.training.distributed import SINGLE_PROCESS, DistributedContext

CACHE_MARGIN = 1.25  # cached short side over crop size: room for crops of 80 to 100 %
_PREFETCHED_BATCHES = 2  # made and waiting, beside those being made
_MAX_SAMPLER_THREADS = 8  # threads; seen on 16 cores: more stand in each other's way
_MIN_CROP_SHARE = 0.72  # of the picture's short side

logger = logging.getLogger(__name__)

# From a crop, uint8 (S, S, 3), and random numbers to a crop of the same shape.
CropAugmentation = Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]]


def parse_source_weights(text: str) -> dict[str, float]:
    """Read `"x-=1.4,cars=0.35"` into weights by name prefix. Raises `UsageError`."""
    weights: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        prefix, _, value = part.partition("=")
        try:
            weights[prefix] = float(value)
        except ValueError:
            raise UsageError(
                f"source_weights has {quoted(part)}; write PREFIX=NUMBER,PREFIX=NUMBER"
            ) from None
        if not 0.0 <= weights[prefix] < math.inf:
            raise UsageError(f"source_weights has {quoted(part)}; a weight is 0 or more")
    return weights


def sampling_weights(photographs: Sequence[Photograph], by_prefix: dict[str, float]) -> NDArray[np.float64]:
    """How often each picture is drawn, relative to the others; the longest matching prefix counts.

    Raises `UsageError` where nothing is left to draw.
    """
    weights = np.ones(len(photographs))
    unmatched = set(by_prefix)
    for index, photograph in enumerate(photographs):
        matching = [prefix for prefix in by_prefix if photograph.name.startswith(prefix)]
        if matching:
            weights[index] = by_prefix[max(matching, key=len)]
            unmatched.difference_update(matching)
    for prefix in sorted(unmatched):
        logger.warning("source_weights: no picture's name begins with %r", prefix)
    if not weights.any():
        raise UsageError("source_weights leaves no picture to train on: all of them weigh 0")
    return weights


@dataclass(frozen=True)
class CropBoxes:
    """Where the crops of a batch are cut, one number per crop.

    Attributes:
        picture: int64, index of the photograph.
        top: int64, first row.
        left: int64, first column.
        side: int64, of the square.
        flipped_horizontally: bool, turned left to right.
        flipped_vertically: bool, turned upside down.
        place: int64, place in the batch of all ranks.
    """

    picture: NDArray[np.int64]
    top: NDArray[np.int64]
    left: NDArray[np.int64]
    side: NDArray[np.int64]
    flipped_horizontally: NDArray[np.bool_]
    flipped_vertically: NDArray[np.bool_]
    place: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.picture)


@dataclass(frozen=True)
class CropSampler:
    """Draws batches of square crops.

    Attributes:
        photographs: what is drawn from.
        weights: relative sampling weights, one per photograph.
        size: side of a crop in pixels.
        batch_size: crops per batch, of all ranks together.
        seed: of everything drawn here.
        vertical_flips: flip upside down too.
        epoch_pictures: crops of an epoch; as many as there are photographs if None.
        augment_crop: what is done to a crop, None for nothing.
        distributed: the processes that share each batch.
        threads: that draw batches ahead of time.
    """

    photographs: Sequence[Photograph]
    weights: NDArray[np.float64]
    size: int
    batch_size: int
    seed: int
    vertical_flips: bool = False
    epoch_pictures: int | None = None
    augment_crop: CropAugmentation | None = None
    distributed: DistributedContext = SINGLE_PROCESS
    threads: int = 1

    @property
    def batches_per_epoch(self) -> int:
        """Batches in which the crops of an epoch are drawn, the last one filled up."""
        return max(1, math.ceil((self.epoch_pictures or len(self.photographs)) / self.batch_size))

    def epoch_order(self, epoch: int) -> NDArray[np.intp]:
        """Indices drawn in an epoch: systematic sampling by weight, shuffled."""
        rng = np.random.default_rng((self.seed, epoch))
        count = self.batches_per_epoch * self.batch_size
        edges = np.cumsum(self.weights) / self.weights.sum()
        points = (np.arange(count) + rng.random()) / count
        order = np.searchsorted(edges, points).clip(max=len(self.photographs) - 1)
        rng.shuffle(order)
        return order

    def crop_boxes(self, step: int) -> CropBoxes:
        """Where this rank's crops of a batch are cut."""
        epoch, position = divmod(step, self.batches_per_epoch)
        order = self.epoch_order(epoch)[position * self.batch_size : (position + 1) * self.batch_size]
        drawn = np.random.default_rng((self.seed, epoch, position)).random((5, len(order)))
        place = np.arange(self.distributed.rank, len(order), self.distributed.world_size)
        picture, (scale, down, across, flip_horizontally, flip_vertically) = order[place], drawn[:, place]
        height, width = self._extents[picture].T
        short = np.minimum(height, width)
        share = _MIN_CROP_SHARE + (1.0 - _MIN_CROP_SHARE) * scale
        side = np.maximum(1, np.rint(short * share)).astype(np.int64)
        return CropBoxes(
            picture,
            (down * (height - side + 1)).astype(np.int64),
            (across * (width - side + 1)).astype(np.int64),
            side,
            flip_horizontally < 0.5,
            (flip_vertically < 0.5) & self.vertical_flips,
            place,
        )

    @cached_property
    def _extents(self) -> NDArray[np.int64]:
        return np.array([photograph.rgb.shape[:2] for photograph in self.photographs])

    def batch(self, step: int) -> NDArray[np.uint8]:
        """This rank's crops of a batch: uint8 (batch_size / ranks, size, size, 3)."""
        crop_boxes = self.crop_boxes(step)
        crops = np.stack([self._crop(crop_boxes, index) for index in range(len(crop_boxes))])
        if self.augment_crop is None:
            return crops
        rngs = [np.random.default_rng((self.seed, step, place)) for place in crop_boxes.place.tolist()]
        return np.stack([self.augment_crop(*pair) for pair in zip(crops, rngs, strict=True)])

    def _crop(self, crop_boxes: CropBoxes, index: int) -> NDArray[np.uint8]:
        top, left, side = crop_boxes.top[index], crop_boxes.left[index], int(crop_boxes.side[index])
        crop = self.photographs[crop_boxes.picture[index]].rgb[top : top + side, left : left + side]
        filter_kind = cv2.INTER_AREA if side > self.size else cv2.INTER_CUBIC
        crop = cv2.resize(crop, (self.size, self.size), interpolation=filter_kind)
        if crop_boxes.flipped_horizontally[index]:
            crop = cv2.flip(crop, 1)
        if crop_boxes.flipped_vertically[index]:
            crop = cv2.flip(crop, 0)
        return np.asarray(crop, np.uint8)


def prefetch_batches(sampler: CropSampler, first_step: int) -> Iterator[NDArray[np.uint8]]:
    """Batches of the steps from `first_step` on, in order, without end, made ahead of time in threads."""
    threads = min(sampler.threads, _MAX_SAMPLER_THREADS)
    ahead = threads + _PREFETCHED_BATCHES
    with ThreadPoolExecutor(max_workers=threads) as pool:
        pending = deque(pool.submit(sampler.batch, first_step + offset) for offset in range(ahead))
        for step in count(first_step + ahead):
            yield pending.popleft().result()
            pending.append(pool.submit(sampler.batch, step))
