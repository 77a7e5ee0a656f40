"""A deep U-Net from L to ab, trained against a patch discriminator; its encoder may be a pretrained one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archivecolor.errors import CheckpointError, UsageError
from archivecolor.networks.classic.blocks import ScaledAbGenerator, init_normal
from archivecolor.networks.classic.deep_unet import DeepUnet
from archivecolor.networks.classic.resnet import ResNet
from archivecolor.networks.classic.self_attention import SelfAttention
from archivecolor.networks.classic.unet import UpBlock
from archivecolor.networks.options import BaseOptions
from archivecolor.printable import quoted

AB_SCALE = 110.0
ENCODERS = {"plain": 0, "resnet18": 18, "resnet34": 34}


@dataclass(frozen=True)
class UnetGanOptions(BaseOptions):
    """Shape of the U-Net.

    Attributes:
        width: channels after the first halving, of the plain U-Net.
        depth: halvings of the plain U-Net; pictures are seen at multiples of 2 ** depth pixels.
        encoder: "plain", or "resnet18" or "resnet34" for one that takes pretrained weights.
        attention: self-attention on the map at 1/16, or at 1/8 of a ResNet encoder.
    """

    width: int = 64
    depth: int = 8
    encoder: str = "plain"
    attention: bool = False


class ResNetUnet(nn.Module):
    """A U-Net whose way down is a ResNet."""

    def __init__(self, depth: int, *, attention: bool) -> None:
        super().__init__()
        self.encoder = ResNet(depth)
        stem, quarter, eighth, sixteenth, deep = self.encoder.channels
        self.ups = nn.ModuleList(
            (
                UpBlock(deep, sixteenth, 256),
                UpBlock(256, eighth, 128),
                UpBlock(128, quarter, 64),
                UpBlock(64, stem, 64),
            )
        )
        self.attention = SelfAttention(eighth) if attention else nn.Identity()
        self.out = nn.ConvTranspose2d(64, 2, 4, stride=2, padding=1)
        self.ups.apply(init_normal)

    def forward(self, lightness: Tensor) -> Tensor:
        """(N, 1, H, W), H and W multiples of 32, to (N, 2, H, W), -1..1."""
        stem, quarter, eighth, sixteenth, x = self.encoder(lightness)
        skips = (sixteenth, self.attention(eighth), quarter, stem)
        for up, skip in zip(self.ups, skips, strict=True):
            x = up(x, skip)
        return torch.tanh(self.out(x))


class UnetGan(ScaledAbGenerator):
    """See the module's text. `forward` returns ab / 110, (N, 2, H, W), -1..1."""

    Options = UnetGanOptions
    ab_scale = AB_SCALE

    def __init__(self, options: UnetGanOptions) -> None:
        super().__init__(options)
        if options.encoder not in ENCODERS:
            raise UsageError(f"encoder is {quoted(options.encoder)}; choose one of {', '.join(ENCODERS)}")
        self.unet: nn.Module
        if options.encoder == "plain":
            self.multiple = 2**options.depth
            self.unet = DeepUnet(1, 2, options.width, options.depth, attention=options.attention)
        else:
            self.unet = ResNetUnet(ENCODERS[options.encoder], attention=options.attention)

    def load_encoder(self, tensors: dict[str, Tensor]) -> None:
        """See `Generator.load_encoder`; takes torchvision's ResNet weights."""
        if not isinstance(self.unet, ResNetUnet):
            raise CheckpointError(
                "the plain encoder takes no pretrained weights; choose the option encoder=resnet18"
            )
        self.unet.encoder.load(tensors)

    def forward(self, lightness: Tensor) -> Tensor:
        """(N, 1, H, W), -1..1, to ab / 110 (N, 2, H, W)."""
        ab: Tensor = self.unet(lightness)
        return ab
