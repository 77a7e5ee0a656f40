"""EfficientNet-Lite features from one grey channel.

Inverted residuals without squeeze-and-excitation and with ReLU6 (Tan and Le, "EfficientNet", 2019, in the
Lite variant for devices without fast sigmoids). Parameter names are those of the common PyTorch ports, so
that pretrained files load strictly. Stride-2 convolutions pad as TensorFlow's "SAME" does: symmetric padding
would shift every feature map against what the weights were trained on.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.errors import UsageError
from archivecolor.printable import quoted

# kernel, stride, expansion, channels, repeats of Lite0
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_FACTORS = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}  # width, depth
EPSILON = 1e-3
_STEM_CHANNELS = 32
_FEATURE_STAGES = (1, 2, 4, 6)  # their outputs lie at 1/4, 1/8, 1/16 and 1/32


class SameConv2d(nn.Conv2d):
    """Convolution without bias that pads at the end first, as TensorFlow does.

    Strides are 1 or 2, sides even where it is 2: the pads are then the same for all sizes, and a graph that
    is traced at one size holds for every other.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            inputs,
            outputs,
            kernel,
            stride,
            padding=kernel // 2 if stride == 1 else 0,
            groups=groups,
            bias=False,
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        if self.stride[0] > 1:
            total = self.kernel_size[0] - self.stride[0]
            x = F.pad(x, (total // 2, total - total // 2) * 2)
        if (
            self.groups > 1
            and x.device.type == "cpu"
            and self.weight.requires_grad
            and torch.is_grad_enabled()
        ):
            # Measured: the gradient of a depthwise convolution takes two to four times as long in bfloat16.
            with torch.autocast("cpu", enabled=False):
                return super().forward(x.float()).to(x.dtype)
        return super().forward(x)


class SeparableBlock(nn.Module):
    """The first block: depthwise, then pointwise."""

    folds = (("conv_dw", "bn1"), ("conv_pw", "bn2"))

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv_dw = SameConv2d(inputs, inputs, kernel, groups=inputs)
        self.bn1 = nn.BatchNorm2d(inputs, eps=EPSILON)
        self.conv_pw = SameConv2d(inputs, outputs, 1)
        self.bn2 = nn.BatchNorm2d(outputs, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        narrow: Tensor = self.bn2(self.conv_pw(F.relu6(self.bn1(self.conv_dw(x)), inplace=True)))
        return narrow


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow; with a shortcut where the shape stays."""

    folds = (("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3"))

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.conv_pw = SameConv2d(inputs, middle, 1)
        self.bn1 = nn.BatchNorm2d(middle, eps=EPSILON)
        self.conv_dw = SameConv2d(middle, middle, kernel, stride, groups=middle)
        self.bn2 = nn.BatchNorm2d(middle, eps=EPSILON)
        self.conv_pwl = SameConv2d(middle, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs, eps=EPSILON)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y: Tensor = F.relu6(self.bn1(self.conv_pw(x)), inplace=True)
        y = F.relu6(self.bn2(self.conv_dw(y)), inplace=True)
        y = self.bn3(self.conv_pwl(y))
        return x + y if self.shortcut else y


def _scaled_channels(channels: int, factor: float) -> int:
    """Channels after widening, a multiple of 8 and never less than nine tenths of the exact product."""
    exact = channels * factor
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * exact else rounded


class EfficientNetLite(nn.Module):
    """Features of a grey picture at four scales.

    Args:
        variant: "lite0", "lite1" or "lite2".
    """

    folds = (("conv_stem", "bn1"),)

    def __init__(self, variant: str) -> None:
        super().__init__()
        if variant not in _FACTORS:
            raise UsageError(f"encoder is {quoted(variant)}; choose one of {', '.join(_FACTORS)}")
        width, depth = _FACTORS[variant]
        self.conv_stem = SameConv2d(1, _STEM_CHANNELS, 3, 2)
        self.bn1 = nn.BatchNorm2d(_STEM_CHANNELS, eps=EPSILON)
        self.blocks = nn.ModuleList()
        inputs = _STEM_CHANNELS
        self.channels: list[int] = []
        for index, (kernel, stride, expansion, base, repeats) in enumerate(_STAGES):
            outputs = _scaled_channels(base, width)
            edge = index in (0, len(_STAGES) - 1)
            count = repeats if edge else math.ceil(repeats * depth)
            blocks = []
            for position in range(count):
                step = stride if position == 0 else 1
                blocks.append(
                    InvertedResidual(inputs, outputs, kernel, step, expansion)
                    if index
                    else SeparableBlock(inputs, outputs, kernel)
                )
                inputs = outputs
            self.blocks.append(nn.Sequential(*blocks))
            if index in _FEATURE_STAGES:
                self.channels.append(outputs)

    def forward(self, lightness: Tensor) -> list[Tensor]:
        """(N, 1, H, W), -1..1, to maps at 1/4, 1/8, 1/16 and 1/32 with `channels` channels."""
        x = F.relu6(self.bn1(self.conv_stem(lightness)), inplace=True)
        features = []
        for index, stage in enumerate(self.blocks):
            x = stage(x)
            if index in _FEATURE_STAGES:
                features.append(x)
        return features


def grey_stem_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Pretrained weights for colour input turned into weights for one grey channel.

    Three equal channels through a filter are one channel through the sum over its input channels, so nothing
    is lost. Classifier layers and counters are left out.
    """
    kept = {
        name: tensor.float()
        for name, tensor in weights.items()
        if not name.startswith(("conv_head", "bn2.", "classifier"))
        and not name.endswith("num_batches_tracked")
    }
    kept["conv_stem.weight"] = torch.sum(kept["conv_stem.weight"], dim=1, keepdim=True)
    return kept
