"""The U-Net's recipe: least squares duel on ab alone, and a hundred times the absolute error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

from archivecolor.model.discriminators.patch import PatchGan
from archivecolor.model.generators import Generator
from archivecolor.model.generators.unet import AB_SCALE
from archivecolor.model.losses import least_squares
from archivecolor.training.recipe import Moment, Numbers, Recipe
from archivecolor.training.tensors import Batch


@dataclass(frozen=True)
class UnetRecipeOptions:
    """Weights and noise.

    Attributes:
        reconstruction: weight of the absolute error of ab / 110.
        noise: standard deviation of noise on the input, in its units of -1..1.
    """

    reconstruction: float = 100.0
    noise: float = 0.0


class UnetRecipe(Recipe):
    """Adam 2e-4 with a first moment of 0.5 for both networks; flips alone as augmentation."""

    numbers = Numbers(epochs=100, batch_size=16, size=256, lr=2e-4)
    Options = UnetRecipeOptions
    options: UnetRecipeOptions

    def discriminator(self, size: int) -> nn.Module:
        """A PatchGAN on ab."""
        return PatchGan(channels=2)

    def generator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """Adam as duels are fought."""
        return optim.Adam(parameters, lr=lr, betas=(0.5, 0.999))

    def discriminator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """The same."""
        return self.generator_optimiser(parameters, lr)

    def generator_losses(
        self, generator: Generator, judge: nn.Module | None, batch: Batch, moment: Moment
    ) -> dict[str, Tensor]:
        """See `Recipe.generator_losses`."""
        assert judge is not None
        ab = generator(self._noisy(batch.lightness))
        return {
            "fool": least_squares(judge(ab), real=True),
            "l1": self.options.reconstruction * F.l1_loss(ab, batch.ab / AB_SCALE),
        }

    def discriminator_losses(
        self, generator: Generator, judge: nn.Module, batch: Batch, moment: Moment
    ) -> dict[str, Tensor]:
        """See `Recipe.discriminator_losses`."""
        with torch.no_grad():
            ab = generator(self._noisy(batch.lightness))
        real = least_squares(judge(batch.ab / AB_SCALE), real=True)
        return {"judge": 0.5 * (real + least_squares(judge(ab), real=False))}

    def _noisy(self, lightness: Tensor) -> Tensor:
        if not self.options.noise:
            return lightness
        return lightness + self.options.noise * torch.randn_like(lightness)
