"""Four steps down to a narrow middle, four steps up: all colour comes from the latent map."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archivecolor.networks.base import AbPrediction, Generator, constant_certainty
from archivecolor.networks.classic.self_attention import SelfAttention

AB_SCALE = 128.0


@dataclass(frozen=True)
class EncoderDecoderOptions:
    """Shape of the encoder-decoder.

    Attributes:
        widths: channels after each convolution on the way down.
        attention: self-attention on the latent map.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    attention: bool = False


def down_block(inputs: int, outputs: int) -> nn.Sequential:
    """Half the size: convolution, batch norm, leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2, inplace=True),
    )


def up_block(inputs: int, outputs: int) -> nn.Sequential:
    """Twice the size: transposed convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class EncoderDecoder(Generator):
    """See the module's text. `forward` returns ab / 128, (N, 2, H, W), -1..1."""

    Options = EncoderDecoderOptions

    def __init__(self, options: EncoderDecoderOptions) -> None:
        super().__init__(options)
        self.multiple = 2 ** len(options.widths)
        widths = options.widths
        self.encoder = nn.Sequential(*(down_block(*pair) for pair in zip((1, *widths), widths, strict=False)))
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

    def predict_ab(self, lightness: Tensor) -> AbPrediction:
        """See `Generator.predict_ab`."""
        ab = self(lightness) * AB_SCALE
        return AbPrediction(ab, constant_certainty(ab))
