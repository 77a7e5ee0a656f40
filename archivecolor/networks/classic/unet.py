"""A U-Net (Ronneberger et al., 2015) that answers with ab alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archivecolor.errors import CheckpointError, UsageError
from archivecolor.networks.classic.blocks import ScaledAbGenerator, conv_block
from archivecolor.networks.classic.vgg import Vgg16
from archivecolor.networks.options import BaseOptions
from archivecolor.printable import quoted

AB_SCALE = 110.0
ENCODERS = ("plain", "vgg16")


@dataclass(frozen=True)
class UnetOptions(BaseOptions):
    """Shape of the U-Net.

    Attributes:
        widths: channels on the way down, of the plain encoder.
        encoder: "plain", or "vgg16" for one that takes pretrained weights.
        he_normal: start from He's normal weights instead of torch's own.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    encoder: str = "plain"
    he_normal: bool = False


class UpBlock(nn.Module):
    """Twice the size by a transposed convolution, beside the skip, and two convolutions."""

    def __init__(self, coarse: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(coarse, outputs, 2, stride=2)
        self.filter = nn.Sequential(conv_block(outputs + skip, outputs), conv_block(outputs, outputs))

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """(N, coarse, h, w) and (N, skip, 2h, 2w) to (N, outputs, 2h, 2w)."""
        fine: Tensor = self.filter(torch.cat((self.enlarge(coarse), skip), dim=1))
        return fine


class PlainEncoder(nn.Module):
    """The picture itself, and a map after every halving."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.channels = (1, *widths)
        self.steps = nn.ModuleList(
            conv_block(*pair, stride=2) for pair in zip(self.channels, widths, strict=False)
        )

    def forward(self, lightness: Tensor) -> list[Tensor]:
        """(N, 1, H, W) to maps from fine to coarse, the first of them the input."""
        maps = [lightness]
        for step in self.steps:
            maps.append(step(maps[-1]))
        return maps


class Unet(ScaledAbGenerator):
    """See the module's text. `forward` returns ab / 110, (N, 2, H, W), -1..1."""

    Options = UnetOptions
    ab_scale = AB_SCALE

    def __init__(self, options: UnetOptions) -> None:
        super().__init__(options)
        if options.encoder not in ENCODERS:
            raise UsageError(f"encoder is {quoted(options.encoder)}; choose one of {', '.join(ENCODERS)}")
        self.encoder = Vgg16() if options.encoder == "vgg16" else PlainEncoder(options.widths)
        channels = self.encoder.channels
        self.multiple = 2 ** (len(channels) - 1)
        self.ups = nn.ModuleList()
        coarse = channels[-1]
        for skip in channels[-2::-1]:
            outputs = max(skip, options.widths[0] // 2)
            self.ups.append(UpBlock(coarse, skip, outputs))
            coarse = outputs
        self.to_ab = nn.Conv2d(coarse, 2, 1)
        if options.he_normal:
            self.apply(_init_he_normal)

    def load_encoder(self, tensors: dict[str, Tensor]) -> None:
        """See `Generator.load_encoder`; takes torchvision's `vgg16` weights."""
        if not isinstance(self.encoder, Vgg16):
            raise CheckpointError(
                "the plain encoder takes no pretrained weights; choose the option encoder=vgg16"
            )
        self.encoder.load(tensors)

    def forward(self, lightness: Tensor) -> Tensor:
        """(N, 1, H, W), -1..1, to ab / 110 (N, 2, H, W)."""
        *skips, x = self.encoder(lightness)
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            x = up(x, skip)
        return torch.tanh(self.to_ab(x))


def _init_he_normal(layer: nn.Module) -> None:
    """Give a convolution weights that keep the signal's strength through a leaky ReLU (He et al., 2015)."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(layer.weight, a=0.2, nonlinearity="leaky_relu")
