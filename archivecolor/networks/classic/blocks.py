"""What several of these networks are built of."""

from __future__ import annotations

from torch import Tensor, nn

from archivecolor.networks.base import AbPrediction, Generator, constant_certainty


class ScaledAbGenerator(Generator):
    """A network whose `forward` answers ab / `ab_scale`, and that cannot say how sure it is."""

    ab_scale: float

    def predict_ab(self, lightness: Tensor) -> AbPrediction:
        """See `Generator.predict_ab`."""
        ab = self(lightness) * self.ab_scale
        return AbPrediction(ab, constant_certainty(ab))


def conv_block(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, norm: bool = True, slope: float = 0.2
) -> nn.Sequential:
    """Convolution, batch norm unless told otherwise, leaky ReLU; half the size with stride 2."""
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, kernel, stride, padding=1, bias=False)]
    if norm:
        layers.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*layers, nn.LeakyReLU(slope, inplace=True))


def up_block(inputs: int, outputs: int, *, dropout: bool = False) -> nn.Sequential:
    """Twice the size: 4 x 4 transposed convolution, batch norm, dropout if asked for, ReLU."""
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if dropout:
        layers.append(nn.Dropout(0.5))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def init_normal(layer: nn.Module) -> None:
    """Weights from N(0, 0.02), scales of batch norms from N(1, 0.02), as Isola et al. start."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
