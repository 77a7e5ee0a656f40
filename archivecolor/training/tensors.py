"""The batch a step is taken on."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from archivecolor.networks.lab_tensors import linear_from_rgb


@dataclass(frozen=True)
class Batch:
    """What one training step sees.

    Attributes:
        lightness: (N, 1, S, S), L* scaled to -1..1, with the archive's faults laid on: the network's input.
        ab: (N, 2, S, S), the true a*, b* in Lab units.
        clean: (N, 1, S, S), the true L* scaled to -1..1.
    """

    lightness: Tensor
    ab: Tensor
    clean: Tensor


def photographs_to_linear(crops: Tensor) -> Tensor:
    """uint8 crops (N, S, S, 3) to linear light (N, 3, S, S), channels last in memory, 0..1."""
    return linear_from_rgb(crops.permute(0, 3, 1, 2).float() / 255.0)
