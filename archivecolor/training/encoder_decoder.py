"""The encoder-decoder's recipe: the two networks learn by turns of whole epochs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

from archivecolor.model.discriminators.classifier import ConvolutionalClassifier
from archivecolor.model.generators import Generator
from archivecolor.model.generators.encoder_decoder import AB_SCALE
from archivecolor.model.losses import binary_cross_entropy
from archivecolor.training.recipe import Moment, Numbers, Recipe
from archivecolor.training.tensors import Batch

JUDGE_SHARE = 0.25  # of the generator's learning rate


@dataclass(frozen=True)
class EncoderDecoderRecipeOptions:
    """Weights of the losses.

    Attributes:
        reconstruction: of the absolute error of ab, beside the discriminator's say; 0 leaves the duel alone.
    """

    reconstruction: float = 0.0


class EncoderDecoderRecipe(Recipe):
    """Turns of an epoch: the discriminator half on true colour, half on made colour; then the generator.

    So two of the epochs counted are one of the discriminator and one of the generator.
    """

    numbers = Numbers(epochs=400, batch_size=16, size=256, lr=4e-4, epoch_pictures=320)
    Options = EncoderDecoderRecipeOptions
    options: EncoderDecoderRecipeOptions

    def discriminator(self, size: int) -> nn.Module:
        """A classifier of whole pictures of L and ab."""
        return ConvolutionalClassifier(size)

    def discriminator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """Adam, slower than the generator's."""
        return optim.Adam(parameters, lr=lr * JUDGE_SHARE)

    def generator_losses(
        self, generator: Generator, judge: nn.Module | None, batch: Batch, moment: Moment
    ) -> dict[str, Tensor]:
        """See `Recipe.generator_losses`."""
        assert judge is not None
        if judges_turn(moment):
            return {}
        ab = generator(batch.lightness)
        losses = {"fool": binary_cross_entropy(judge(beside(batch.clean, ab)), real=True)}
        if self.options.reconstruction:
            losses["l1"] = self.options.reconstruction * F.l1_loss(ab, batch.ab / AB_SCALE)
        return losses

    def discriminator_losses(
        self, generator: Generator, judge: nn.Module, batch: Batch, moment: Moment
    ) -> dict[str, Tensor]:
        """See `Recipe.discriminator_losses`."""
        if not judges_turn(moment):
            return {}
        if moment.share < 0.5:
            scores = judge(beside(batch.clean, batch.ab / AB_SCALE))
            return {"judge": binary_cross_entropy(scores, real=True)}
        with torch.no_grad():
            ab = generator(batch.lightness)
        return {"judge": binary_cross_entropy(judge(beside(batch.clean, ab)), real=False)}


def judges_turn(moment: Moment) -> bool:
    """Whether this epoch is the discriminator's."""
    return moment.epoch % 2 == 0


def beside(lightness: Tensor, ab: Tensor) -> Tensor:
    """L (N, 1, H, W) and ab (N, 2, H, W) as one picture (N, 3, H, W), all about -1..1."""
    return torch.cat((lightness, ab), dim=1)
