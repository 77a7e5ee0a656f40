"""The encoder-decoder's objective: the two networks learn by turns of whole epochs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

from archivecolor.networks.base import Generator
from archivecolor.networks.classic.discriminators import ConvolutionalClassifier
from archivecolor.networks.classic.encoder_decoder import AB_SCALE
from archivecolor.networks.losses import binary_cross_entropy
from archivecolor.networks.options import BaseOptions
from archivecolor.training.objective import Hyperparameters, Objective, TrainingProgress
from archivecolor.training.tensors import Batch

_DISCRIMINATOR_LR_SHARE = 0.25  # of the generator's learning rate


@dataclass(frozen=True)
class EncoderDecoderObjectiveOptions(BaseOptions):
    """Weights of the losses.

    Attributes:
        reconstruction: of the absolute error of ab, beside the discriminator's say; 0 leaves that alone.
    """

    reconstruction: float = 0.0


class EncoderDecoderObjective(Objective):
    """Turns of an epoch: the discriminator half on true colour, half on made colour; then the generator.

    So two of the epochs counted are one of the discriminator and one of the generator.
    """

    hyperparameters = Hyperparameters(epochs=400, batch_size=16, size=256, lr=4e-4, epoch_pictures=320)
    Options = EncoderDecoderObjectiveOptions
    options: EncoderDecoderObjectiveOptions

    def discriminator(self, size: int) -> nn.Module:
        """A classifier of whole pictures of L and ab."""
        return ConvolutionalClassifier(size)

    def discriminator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """Adam, slower than the generator's."""
        return optim.Adam(parameters, lr=lr * _DISCRIMINATOR_LR_SHARE)

    def generator_losses(
        self, generator: Generator, discriminator: nn.Module | None, batch: Batch, progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """See `Objective.generator_losses`."""
        assert discriminator is not None
        if _is_discriminator_epoch(progress):
            return {}
        ab = generator(batch.lightness)
        losses = {"fool": binary_cross_entropy(discriminator(_concatenated(batch.clean, ab)), real=True)}
        if self.options.reconstruction:
            losses["l1"] = self.options.reconstruction * F.l1_loss(ab, batch.ab / AB_SCALE)
        return losses

    def discriminator_losses(
        self, generator: Generator, discriminator: nn.Module, batch: Batch, progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """See `Objective.discriminator_losses`."""
        if not _is_discriminator_epoch(progress):
            return {}
        if progress.epoch_share < 0.5:
            scores = discriminator(_concatenated(batch.clean, batch.ab / AB_SCALE))
            return {"judge": binary_cross_entropy(scores, real=True)}
        with torch.no_grad():
            ab = generator(batch.lightness)
        return {"judge": binary_cross_entropy(discriminator(_concatenated(batch.clean, ab)), real=False)}


def _is_discriminator_epoch(progress: TrainingProgress) -> bool:
    """Whether this epoch is the discriminator's."""
    return progress.epoch % 2 == 0


def _concatenated(lightness: Tensor, ab: Tensor) -> Tensor:
    """L (N, 1, H, W) and ab (N, 2, H, W) as one picture (N, 3, H, W), all about -1..1."""
    return torch.cat((lightness, ab), dim=1)
