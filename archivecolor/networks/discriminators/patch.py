"""PatchGAN (Isola et al., 2016): a score for every patch of 70 x 70 pixels."""

from __future__ import annotations

from torch import Tensor, nn

from archivecolor.networks.classic.deep_unet import init_normal

WIDTHS = (64, 128, 256, 512)


class PatchGan(nn.Module):
    """4 x 4 convolutions 64-128-256-512-1, three of them stride 2, zero padding; 256 x 256 in, 30 x 30 out.

    Args:
        channels: channels in.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for index, outputs in enumerate(WIDTHS):
            stride = 1 if outputs == WIDTHS[-1] else 2
            layers.append(nn.Conv2d(inputs, outputs, 4, stride, padding=1, bias=False))
            if index:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            inputs = outputs
        self.layers = nn.Sequential(*layers, nn.Conv2d(inputs, 1, 4, padding=1))
        self.apply(init_normal)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, channels, H, W) to scores (N, 1, H / 8 - 2, W / 8 - 2)."""
        scores: Tensor = self.layers(picture)
        return scores
