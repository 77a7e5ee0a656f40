"""Four steps down to a narrow middle, four steps up: all colour comes from the latent map."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archivecolor.networks.classic.blocks import ScaledAbGenerator, conv_block, up_block
from archivecolor.networks.classic.self_attention import SelfAttention
from archivecolor.networks.options import BaseOptions

AB_SCALE = 128.0


@dataclass(frozen=True)
class EncoderDecoderOptions(BaseOptions):
    """Shape of the encoder-decoder.

    Attributes:
        widths: channels after each convolution on the way down.
        attention: self-attention on the latent map.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    attention: bool = False


class EncoderDecoder(ScaledAbGenerator):
    """See the module's text. `forward` returns ab / 128, (N, 2, H, W), -1..1."""

    Options = EncoderDecoderOptions
    ab_scale = AB_SCALE

    def __init__(self, options: EncoderDecoderOptions) -> None:
        super().__init__(options)
        self.multiple = 2 ** len(options.widths)
        widths = options.widths
        self.encoder = nn.Sequential(
            *(conv_block(*pair, 4, 2) for pair in zip((1, *widths), widths, strict=False))
        )
        self.attention = SelfAttention(widths[-1]) if options.attention else nn.Identity()
        upward = (*widths[::-1], widths[0])
        self.decoder = nn.Sequential(*(up_block(*pair) for pair in itertools.pairwise(upward)))
        self.to_ab = nn.Conv2d(widths[0], 2, 3, padding=1)

    def latent(self, lightness: Tensor) -> Tensor:
        """(N, 1, H, W), -1..1, to the middle's map (N, 512, H / 16, W / 16)."""
        middle: Tensor = self.attention(self.encoder(lightness))
        return middle

    def forward(self, lightness: Tensor) -> Tensor:
        """(N, 1, H, W), -1..1, to ab / 128 (N, 2, H, W)."""
        return torch.tanh(self.to_ab(self.decoder(self.latent(lightness))))
