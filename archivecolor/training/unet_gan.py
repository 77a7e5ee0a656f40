"""The duelling U-Net's recipe: reconstruction alone, the discriminator alone, then the duel, as asked for."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from archivecolor.model.discriminators.conditional import ConditionalPatchGan
from archivecolor.model.generators import Generator
from archivecolor.model.generators.unet_gan import AB_SCALE
from archivecolor.model.losses import binary_cross_entropy
from archivecolor.training.duel import DuelOptions, DuelRecipe
from archivecolor.training.recipe import Moment, Numbers
from archivecolor.training.tensors import Batch


@dataclass(frozen=True)
class UnetGanRecipeOptions(DuelOptions):
    """Stages and weights; the absolute error is that of ab / 110.

    Attributes:
        alone: first share of the training in which the generator learns by reconstruction alone.
        judge_alone: share after that in which the discriminator learns on the frozen generator.
    """

    alone: float = 0.0
    judge_alone: float = 0.0


class UnetGanRecipe(DuelRecipe):
    """Adam 2e-4 for both networks; a duel from the start unless staged."""

    numbers = Numbers(epochs=100, batch_size=16, size=256, lr=2e-4)
    Options = UnetGanRecipeOptions
    options: UnetGanRecipeOptions

    def discriminator(self, size: int) -> nn.Module:
        """A patch discriminator of ab beside L."""
        return ConditionalPatchGan(condition=1, channels=2)

    def verdict(self, scores: Tensor, *, real: bool) -> Tensor:
        """Binary cross-entropy."""
        return binary_cross_entropy(scores, real=real)

    def truth(self, batch: Batch) -> Tensor:
        """The true ab / 110, (N, 2, S, S)."""
        return batch.ab / AB_SCALE

    def scores(self, judge: nn.Module, batch: Batch, answer: Tensor) -> Tensor:
        """Of ab beside L."""
        scores: Tensor = judge(batch.lightness, answer)
        return scores

    def generator_losses(
        self, generator: Generator, judge: nn.Module | None, batch: Batch, moment: Moment
    ) -> dict[str, Tensor]:
        """See `Recipe.generator_losses`."""
        if self._generator_is_frozen(moment):
            return {}
        if self._generator_is_alone(moment):
            return {"l1": self.reconstruction(batch, self.answer(generator, batch))}
        return super().generator_losses(generator, judge, batch, moment)

    def discriminator_losses(
        self, generator: Generator, judge: nn.Module, batch: Batch, moment: Moment
    ) -> dict[str, Tensor]:
        """See `Recipe.discriminator_losses`."""
        if self._generator_is_alone(moment):
            return {}
        return super().discriminator_losses(generator, judge, batch, moment)

    def _generator_is_alone(self, moment: Moment) -> bool:
        return moment.progress < self.options.alone

    def _generator_is_frozen(self, moment: Moment) -> bool:
        return self.options.alone <= moment.progress < self.options.alone + self.options.judge_alone
