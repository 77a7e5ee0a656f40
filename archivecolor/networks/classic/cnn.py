"""Eight convolutions down, three up-samplings, no skips: the plain convolutional network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archivecolor.networks.classic.blocks import ScaledAbGenerator
from archivecolor.networks.options import BaseOptions

AB_SCALE = 128.0
# Channels and stride, as shares of the widest.
_DOWN = ((8, 2), (4, 1), (4, 2), (2, 1), (2, 2), (1, 1), (1, 1), (1, 1))
UP = (2, 4, 8)


@dataclass(frozen=True)
class CnnOptions(BaseOptions):
    """Shape of the plain network.

    Attributes:
        width: channels of the widest layers; the first has an eighth of it.
        dropout: share of values dropped on the way up.
    """

    width: int = 512
    dropout: float = 0.2


class Cnn(ScaledAbGenerator):
    """See the module's text. Takes L / 100; `forward` returns ab / 128, (N, 2, H, W), -1..1."""

    Options = CnnOptions
    ab_scale = AB_SCALE
    multiple = 8

    def __init__(self, options: CnnOptions) -> None:
        super().__init__(options)
        self.down = nn.Sequential(*_down_layers(options.width))
        self.up = nn.Sequential(*_up_layers(options))
        self.to_ab = nn.Conv2d(options.width // UP[-1], 2, 3, padding=1)
        # The first answers are near grey: a tanh that is driven to its ends never comes back.
        nn.init.uniform_(self.to_ab.weight, -0.01, 0.01)

    def forward(self, lightness: Tensor) -> Tensor:
        """(N, 1, H, W), -1..1, to ab / 128 (N, 2, H, W)."""
        return torch.tanh(self.to_ab(self.up(self.down((lightness + 1.0) / 2.0))))


def _down_layers(width: int) -> Iterator[nn.Module]:
    """The eight convolutions, each with a ReLU."""
    inputs = 1
    for share, stride in _DOWN:
        yield _init_he_normal(nn.Conv2d(inputs, width // share, 3, stride, padding=1))
        yield nn.ReLU(inplace=True)
        inputs = width // share


def _up_layers(options: CnnOptions) -> Iterator[nn.Module]:
    """Three times: convolution, ReLU, dropout, twice the size."""
    inputs = options.width
    for share in UP:
        yield _init_he_normal(nn.Conv2d(inputs, options.width // share, 3, padding=1))
        yield nn.ReLU(inplace=True)
        yield nn.Dropout2d(options.dropout)
        yield nn.Upsample(scale_factor=2, mode="nearest")
        inputs = options.width // share


def _init_he_normal(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with weights that keep the signal's strength through a ReLU (He et al., 2015)."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
