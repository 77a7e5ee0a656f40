"""pix2pix's recipe: a conditional duel in RGB, and a hundred times the absolute error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

from archivecolor.model.discriminators.conditional import ConditionalPatchGan
from archivecolor.model.generators import Generator
from archivecolor.model.generators.pix2pix import grey_channels
from archivecolor.model.lab_tensors import rgb_from_lab
from archivecolor.model.losses import binary_cross_entropy
from archivecolor.training.recipe import Moment, Numbers, Recipe
from archivecolor.training.tensors import Batch


@dataclass(frozen=True)
class Pix2PixRecipeOptions:
    """Weights of the losses.

    Attributes:
        reconstruction: weight of the absolute error of RGB in -1..1.
    """

    reconstruction: float = 100.0


class Pix2PixRecipe(Recipe):
    """Adam 2e-4 with a first moment of 0.5 for both networks."""

    numbers = Numbers(epochs=1500, batch_size=4, size=256, lr=2e-4)
    Options = Pix2PixRecipeOptions
    options: Pix2PixRecipeOptions

    def discriminator(self, size: int) -> nn.Module:
        """The conditional 70 x 70 PatchGAN."""
        return ConditionalPatchGan(condition=3, channels=3)

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
        rgb = generator(batch.lightness)
        return {
            "fool": binary_cross_entropy(judge(grey_channels(batch.lightness), rgb), real=True),
            "l1": self.options.reconstruction * F.l1_loss(rgb, true_rgb(batch)),
        }

    def discriminator_losses(
        self, generator: Generator, judge: nn.Module, batch: Batch, moment: Moment
    ) -> dict[str, Tensor]:
        """See `Recipe.discriminator_losses`."""
        grey = grey_channels(batch.lightness)
        with torch.no_grad():
            rgb = generator(batch.lightness)
        real = binary_cross_entropy(judge(grey, true_rgb(batch)), real=True)
        return {"judge": 0.5 * (real + binary_cross_entropy(judge(grey, rgb), real=False))}


def true_rgb(batch: Batch) -> Tensor:
    """The true picture as RGB codes scaled to -1..1, (N, 3, S, S)."""
    return rgb_from_lab(torch.cat(((batch.clean + 1.0) * 50.0, batch.ab), dim=1)) * 2.0 - 1.0
