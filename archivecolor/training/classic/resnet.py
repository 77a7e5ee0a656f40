"""The objective of both ResNet networks: mean square error, stopped early."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.networks.base import Generator
from archivecolor.networks.classic.resnet_fcn import AB_SCALE
from archivecolor.training.objective import Hyperparameters, Objective, TrainingProgress
from archivecolor.training.tensors import Batch


class ResNetObjective(Objective):
    """Adam 1e-3; 60 % of the pictures to train, 20 % to validate every epoch, 20 % kept for a last test."""

    hyperparameters = Hyperparameters(
        epochs=100, batch_size=32, size=224, lr=1e-3, validation_share=0.2, test_share=0.2, patience=3
    )

    def generator_losses(
        self, generator: Generator, discriminator: nn.Module | None, batch: Batch, progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """See `Objective.generator_losses`."""
        return {"mse": F.mse_loss(generator(batch.lightness), batch.ab / AB_SCALE)}
