"""Whether a training has gone wrong in a way that more steps do not mend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from archivecolor.errors import DivergedError
from archivecolor.training.state import floating_tensors

COLLAPSE_STEPS = 300
# The discriminator's loss when it is always right, and when it says one thing whatever it sees.
_PERFECT_DISCRIMINATOR_LOSS, _CONSTANT_DISCRIMINATOR_LOSS = 1e-4, 8.0
_RESUME_HINT = (
    "try a lower --lr, or --precision fp32; with --resume it goes on from the last state, where there is one"
)


@dataclass
class DivergenceWatch:
    """Watches the losses of a training.

    Attributes:
        stuck: steps in a row in which the discriminator has given one answer.
    """

    stuck: int = 0

    def check(self, step: int, losses: Mapping[str, float]) -> None:
        """Raise `DivergedError` where a loss is not finite, or the discriminator learns no more."""
        if not all(map(math.isfinite, losses.values())):
            said = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
            raise DivergedError(f"a loss is not a number at step {step} ({said}); {_RESUME_HINT}")
        judge = losses.get("judge")
        if judge is None:
            return
        learning = _PERFECT_DISCRIMINATOR_LOSS <= judge <= _CONSTANT_DISCRIMINATOR_LOSS
        self.stuck = 0 if learning else self.stuck + 1
        if self.stuck >= COLLAPSE_STEPS:
            raise DivergedError(
                f"the discriminator has given one answer for {COLLAPSE_STEPS} of its steps; the duel is over."
                " Try a lower --lr, a larger weight of the reconstruction, or train the generator alone first"
            )


def check_weights(step: int, networks: Iterable[nn.Module]) -> None:
    """Raise `DivergedError` where weights are no numbers: a step may break them and its loss be none."""
    for network in networks:
        for name, tensor in floating_tensors(network.state_dict()).items():
            if not bool(torch.isfinite(tensor).all()):
                raise DivergedError(f"the weights are no numbers at step {step} ({name}); {_RESUME_HINT}")
