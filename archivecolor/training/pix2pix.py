"""pix2pix's recipe: a conditional duel in RGB, and a hundred times the absolute error of RGB in -1..1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archivecolor.model.discriminators.conditional import ConditionalPatchGan
from archivecolor.model.generators.pix2pix import grey_channels
from archivecolor.model.lab_tensors import rgb_from_lab
from archivecolor.model.losses import binary_cross_entropy
from archivecolor.training.duel import DuelRecipe
from archivecolor.training.recipe import Numbers
from archivecolor.training.tensors import Batch


class Pix2PixRecipe(DuelRecipe):
    """Adam 2e-4 for both networks."""

    numbers = Numbers(epochs=1500, batch_size=4, size=256, lr=2e-4)

    def discriminator(self, size: int) -> nn.Module:
        """The conditional 70 x 70 PatchGAN."""
        return ConditionalPatchGan(condition=3, channels=3)

    def verdict(self, scores: Tensor, *, real: bool) -> Tensor:
        """Binary cross-entropy."""
        return binary_cross_entropy(scores, real=real)

    def truth(self, batch: Batch) -> Tensor:
        """The true picture as RGB codes scaled to -1..1, (N, 3, S, S)."""
        return rgb_from_lab(torch.cat(((batch.clean + 1.0) * 50.0, batch.ab), dim=1)) * 2.0 - 1.0

    def scores(self, judge: nn.Module, batch: Batch, answer: Tensor) -> Tensor:
        """Of RGB beside the grey it is made from."""
        scores: Tensor = judge(grey_channels(batch.lightness), answer)
        return scores
