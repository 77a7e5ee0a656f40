"""A ResNet whose levels' scores are added (Long et al., "Fully Convolutional Networks", 2015)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.networks.classic.blocks import ScaledAbGenerator
from archivecolor.networks.classic.resnet import ResNet
from archivecolor.networks.options import BaseOptions

AB_SCALE = 110.0


@dataclass(frozen=True)
class ResNetFcnOptions(BaseOptions):
    """Shape of the fully convolutional network.

    Attributes:
        depth: of the ResNet: 18, 34, 50 or 101.
        width: channels in which the levels are added.
    """

    depth: int = 101
    width: int = 64


class ResNetFcn(ScaledAbGenerator):
    """See the module's text. `forward` returns ab / 110 at the input's size."""

    Options = ResNetFcnOptions
    ab_scale = AB_SCALE

    def __init__(self, options: ResNetFcnOptions) -> None:
        super().__init__(options)
        self.encoder = ResNet(options.depth)
        self.scores = nn.ModuleList(
            nn.Conv2d(channels, options.width, 1) for channels in self.encoder.channels
        )
        self.norm = nn.BatchNorm2d(options.width)
        self.to_ab = nn.Conv2d(options.width, 2, 3, padding=1)

    def load_encoder(self, tensors: dict[str, Tensor]) -> None:
        """See `Generator.load_encoder`; takes torchvision's ResNet weights."""
        self.encoder.load(tensors)

    def forward(self, lightness: Tensor) -> Tensor:
        """(N, 1, H, W), -1..1, to ab / 110 (N, 2, H, W)."""
        *finer, coarsest = [
            score(level) for score, level in zip(self.scores, self.encoder(lightness), strict=True)
        ]
        total: Tensor = coarsest
        for level in reversed(finer):
            total = level + _upsampled_like(total, level)
        ab: Tensor = self.to_ab(_upsampled_like(torch.relu(self.norm(total)), lightness))
        return ab


def _upsampled_like(x: Tensor, like: Tensor) -> Tensor:
    """`x` at the size of `like`, bilinearly."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
