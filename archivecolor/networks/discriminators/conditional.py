"""The conditional PatchGAN: does this colour go with that grey?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archivecolor.networks.discriminators.patch import PatchGan


class ConditionalPatchGan(nn.Module):
    """A PatchGAN that sees the grey beside the colour.

    Args:
        condition: channels of the grey.
        channels: channels of the colour.
    """

    def __init__(self, condition: int, channels: int) -> None:
        super().__init__()
        self.patch = PatchGan(condition + channels)

    def forward(self, grey: Tensor, colour: Tensor) -> Tensor:
        """(N, condition, H, W) and (N, channels, H, W) to scores (N, 1, H / 8 - 2, W / 8 - 2)."""
        scores: Tensor = self.patch(torch.cat((grey, colour), dim=1))
        return scores
