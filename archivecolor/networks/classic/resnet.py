"""ResNet features from one grey channel (He et al., 2015); key names and strides as torchvision's."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.errors import UsageError
from archivecolor.networks.base import load_encoder_strictly
from archivecolor.networks.classic.vgg import normalise_grey, sum_input_channels

WIDTHS = (64, 128, 256, 512)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, width, H / stride, W / stride)."""
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions around a shortcut."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, 4 * width, H / stride, W / stride)."""
        y = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """What brings the shortcut to the block's shape, where it differs."""
    if inputs == outputs and stride == 1:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


DEPTHS: dict[int, tuple[type[BasicBlock | Bottleneck], tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
}


class ResNet(nn.Module):
    """Features of a grey picture at 1/4, 1/8, 1/16 and 1/32, and the stem's at 1/2 before them.

    Args:
        depth: 18, 34, 50 or 101.
        stages: how many of the four stages are built.

    Attributes:
        channels: of the stem and of each stage.

    Raises:
        UsageError: another depth.
    """

    def __init__(self, depth: int, stages: int = 4) -> None:
        super().__init__()
        if depth not in DEPTHS:
            raise UsageError(
                f"a ResNet of depth {depth} is not known; choose one of {', '.join(map(str, DEPTHS))}"
            )
        block, counts = DEPTHS[depth]
        self.conv1 = nn.Conv2d(1, WIDTHS[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.channels = [WIDTHS[0]]
        for index in range(stages):
            inputs, width = self.channels[-1], WIDTHS[index]
            outputs = width * block.expansion
            first = block(inputs, width, 1 if index == 0 else 2)
            others = [block(outputs, width, 1) for _ in range(counts[index] - 1)]
            self.add_module(f"layer{index + 1}", nn.Sequential(first, *others))
            self.channels.append(outputs)

    def forward(self, lightness: Tensor) -> list[Tensor]:
        """(N, 1, H, W), -1..1, to the stem's map and one per stage."""
        maps = [F.relu(self.bn1(self.conv1(normalise_grey(lightness))))]
        x = F.max_pool2d(maps[0], 3, stride=2, padding=1)
        for index in range(1, len(self.channels)):
            x = self.get_submodule(f"layer{index}")(x)
            maps.append(x)
        return maps

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take up torchvision's weights of this depth, but for stages not built. Raises `CheckpointError`."""
        unbuilt = tuple(f"layer{index}." for index in range(len(self.channels), len(WIDTHS) + 1))
        kept = {
            name: tensor
            for name, tensor in tensors.items()
            if not name.startswith(("fc.", *unbuilt)) and not name.endswith("num_batches_tracked")
        }
        if "conv1.weight" in kept:
            kept["conv1.weight"] = sum_input_channels(kept["conv1.weight"])
        load_encoder_strictly(self, kept)
