"""The U-Net's recipe: least squares duel on ab alone, and a hundred times the absolute error."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archivecolor.model.discriminators.patch import PatchGan
from archivecolor.model.generators import Generator
from archivecolor.model.generators.unet import AB_SCALE
from archivecolor.model.losses import least_squares
from archivecolor.training.duel import DuelOptions, DuelRecipe
from archivecolor.training.recipe import Numbers
from archivecolor.training.tensors import Batch


@dataclass(frozen=True)
class UnetRecipeOptions(DuelOptions):
    """Weights and noise; the absolute error is that of ab / 110.

    Attributes:
        noise: standard deviation of noise on the input, in its units of -1..1.
    """

    noise: float = 0.0


class UnetRecipe(DuelRecipe):
    """Adam 2e-4 for both networks; flips alone as augmentation."""

    numbers = Numbers(epochs=100, batch_size=16, size=256, lr=2e-4)
    Options = UnetRecipeOptions
    options: UnetRecipeOptions

    def discriminator(self, size: int) -> nn.Module:
        """A PatchGAN on ab."""
        return PatchGan(channels=2)

    def verdict(self, scores: Tensor, *, real: bool) -> Tensor:
        """Least squares."""
        return least_squares(scores, real=real)

    def truth(self, batch: Batch) -> Tensor:
        """The true ab / 110, (N, 2, S, S)."""
        return batch.ab / AB_SCALE

    def scores(self, judge: nn.Module, batch: Batch, answer: Tensor) -> Tensor:
        """Of ab alone."""
        scores: Tensor = judge(answer)
        return scores

    def answer(self, generator: Generator, batch: Batch) -> Tensor:
        """Of a noisy input, where noise is asked for."""
        lightness = batch.lightness
        if self.options.noise:
            lightness = lightness + self.options.noise * torch.randn_like(lightness)
        answer: Tensor = generator(lightness)
        return answer
