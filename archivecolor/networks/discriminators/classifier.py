"""A convolutional classifier with dropout: one score for the whole picture."""

from __future__ import annotations

from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512)
DROPOUT = 0.25


class ConvolutionalClassifier(nn.Module):
    """Four stride-2 convolutions, batch norm but in the first, leaky ReLU, dropout; then flat to one score.

    Args:
        size: side of the pictures in pixels, a multiple of 16.
        channels: channels in.
    """

    def __init__(self, size: int, channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for index, outputs in enumerate(WIDTHS):
            layers.append(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1))
            if index:
                layers.append(nn.BatchNorm2d(outputs))
            layers += [nn.LeakyReLU(0.2, inplace=True), nn.Dropout2d(DROPOUT)]
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.score = nn.Linear(WIDTHS[-1] * (size // 2 ** len(WIDTHS)) ** 2, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, channels, size, size) to scores (N, 1); their sigmoid is the probability of being true."""
        score: Tensor = self.score(self.features(picture).flatten(1))
        return score
