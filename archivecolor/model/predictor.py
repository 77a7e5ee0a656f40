"""The one place that asks a network for colour: device, number format, batches of fixed shape."""

from __future__ import annotations

import gc
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from archivecolor.colour.chroma import Chroma
from archivecolor.colour.lab import cbcr_from_lab, lightness_from_luma
from archivecolor.errors import ItemError, OutOfMemoryError, Reason
from archivecolor.model.builtin import checkpoint_path
from archivecolor.model.checkpoint import Checkpoint, load_checkpoint
from archivecolor.model.device import choose_device, choose_precision, is_out_of_memory, mixed_precision
from archivecolor.model.folding import cast_weights, fold_batch_norms
from archivecolor.model.generators import Answer
from archivecolor.model.windows import (
    Window,
    cut_window,
    fit_grid,
    join_windows,
    padded_shape,
    windows_of,
)
from archivecolor.settings import AnswerOptions, NetworkOptions

Float32 = NDArray[np.float32]

# Measured: at 7/8 of the size a second look helps; at 3/4, 5/4 and 3/2 it does harm.
SECOND_LOOK = 0.875


@dataclass(frozen=True)
class Part:
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


class Predictor:
    """A network on its device.

    The answer for a picture depends on that picture, the weights and the settings alone: batches have one
    fixed size and shape, and what is missing is filled up.

    Args:
        checkpoint: the network.
        options: device, precision, batch size, quality, saturation.

    Attributes:
        name: title of the weights.
        digest: SHA-256 of the checkpoint file.
        working_size: short side in pixels at which it wants its lumas.

    Raises:
        UsageError: the device has no such name.
        UnavailableError: the machine has no such device.
    """

    def __init__(self, checkpoint: Checkpoint, options: AnswerOptions) -> None:
        self.name = checkpoint.info.title or checkpoint.info.network
        self.digest = checkpoint.digest
        self.working_size = options.working_size
        self._options = options
        self._device = choose_device(options.device)
        self._precision = choose_precision(options.precision, self._device)
        self._generator = checkpoint.generator.eval().requires_grad_(False)
        fold_batch_norms(self._generator)
        cast_weights(self._generator, self._precision)
        self._generator.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._room = options.batch_size

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
        grids: dict[tuple[int, int], Float32] = {}
        by_shape: dict[tuple[int, int], list[Part]] = defaultdict(list)
        for part in self._parts(lumas):
            by_shape[part.shape].append(part)
        for parts in by_shape.values():
            for start in range(0, len(parts), self._options.batch_size):
                grids |= self._answer(lumas, parts[start : start + self._options.batch_size])
        return [self._chroma(luma, index, grids) for index, luma in enumerate(lumas)]

    def _parts(self, lumas: Sequence[Float32]) -> list[Part]:
        multiple = self._generator.multiple
        return [
            Part(picture, index, window, padded_shape(window, multiple))
            for picture, luma in enumerate(lumas)
            for index, window in enumerate(windows_of(*luma.shape))
        ]

    def _answer(self, lumas: Sequence[Float32], parts: list[Part]) -> dict[tuple[int, int], Float32]:
        """Grids (h, w, 3) of a*, b* and certainty for the windows of one full or short batch."""
        multiple = self._generator.multiple
        cuts = [cut_window(lumas[part.picture], part.window, multiple) for part in parts]
        cuts += [np.zeros_like(cuts[0])] * (self._options.batch_size - len(cuts))
        lightness = torch.from_numpy(lightness_from_luma(np.stack(cuts)) / 50.0 - 1.0)[:, None]
        stacked = self._within_memory(lightness).permute(0, 2, 3, 1).contiguous().numpy()
        answers = stacked[: len(parts)]
        if not np.isfinite(answers).all():
            raise ItemError(Reason.BROKEN_NETWORK, "the network answered with what is not a number")
        return {
            (part.picture, part.index): fit_grid(grid, part.window, part.shape)
            for part, grid in zip(parts, answers, strict=True)
        }

    def _within_memory(self, lightness: Tensor) -> Tensor:
        """Answers (N, 3, h, w) on the CPU, in halves, quarters ... where memory is short."""
        while True:
            try:
                pieces = [self._ask(piece) for piece in torch.split(lightness, self._room)]
            except (RuntimeError, MemoryError) as trouble:
                if not is_out_of_memory(trouble):
                    raise
                message = str(trouble).splitlines()[0] if str(trouble) else "out of memory"
            else:
                return torch.cat(pieces)
            # Outside the except block, whose exception would keep the failed tensors alive.
            gc.collect()
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            if self._room == 1:
                raise OutOfMemoryError(
                    f"{self._device} has no room for one picture of"
                    f" {lightness.shape[3]} x {lightness.shape[2]}: {message};"
                    " try a smaller --working-size or --device cpu"
                )
            self._room = max(1, self._room // 2)
            warnings.warn(
                f"{self._device} is short of memory; going on with batches of {self._room}", stacklevel=2
            )

    @torch.inference_mode()
    def _ask(self, lightness: Tensor) -> Tensor:
        shown = lightness.to(self._device).contiguous(memory_format=torch.channels_last)
        with mixed_precision(self._device, self._precision):
            if self._options.quality == "high":
                answer = self._average_of_looks(shown)
            else:
                answer = self._generator.answer(shown)
        return torch.cat((answer.ab.float(), answer.certainty.float()), dim=1).cpu()

    def _average_of_looks(self, lightness: Tensor) -> Answer:
        """Mean over the picture and its mirror image, at its size and somewhat smaller."""
        multiple = self._generator.multiple
        less = [max(1, round(SECOND_LOOK * extent / multiple)) * multiple for extent in lightness.shape[-2:]]
        sizes = (lightness, F.interpolate(lightness, size=less, mode="bicubic", antialias=True))
        answers = [self._generator.answer(shown) for shown in sizes]
        mirrored = [self._generator.answer(shown.flip(-1)) for shown in sizes]
        shape = answers[0].ab.shape[-2:]
        looks = [(a.ab, a.certainty) for a in answers]
        looks += [(m.ab.flip(-1), m.certainty.flip(-1)) for m in mirrored]
        ab = [F.interpolate(one.float(), size=shape, mode="bilinear") for one, _ in looks]
        certainty = [F.interpolate(one.float(), size=shape, mode="bilinear") for _, one in looks]
        return Answer(torch.stack(ab).mean(dim=0), torch.stack(certainty).mean(dim=0))

    def _chroma(self, luma: Float32, picture: int, grids: dict[tuple[int, int], Float32]) -> Chroma:
        windows = windows_of(*luma.shape)
        parts = [grids[picture, index] for index in range(len(windows))]
        grid = join_windows(parts, windows, *luma.shape)
        certainty = np.clip(grid[..., 2], 0.0, 1.0)
        lightness = lightness_from_luma(_shrink(luma, grid.shape[:2]))
        lab = np.concatenate((lightness[..., None], grid[..., :2] * self._options.saturation), axis=2)
        return Chroma(cbcr_from_lab(lab), certainty, round(float(certainty.mean()), 4))


def _shrink(luma: Float32, shape: tuple[int, ...]) -> Float32:
    """Mean luma of each cell of a grid (h, w)."""
    import cv2

    return np.asarray(cv2.resize(luma, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.float32)


def open_predictor(options: NetworkOptions) -> Predictor:
    """The network of `--checkpoint`, or the built-in one, on its device.

    Raises:
        CheckpointError: the checkpoint cannot be read.
        UsageError, UnavailableError: see `Predictor`.
    """
    return Predictor(load_checkpoint(checkpoint_path(options.checkpoint)), options)
