"""A patch discriminator with spectral normalisation (Miyato et al., 2018), for the hinge loss."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

WIDTHS = (64, 128, 256)


class SpectralPatch(nn.Module):
    """4 x 4 convolutions without batch norm: the spectral norm alone keeps the scores tame.

    Args:
        channels: channels in.
    """

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for index, outputs in enumerate(WIDTHS):
            stride = 1 if index == len(WIDTHS) - 1 else 2
            layers += [
                spectral_norm(nn.Conv2d(inputs, outputs, 4, stride, padding=1)),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            inputs = outputs
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(inputs, 1, 4, padding=1)))

    def forward(self, picture: Tensor) -> Tensor:
        """(N, channels, H, W) to scores (N, 1, H / 4 - 2, W / 4 - 2)."""
        scores: Tensor = self.layers(picture)
        return scores
