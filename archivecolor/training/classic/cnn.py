"""The plain network's objective: multi-scale structural similarity, and pictures of many exposures."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage import exposure
from torch import Tensor, nn, optim

from archivecolor.networks.base import Generator
from archivecolor.networks.classic.cnn import AB_SCALE
from archivecolor.networks.classic.ms_ssim import ms_ssim_loss
from archivecolor.networks.options import BaseOptions
from archivecolor.training.crops import CropAugmentation
from archivecolor.training.objective import Hyperparameters, Objective, TrainingProgress
from archivecolor.training.tensors import Batch

Crop = NDArray[np.uint8]


@dataclass(frozen=True)
class CnnObjectiveOptions(BaseOptions):
    """Augmentation.

    Attributes:
        exposures: share of the crops whose exposure is changed.
    """

    exposures: float = 0.5


class CnnObjective(Objective):
    """RMSprop on 1 - MS-SSIM of ab; flips both ways, and one of three changes of exposure."""

    hyperparameters = Hyperparameters(epochs=100, batch_size=16, size=256, lr=1e-4, vertical_flips=True)
    Options = CnnObjectiveOptions
    options: CnnObjectiveOptions

    def crop_augmentation(self) -> CropAugmentation:
        """See `change_exposure`."""
        share = self.options.exposures

        def some(crop: Crop, rng: np.random.Generator) -> Crop:
            return change_exposure(crop, rng) if rng.random() < share else crop

        return some

    def generator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """RMSprop with Keras' decay: with PyTorch's slower one the first steps are ten times `lr`."""
        return optim.RMSprop(parameters, lr=lr, alpha=0.9)

    def generator_losses(
        self, generator: Generator, discriminator: nn.Module | None, batch: Batch, progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """See `Objective.generator_losses`."""
        ab = generator(batch.lightness)
        return {"ms-ssim": ms_ssim_loss((ab + 1.0) / 2.0, (batch.ab / AB_SCALE + 1.0) / 2.0)}


def change_exposure(crop: Crop, rng: np.random.Generator) -> Crop:
    """Adaptive equalisation, contrast stretching or histogram equalisation of a crop (S, S, 3), at random."""
    choice = int(rng.integers(3))
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # of equalize_hist, that it sees colour channels as one grey
        if choice == 0:
            changed = exposure.equalize_adapthist(crop)
        elif choice == 1:
            low, high = np.percentile(crop, (2, 98))
            changed = exposure.rescale_intensity(
                crop / 255.0, in_range=(low / 255.0, max(high, low + 1) / 255.0)
            )
        else:
            changed = exposure.equalize_hist(crop)
    return np.asarray((np.clip(changed, 0.0, 1.0) * 255.0).round(), np.uint8)
