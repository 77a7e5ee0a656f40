"""VGG-16 features from one grey channel (Simonyan and Zisserman, 2014); key names as torchvision's."""

from __future__ import annotations

from torch import Tensor, nn

from archivecolor.networks.base import load_encoder_strictly

# Channels of the convolutions between two poolings.
BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# ImageNet's mean and standard deviation over the three channels, of codes 0..1.
_GREY_MEAN, _GREY_DEVIATION = 0.449, 0.226


def normalise_grey(lightness: Tensor) -> Tensor:
    """L* scaled to -1..1 as encoders pretrained on ImageNet expect a grey channel."""
    return ((lightness + 1.0) / 2.0 - _GREY_MEAN) / _GREY_DEVIATION


def sum_input_channels(weight: Tensor) -> Tensor:
    """Filters (n, 3, k, k) as filters (n, 1, k, k) that answer as those do to three equal channels."""
    return weight.float().sum(dim=1, keepdim=True)


class Vgg16(nn.Module):
    """Features of a grey picture at 1/1, 1/2, 1/4, 1/8 and 1/16 with `channels` channels."""

    channels = tuple(block[-1] for block in BLOCKS)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self._taps: list[int] = []
        inputs = 1
        for block in BLOCKS:
            for outputs in block:
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=False)]
                inputs = outputs
            self._taps.append(len(layers) - 1)
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[:-1])

    def forward(self, lightness: Tensor) -> list[Tensor]:
        """(N, 1, H, W), -1..1, to maps from fine to coarse."""
        x = normalise_grey(lightness)
        maps = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self._taps:
                maps.append(x)
        return maps

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take up torchvision's `vgg16` weights. Raises `CheckpointError`."""
        kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("classifier.")}
        if "features.0.weight" in kept:
            kept["features.0.weight"] = sum_input_channels(kept["features.0.weight"])
        load_encoder_strictly(self, kept)
