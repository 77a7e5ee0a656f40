"""The U-Net's objective: a least squares GAN on ab alone, and a hundred times the absolute error."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archivecolor.networks.base import Generator
from archivecolor.networks.classic.discriminators import PatchGan
from archivecolor.networks.classic.unet import AB_SCALE
from archivecolor.networks.losses import least_squares
from archivecolor.training.classic.adversarial import AdversarialObjective, AdversarialOptions
from archivecolor.training.objective import Hyperparameters
from archivecolor.training.tensors import Batch


@dataclass(frozen=True)
class UnetObjectiveOptions(AdversarialOptions):
    """Weights and noise; the absolute error is that of ab / 110.

    Attributes:
        noise: standard deviation of noise on the input, in its units of -1..1.
    """

    noise: float = 0.0


class UnetObjective(AdversarialObjective):
    """Adam 2e-4 for both networks; flips alone as augmentation."""

    hyperparameters = Hyperparameters(epochs=100, batch_size=16, size=256, lr=2e-4)
    Options = UnetObjectiveOptions
    options: UnetObjectiveOptions

    def discriminator(self, size: int) -> nn.Module:
        """A PatchGAN on ab."""
        return PatchGan(channels=2)

    def adversarial_loss(self, scores: Tensor, *, real: bool) -> Tensor:
        """Least squares."""
        return least_squares(scores, real=real)

    def target(self, batch: Batch) -> Tensor:
        """The true ab / 110, (N, 2, S, S)."""
        return batch.ab / AB_SCALE

    def discriminator_scores(self, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Tensor:
        """Of ab alone."""
        scores: Tensor = discriminator(generated)
        return scores

    def generate(self, generator: Generator, batch: Batch) -> Tensor:
        """Of a noisy input, where noise is asked for."""
        lightness = batch.lightness
        if self.options.noise:
            lightness = lightness + self.options.noise * torch.randn_like(lightness)
        generated: Tensor = generator(lightness)
        return generated
