"""The recipe of both ResNet networks: mean square error, stopped early."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.model.generators import Generator
from archivecolor.model.generators.resnet_fcn import AB_SCALE
from archivecolor.training.recipe import Moment, Numbers, Recipe
from archivecolor.training.tensors import Batch


@dataclass(frozen=True)
class ResNetRecipeOptions:
    """Nothing to choose."""


class ResNetRecipe(Recipe):
    """Adam 1e-3; 60 % of the pictures to train, 20 % to validate every epoch, 20 % kept for a last test."""

    numbers = Numbers(
        epochs=100, batch_size=32, size=224, lr=1e-3, validation_share=0.2, test_share=0.2, patience=3
    )
    Options = ResNetRecipeOptions

    def generator_losses(
        self, generator: Generator, judge: nn.Module | None, batch: Batch, moment: Moment
    ) -> dict[str, Tensor]:
        """See `Recipe.generator_losses`."""
        return {"mse": F.mse_loss(generator(batch.lightness), batch.ab / AB_SCALE)}
