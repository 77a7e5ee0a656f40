"""The one place that asks a network for colour: windows, batches of fixed shape, looks, saturation."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from archivecolor.colour.chroma import Chroma
from archivecolor.colour.lab import cbcr_from_lab, lightness_from_luma
from archivecolor.errors import ItemError, OutOfMemoryError, Reason
from archivecolor.inference.open_runtime import open_runtime
from archivecolor.inference.runtime import Float32, Runtime
from archivecolor.inference.tiling import (
    Window,
    cut_window,
    fit_grid,
    join_windows,
    padded_shape,
    windows_of,
)
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.settings import InferenceOptions

# Measured: at 7/8 of the size a second look helps; at 3/4, 5/4 and 3/2 it does harm.
SECOND_LOOK = 0.875


@dataclass(frozen=True)
class _Part:
    """One window of one picture of a call.

    Attributes:
        picture: its index in the call.
        index: its place among the picture's windows.
        window: where it lies.
        shape: the shape it is shown at.
    """

    picture: int
    index: int
    window: Window
    shape: tuple[int, int]


# Of each (picture, index): a*, b* and certainty, float32 (h, w, 3).
_Grids = dict[tuple[int, int], Float32]


class Predictor:
    """Colour for grey pictures of any size.

    The answer for a picture depends on that picture, the weights, the settings and the runtime alone:
    never on what is asked for beside it, nor on the number of threads. May be called from several threads.

    Args:
        runtime: the network on its device.
        options: quality, saturation, working size.

    Attributes:
        name: title of the weights.
        digest: SHA-256 of the checkpoint file that was loaded.
        runtime_name: the library that computes, its version, where and in what, as records have it.
        working_size: short side in pixels at which it wants its lumas.
        batch_size: pictures of one padded shape that are answered together; 1 where each is answered alone.
        parallel_calls: pictures, or batches, that should be in work at once.
    """

    def __init__(self, runtime: Runtime, options: InferenceOptions) -> None:
        self.runtime = runtime
        self.name = runtime.title
        self.digest = runtime.digest
        self.runtime_name = f"{runtime.name} {runtime.version} ({runtime.placement})"
        self.working_size = options.working_size
        self.batch_size = runtime.batch_size
        self.parallel_calls = runtime.parallel_calls
        self._options = options
        self._memory = _MemoryLock()
        self._pid = os.getpid()
        self._threads = self._new_threads()

    def _new_threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(
            self.parallel_calls, thread_name_prefix="predict", initializer=self.runtime.prepare_thread
        )

    def padded_shape(self, height: int, width: int) -> tuple[int, int]:
        """The shape (h, w) at which a luma of this size is shown, where it is no longer than one window."""
        return padded_shape(Window(0, 0, height, width), self.runtime.multiple)

    def predict(self, lumas: Sequence[Float32]) -> list[Chroma]:
        """Chroma for grey pictures.

        Args:
            lumas: float32 (h, w) luma codes as fractions of full scale, upright, of any sizes; the short side
                at working size for the colours the weights were made for.

        Returns:
            One `Chroma` per luma, in their order.

        Raises:
            OutOfMemoryError: the device has no room even for one picture at a time.
            ItemError: `BROKEN_NETWORK` where the network answers with what is not a number.
        """
        return self.start(lumas).result()

    def start(self, lumas: Sequence[Float32]) -> Prediction:
        """Begin to predict; `predict` says what is given, `Prediction.result` answers as it does."""
        by_shape: dict[tuple[int, int], list[_Part]] = defaultdict(list)
        for part in self._parts(lumas):
            by_shape[part.shape].append(part)
        batches = [
            parts[first : first + self.batch_size]
            for parts in by_shape.values()
            for first in range(0, len(parts), self.batch_size)
        ]
        if self._pid != os.getpid():  # threads do not come along when a process forks
            self._pid, self._memory, self._threads = os.getpid(), _MemoryLock(), self._new_threads()
        futures = [self._threads.submit(self._answer, lumas, batch) for batch in batches]
        return Prediction(self, lumas, futures)

    def _parts(self, lumas: Sequence[Float32]) -> list[_Part]:
        multiple = self.runtime.multiple
        return [
            _Part(picture, index, window, padded_shape(window, multiple))
            for picture, luma in enumerate(lumas)
            for index, window in enumerate(windows_of(*luma.shape))
        ]

    def _answer(self, lumas: Sequence[Float32], parts: list[_Part]) -> _Grids:
        """Grids of the windows of one full or short batch."""
        multiple = self.runtime.multiple
        cuts = [cut_window(lumas[part.picture], part.window, multiple) for part in parts]
        cuts += [np.zeros_like(cuts[0])] * (self.batch_size - len(cuts))
        lightness = np.asarray(lightness_from_luma(np.stack(cuts)) / 50.0 - 1.0, np.float32)
        answers = self._within_memory(lightness)[: len(parts)]
        if not np.isfinite(answers).all():
            raise ItemError(Reason.BROKEN_NETWORK, "the network answered with what is not a number")
        return {
            (part.picture, part.index): fit_grid(grid, part.window, part.shape)
            for part, grid in zip(parts, answers, strict=True)
        }

    def _within_memory(self, lightness: Float32) -> Float32:
        """Answers (N, h, w, 3); what has no room beside others is asked again with nothing beside it."""
        try:
            with self._memory.shared():
                return self._looks(lightness)
        except OutOfMemoryError:
            if self.parallel_calls == 1:
                raise
        with self._memory.alone():
            return self._looks(lightness)

    def _looks(self, lightness: Float32) -> Float32:
        """One look, or the mean of four: the picture and its mirror image, at two sizes."""
        first = self._look(lightness)
        if self._options.quality != "high":
            return first
        multiple = self.runtime.multiple
        height, width = (max(1, round(SECOND_LOOK * side / multiple)) for side in lightness.shape[1:])
        size = (height * multiple, width * multiple)
        smaller = _resized(lightness[..., None], size, Image.Resampling.BICUBIC)[..., 0]
        looks = [first, self._look(smaller)]
        looks += [self._look(shown[:, :, ::-1].copy())[:, :, ::-1] for shown in (lightness, smaller)]
        shape = (first.shape[1], first.shape[2])
        fitted = [_resized(look, shape, Image.Resampling.BILINEAR) for look in looks]
        return np.asarray(np.mean(fitted, axis=0, dtype=np.float32))

    def _look(self, lightness: Float32) -> Float32:
        output = self.runtime.run(lightness)
        return np.concatenate((output.ab, output.certainty[..., None]), axis=3)

    def _chroma(self, luma: Float32, picture: int, grids: _Grids) -> Chroma:
        windows = windows_of(*luma.shape)
        parts = [grids[picture, index] for index in range(len(windows))]
        grid = join_windows(parts, windows, *luma.shape)
        certainty = np.clip(grid[..., 2], 0.0, 1.0)
        lightness = lightness_from_luma(_cell_means(luma, grid.shape[:2]))
        lab = np.concatenate((lightness[..., None], grid[..., :2] * self._options.saturation), axis=2)
        return Chroma(cbcr_from_lab(lab), certainty, round(float(certainty.mean()), 4))


class Prediction:
    """Pictures that a predictor has in work."""

    def __init__(self, predictor: Predictor, lumas: Sequence[Float32], futures: list[Future[_Grids]]) -> None:
        self._predictor = predictor
        self._lumas = lumas
        self._futures = futures

    def result(self) -> list[Chroma]:
        """One `Chroma` per luma, in their order; waits for them. Raises as `Predictor.predict`."""
        grids: _Grids = {}
        for future in self._futures:
            grids |= future.result()
        return [self._predictor._chroma(luma, index, grids) for index, luma in enumerate(self._lumas)]


class _MemoryLock:
    """Many calls at once, or one with all the memory there is."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sharing = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Beside others."""
        with self._changed:
            self._sharing += 1
        try:
            yield
        finally:
            with self._changed:
                self._sharing -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """When nothing else is in work, and nothing begins until it is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._sharing == 0)
            yield


def _resized(grids: Float32, shape: tuple[int, int], kernel: Image.Resampling) -> Float32:
    """Grids (N, h, w, c) at another size, averaged where it is smaller."""
    height, width = shape
    if grids.shape[1:3] == shape:
        return grids
    resized = np.empty((len(grids), height, width, grids.shape[3]), np.float32)
    for index, channel in np.ndindex(len(grids), grids.shape[3]):
        plane = Image.fromarray(np.ascontiguousarray(grids[index, :, :, channel]))
        resized[index, :, :, channel] = np.asarray(plane.resize((width, height), kernel))
    return resized


def _cell_means(luma: Float32, shape: tuple[int, ...]) -> Float32:
    """Mean luma of each cell of a grid (h, w)."""
    import cv2

    return np.asarray(cv2.resize(luma, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.float32)


def open_predictor(checkpoint: Path | None, options: InferenceOptions) -> Predictor:
    """The network of a checkpoint file, the built-in one if None, on what runs it fastest here.

    Raises:
        CheckpointError: the checkpoint cannot be read.
        UsageError, UnavailableError: as `open_runtime`.
    """
    return Predictor(open_runtime(checkpoint_path(checkpoint), options), options)
