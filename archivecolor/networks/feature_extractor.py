"""Picture features for a Frechet distance: SqueezeNet 1.1 (Iandola et al. 2016) from a plain tensor file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.errors import CheckpointError
from archivecolor.networks.checkpoint import load_foreign_tensors

_INPUT_SIDE = 224
# ImageNet's, with which the published weights were trained.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


class Fire(nn.Module):
    """Narrow, then widen with 1 x 1 and 3 x 3 filters side by side; key names as torchvision's."""

    def __init__(self, inputs: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, narrow, 1)
        self.expand1x1 = nn.Conv2d(narrow, wide, 1)
        self.expand3x3 = nn.Conv2d(narrow, wide, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, h, w) to (N, 2 * wide, h, w)."""
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], dim=1)


class SqueezeNetFeatures(nn.Module):
    """SqueezeNet 1.1 without its classifier; key names as torchvision's."""

    name = "squeezenet1_1"
    length = 512

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, stride=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(64, 16, 64),
            Fire(128, 16, 64),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(128, 32, 128),
            Fire(256, 32, 128),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(256, 48, 192),
            Fire(384, 48, 192),
            Fire(384, 64, 256),
            Fire(512, 64, 256),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Normalised RGB (N, 3, H, W) to features (N, 512): the mean over the last map."""
        maps: Tensor = self.features(x)
        return maps.mean(dim=(2, 3))


class FeatureExtractor:
    """Gives the features of pictures.

    Args:
        network: in evaluation mode.
        device: where it runs.
    """

    def __init__(self, network: SqueezeNetFeatures, device: torch.device) -> None:
        self._network = network.to(device).eval()
        self._device = device
        self.name = network.name

    @torch.inference_mode()
    def extract(self, rgb: UInt8) -> Float32:
        """The features (512,) of one uint8 picture (h, w, 3), shrunk to 224 pixels on its short side."""
        picture = torch.from_numpy(np.array(rgb)).to(self._device).permute(2, 0, 1)[None].float()
        factor = _INPUT_SIDE / min(rgb.shape[:2])
        size = [max(_INPUT_SIDE, round(side * factor)) for side in rgb.shape[:2]]
        small = F.interpolate(picture, size=size, mode="bilinear", antialias=True) / 255
        mean = small.new_tensor(_MEAN)[:, None, None]
        deviation = small.new_tensor(_DEVIATION)[:, None, None]
        features: Tensor = self._network((small - mean) / deviation)
        return features[0].cpu().numpy()


def load_feature_extractor(path: Path, device: torch.device) -> FeatureExtractor:
    """Read SqueezeNet 1.1 weights with torchvision's key names, from `.safetensors` or plain `.pth`.

    Raises:
        CheckpointError: the file cannot be read, or is of another network.
    """
    network = SqueezeNetFeatures()
    tensors = {
        name: tensor for name, tensor in load_foreign_tensors(path).items() if name.startswith("features.")
    }
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} is not SqueezeNet 1.1 with torchvision's key names, the one feature network known here"
        ) from error
    return FeatureExtractor(network, device)
