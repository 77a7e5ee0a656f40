"""Self-attention for convolutional networks (Zhang et al., "Self-Attention GANs", 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_NARROWING = 8  # queries and keys have this many times fewer channels than the map


class SelfAttention(nn.Module):
    """Each cell of a map takes up what the cells like it have; begins as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(1, channels // _NARROWING)
        self.query = nn.Conv2d(channels, narrow, 1)
        self.key = nn.Conv2d(channels, narrow, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.share = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to the same."""
        query, key, value = (
            part(x).flatten(2).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        return x + self.share * mixed.transpose(1, 2).reshape(x.shape)
