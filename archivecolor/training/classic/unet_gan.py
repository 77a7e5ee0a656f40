"""The objective of `unet-gan`: reconstruction alone, the discriminator alone, then both, as asked for."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from archivecolor.networks.base import Generator
from archivecolor.networks.classic.discriminators import ConditionalPatchGan
from archivecolor.networks.classic.unet_gan import AB_SCALE
from archivecolor.networks.losses import binary_cross_entropy
from archivecolor.training.classic.adversarial import AdversarialObjective, AdversarialOptions
from archivecolor.training.objective import Hyperparameters, TrainingProgress
from archivecolor.training.tensors import Batch


@dataclass(frozen=True)
class UnetGanObjectiveOptions(AdversarialOptions):
    """Stages and weights; the absolute error is that of ab / 110.

    Attributes:
        alone: first share of the training in which the generator learns by reconstruction alone.
        judge_alone: share after that in which the discriminator learns on the frozen generator.
    """

    alone: float = 0.0
    judge_alone: float = 0.0


class UnetGanObjective(AdversarialObjective):
    """Adam 2e-4 for both networks; against each other from the start unless staged."""

    hyperparameters = Hyperparameters(epochs=100, batch_size=16, size=256, lr=2e-4)
    Options = UnetGanObjectiveOptions
    options: UnetGanObjectiveOptions

    def discriminator(self, size: int) -> nn.Module:
        """A patch discriminator of ab beside L."""
        return ConditionalPatchGan(condition=1, channels=2)

    def adversarial_loss(self, scores: Tensor, *, real: bool) -> Tensor:
        """Binary cross-entropy."""
        return binary_cross_entropy(scores, real=real)

    def target(self, batch: Batch) -> Tensor:
        """The true ab / 110, (N, 2, S, S)."""
        return batch.ab / AB_SCALE

    def discriminator_scores(self, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Tensor:
        """Of ab beside L."""
        scores: Tensor = discriminator(batch.lightness, generated)
        return scores

    def generator_losses(
        self, generator: Generator, discriminator: nn.Module | None, batch: Batch, progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """See `Objective.generator_losses`."""
        if self._is_discriminator_stage(progress):
            return {}
        if self._is_reconstruction_stage(progress):
            return {"l1": self.reconstruction(batch, self.generate(generator, batch))}
        return super().generator_losses(generator, discriminator, batch, progress)

    def discriminator_losses(
        self, generator: Generator, discriminator: nn.Module, batch: Batch, progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """See `Objective.discriminator_losses`."""
        if self._is_reconstruction_stage(progress):
            return {}
        return super().discriminator_losses(generator, discriminator, batch, progress)

    def _is_reconstruction_stage(self, progress: TrainingProgress) -> bool:
        return progress.training_share < self.options.alone

    def _is_discriminator_stage(self, progress: TrainingProgress) -> bool:
        return self.options.alone <= progress.training_share < self.options.alone + self.options.judge_alone
