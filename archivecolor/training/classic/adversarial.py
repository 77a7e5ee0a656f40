"""What the conditional GANs share: both networks' optimiser, and the losses of the two sides."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

from archivecolor.networks.base import Generator
from archivecolor.networks.options import BaseOptions
from archivecolor.training.objective import Objective, TrainingProgress
from archivecolor.training.tensors import Batch


@dataclass(frozen=True)
class AdversarialOptions(BaseOptions):
    """Weights of the losses.

    Attributes:
        reconstruction: weight of the absolute error, beside the discriminator's say.
    """

    reconstruction: float = 100.0


class AdversarialObjective(Objective):
    """Generator against discriminator from the start, and a hundred times the absolute error.

    Both learn by Adam with a first moment of 0.5.
    """

    Options = AdversarialOptions
    options: AdversarialOptions

    @abstractmethod
    def discriminator(self, size: int) -> nn.Module:
        """See `Objective.discriminator`."""

    @abstractmethod
    def target(self, batch: Batch) -> Tensor:
        """What the generator's answer should be, in its own units."""

    @abstractmethod
    def discriminator_scores(self, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Tensor:
        """What the discriminator says of an answer, or of the truth, to a batch."""

    @abstractmethod
    def adversarial_loss(self, scores: Tensor, *, real: bool) -> Tensor:
        """The loss of scores that should all say `real`."""

    def generate(self, generator: Generator, batch: Batch) -> Tensor:
        """What the generator makes of a batch."""
        generated: Tensor = generator(batch.lightness)
        return generated

    def generator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """Adam with a first moment of 0.5, as Radford et al. (2015) train GANs."""
        return optim.Adam(parameters, lr=lr, betas=(0.5, 0.999))

    def discriminator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """The same."""
        return self.generator_optimiser(parameters, lr)

    def generator_losses(
        self, generator: Generator, discriminator: nn.Module | None, batch: Batch, progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """See `Objective.generator_losses`."""
        assert discriminator is not None
        generated = self.generate(generator, batch)
        scores = self.discriminator_scores(discriminator, batch, generated)
        return {
            "fool": self.adversarial_loss(scores, real=True),
            "l1": self.reconstruction(batch, generated),
        }

    def reconstruction(self, batch: Batch, generated: Tensor) -> Tensor:
        """The weighted absolute error of an answer."""
        return self.options.reconstruction * F.l1_loss(generated, self.target(batch))

    def discriminator_losses(
        self, generator: Generator, discriminator: nn.Module, batch: Batch, progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """See `Objective.discriminator_losses`."""
        with torch.no_grad():
            generated = self.generate(generator, batch)
        of_truth = self.discriminator_scores(discriminator, batch, self.target(batch))
        of_answer = self.discriminator_scores(discriminator, batch, generated)
        real, made = (
            self.adversarial_loss(of_truth, real=True),
            self.adversarial_loss(of_answer, real=False),
        )
        return {"judge": 0.5 * (real + made)}
