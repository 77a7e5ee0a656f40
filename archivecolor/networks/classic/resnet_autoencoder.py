"""The first stage of a ResNet, brought back to the picture's size."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from archivecolor.networks.classic.blocks import ScaledAbGenerator, conv_block
from archivecolor.networks.classic.resnet import ResNet
from archivecolor.networks.options import BaseOptions

AB_SCALE = 110.0


@dataclass(frozen=True)
class ResNetAutoencoderOptions(BaseOptions):
    """Shape of the autoencoder.

    Attributes:
        depth: of the ResNet whose first stage is used: 18, 34, 50 or 101.
    """

    depth: int = 50


class ResNetAutoencoder(ScaledAbGenerator):
    """Features of 256 channels at a quarter of the size, and two up-samplings. `forward` returns ab / 110."""

    Options = ResNetAutoencoderOptions
    ab_scale = AB_SCALE

    def __init__(self, options: ResNetAutoencoderOptions) -> None:
        super().__init__(options)
        self.encoder = ResNet(options.depth, stages=1)
        self.decoder = nn.Sequential(
            conv_block(self.encoder.channels[-1], 128, slope=0.0),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            conv_block(128, 64, slope=0.0),
            conv_block(64, 64, slope=0.0),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            conv_block(64, 32, slope=0.0),
            nn.Conv2d(32, 2, 3, padding=1),
        )

    def load_encoder(self, tensors: dict[str, Tensor]) -> None:
        """See `Generator.load_encoder`; takes torchvision's ResNet weights, whole or the first stage."""
        self.encoder.load(tensors)

    def features(self, lightness: Tensor) -> Tensor:
        """(N, 1, H, W), -1..1, to the encoder's map (N, 256, H / 4, W / 4)."""
        maps: list[Tensor] = self.encoder(lightness)
        return maps[-1]

    def forward(self, lightness: Tensor) -> Tensor:
        """(N, 1, H, W), -1..1, to ab / 110 (N, 2, H, W)."""
        ab: Tensor = self.decoder(self.features(lightness))
        return ab
