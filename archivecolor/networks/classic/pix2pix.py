"""pix2pix (Isola et al., 2016): grey in three channels to RGB. Its chroma is what we keep."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from archivecolor.networks.base import AbPrediction, Generator, constant_certainty
from archivecolor.networks.classic.deep_unet import DeepUnet
from archivecolor.networks.lab_tensors import grey_code_from_lightness, lab_from_linear, linear_from_rgb
from archivecolor.networks.options import BaseOptions


@dataclass(frozen=True)
class Pix2PixOptions(BaseOptions):
    """Shape of pix2pix.

    Attributes:
        width: channels after the first halving.
        depth: halvings; pictures are seen at multiples of 2 ** depth pixels.
    """

    width: int = 64
    depth: int = 8


class Pix2Pix(Generator):
    """See the module's text. `forward` returns RGB codes scaled to -1..1, (N, 3, H, W)."""

    Options = Pix2PixOptions

    def __init__(self, options: Pix2PixOptions) -> None:
        super().__init__(options)
        self.multiple = 2**options.depth
        self.unet = DeepUnet(3, 3, options.width, options.depth)

    def forward(self, lightness: Tensor) -> Tensor:
        """(N, 1, H, W), -1..1, to RGB (N, 3, H, W), -1..1."""
        rgb: Tensor = self.unet(grey_channels(lightness))
        return rgb

    def predict_ab(self, lightness: Tensor) -> AbPrediction:
        """See `Generator.predict_ab`: a* and b* of the RGB answer, its own lightness dropped."""
        ab = lab_from_linear(linear_from_rgb((self(lightness).float() + 1.0) / 2.0))[:, 1:]
        return AbPrediction(ab, constant_certainty(ab))


def grey_channels(lightness: Tensor) -> Tensor:
    """L* scaled to -1..1 (N, 1, H, W) as grey RGB codes scaled to -1..1 (N, 3, H, W)."""
    return (grey_code_from_lightness(lightness) * 2.0 - 1.0).expand(-1, 3, -1, -1)
