"""The networks that tell true colour from made colour here. All give scores before any sigmoid."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archivecolor.networks.classic.blocks import conv_block, init_normal

WIDTHS = (64, 128, 256, 512)
_DROPOUT = 0.25


class PatchGan(nn.Module):
    """PatchGAN (Isola et al., 2016): a score for every patch of 70 x 70 pixels.

    4 x 4 convolutions 64-128-256-512-1, three of them stride 2, zero padding; 256 x 256 in, 30 x 30 out.

    Args:
        channels: channels in.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((channels, *WIDTHS), WIDTHS, strict=False):
            stride = 1 if outputs == WIDTHS[-1] else 2
            layers += conv_block(inputs, outputs, 4, stride, norm=outputs != WIDTHS[0])
        self.layers = nn.Sequential(*layers, nn.Conv2d(WIDTHS[-1], 1, 4, padding=1))
        self.apply(init_normal)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, channels, H, W) to scores (N, 1, H / 8 - 2, W / 8 - 2)."""
        scores: Tensor = self.layers(picture)
        return scores


class ConditionalPatchGan(nn.Module):
    """A PatchGAN that sees the grey beside the colour: does this colour go with that grey?

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


class ConvolutionalClassifier(nn.Module):
    """One score for the whole picture.

    Four stride-2 convolutions, batch norm but in the first, leaky ReLU, dropout; then flat to one score.

    Args:
        size: side of the pictures in pixels, a multiple of 16.
        channels: channels in.
    """

    def __init__(self, size: int, channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((channels, *WIDTHS), WIDTHS, strict=False):
            layers.append(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1))
            if outputs != WIDTHS[0]:
                layers.append(nn.BatchNorm2d(outputs))
            layers += [nn.LeakyReLU(0.2, inplace=True), nn.Dropout2d(_DROPOUT)]
        self.features = nn.Sequential(*layers)
        self.score = nn.Linear(WIDTHS[-1] * (size // 2 ** len(WIDTHS)) ** 2, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, channels, size, size) to scores (N, 1); their sigmoid is the probability of being true."""
        score: Tensor = self.score(self.features(picture).flatten(1))
        return score
