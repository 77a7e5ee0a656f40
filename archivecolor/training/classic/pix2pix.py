"""pix2pix's objective: a conditional GAN in RGB, and a hundred times the absolute error of RGB in -1..1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archivecolor.networks.classic.discriminators import ConditionalPatchGan
from archivecolor.networks.classic.pix2pix import grey_channels
from archivecolor.networks.lab_tensors import rgb_from_lab
from archivecolor.networks.losses import binary_cross_entropy
from archivecolor.training.classic.adversarial import AdversarialObjective
from archivecolor.training.objective import Hyperparameters
from archivecolor.training.tensors import Batch


class Pix2PixObjective(AdversarialObjective):
    """Adam 2e-4 for both networks."""

    hyperparameters = Hyperparameters(epochs=1500, batch_size=4, size=256, lr=2e-4)

    def discriminator(self, size: int) -> nn.Module:
        """The conditional 70 x 70 PatchGAN."""
        return ConditionalPatchGan(condition=3, channels=3)

    def adversarial_loss(self, scores: Tensor, *, real: bool) -> Tensor:
        """Binary cross-entropy."""
        return binary_cross_entropy(scores, real=real)

    def target(self, batch: Batch) -> Tensor:
        """The true picture as RGB codes scaled to -1..1, (N, 3, S, S)."""
        return rgb_from_lab(torch.cat(((batch.clean + 1.0) * 50.0, batch.ab), dim=1)) * 2.0 - 1.0

    def discriminator_scores(self, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Tensor:
        """Of RGB beside the grey it is made from."""
        scores: Tensor = discriminator(grey_channels(batch.lightness), generated)
        return scores
