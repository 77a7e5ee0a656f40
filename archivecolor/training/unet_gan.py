"""The duelling U-Net's recipe: reconstruction alone, the discriminator alone, then the duel, as asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

from archivecolor.model.discriminators.conditional import ConditionalPatchGan
from archivecolor.model.generators import Generator
from archivecolor.model.generators.unet_gan import AB_SCALE
from archivecolor.model.losses import binary_cross_entropy
from archivecolor.training.recipe import Moment, Numbers, Recipe
from archivecolor.training.tensors import Batch


@dataclass(frozen=True)
class UnetGanRecipeOptions:
    """Stages and weights.

    Attributes:
        reconstruction: weight of the absolute error of ab / 110.
        alone: first share of the training in which the generator learns by reconstruction alone.
        judge_alone: share after that in which the discriminator learns on the frozen generator.
    """

    reconstruction: float = 100.0
    alone: float = 0.0
    judge_alone: float = 0.0


class UnetGanRecipe(Recipe):
    """Adam 2e-4 with a first moment of 0.5 for both networks; a duel from the start unless staged."""

    numbers = Numbers(epochs=100, batch_size=16, size=256, lr=2e-4)
    Options = UnetGanRecipeOptions
    options: UnetGanRecipeOptions

    def discriminator(self, size: int) -> nn.Module:
        """A patch discriminator of ab beside L."""
        return ConditionalPatchGan(condition=1, channels=2)

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
        if self._generator_is_frozen(moment):
            return {}
        ab = generator(batch.lightness)
        losses = {"l1": self.options.reconstruction * F.l1_loss(ab, batch.ab / AB_SCALE)}
        if not self._generator_is_alone(moment):
            losses["fool"] = binary_cross_entropy(judge(batch.lightness, ab), real=True)
        return losses

    def discriminator_losses(
        self, generator: Generator, judge: nn.Module, batch: Batch, moment: Moment
    ) -> dict[str, Tensor]:
        """See `Recipe.discriminator_losses`."""
        if self._generator_is_alone(moment):
            return {}
        with torch.no_grad():
            ab = generator(batch.lightness)
        real = binary_cross_entropy(judge(batch.lightness, batch.ab / AB_SCALE), real=True)
        return {"judge": 0.5 * (real + binary_cross_entropy(judge(batch.lightness, ab), real=False))}

    def _generator_is_alone(self, moment: Moment) -> bool:
        return moment.progress < self.options.alone

    def _generator_is_frozen(self, moment: Moment) -> bool:
        return self.options.alone <= moment.progress < self.options.alone + self.options.judge_alone
