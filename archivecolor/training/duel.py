"""What the recipes of duels share: both networks' optimiser, and the losses of the two sides."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

from archivecolor.model.generators import Generator
from archivecolor.training.recipe import Moment, Recipe
from archivecolor.training.tensors import Batch


@dataclass(frozen=True)
class DuelOptions:
    """Weights of the losses.

    Attributes:
        reconstruction: weight of the absolute error, beside the discriminator's say.
    """

    reconstruction: float = 100.0


class DuelRecipe(Recipe):
    """Generator against discriminator from the start, and a hundred times the absolute error.

    Both learn by Adam with a first moment of 0.5.
    """

    Options = DuelOptions
    options: DuelOptions

    @abstractmethod
    def discriminator(self, size: int) -> nn.Module:
        """See `Recipe.discriminator`."""

    @abstractmethod
    def truth(self, batch: Batch) -> Tensor:
        """What the generator's answer should be, in its own units."""

    @abstractmethod
    def scores(self, judge: nn.Module, batch: Batch, answer: Tensor) -> Tensor:
        """What the discriminator says of an answer, or of the truth, to a batch."""

    @abstractmethod
    def verdict(self, scores: Tensor, *, real: bool) -> Tensor:
        """The loss of scores that should all say `real`."""

    def answer(self, generator: Generator, batch: Batch) -> Tensor:
        """What the generator makes of a batch."""
        answer: Tensor = generator(batch.lightness)
        return answer

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
        answer = self.answer(generator, batch)
        return {
            "fool": self.verdict(self.scores(judge, batch, answer), real=True),
            "l1": self.reconstruction(batch, answer),
        }

    def reconstruction(self, batch: Batch, answer: Tensor) -> Tensor:
        """The weighted absolute error of an answer."""
        return self.options.reconstruction * F.l1_loss(answer, self.truth(batch))

    def discriminator_losses(
        self, generator: Generator, judge: nn.Module, batch: Batch, moment: Moment
    ) -> dict[str, Tensor]:
        """See `Recipe.discriminator_losses`."""
        with torch.no_grad():
            answer = self.answer(generator, batch)
        real = self.verdict(self.scores(judge, batch, self.truth(batch)), real=True)
        return {"judge": 0.5 * (real + self.verdict(self.scores(judge, batch, answer), real=False))}
