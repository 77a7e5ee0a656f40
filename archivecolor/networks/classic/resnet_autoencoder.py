"""The first stage of a ResNet, brought back to the picture's size."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from archivecolor.networks.base import AbPrediction, Generator, constant_certainty
from archivecolor.networks.classic.resnet import ResNet

AB_SCALE = 110.0


@dataclass(frozen=True)
class ResNetAutoencoderOptions:
    """Shape of the autoencoder.

    Attributes:
        depth: of the ResNet whose first stage is used: 18, 34, 50 or 101.
    """

    depth: int = 50


def conv_block(inputs: int, outputs: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class ResNetAutoencoder(Generator):
    """Features of 256 channels at a quarter of the size, and two up-samplings. `forward` returns ab / 110."""

    Options = ResNetAutoencoderOptions

    def __init__(self, options: ResNetAutoencoderOptions) -> None:
        super().__init__(options)
        self.encoder = ResNet(options.depth, stages=1)
        self.decoder = nn.Sequential(
            conv_block(self.encoder.channels[-1], 128),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            conv_block(128, 64),
            conv_block(64, 64),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            conv_block(64, 32),
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

    def predict_ab(self, lightness: Tensor) -> AbPrediction:
        """See `Generator.predict_ab`."""
        ab = self(lightness) * AB_SCALE
        return AbPrediction(ab, constant_certainty(ab))
