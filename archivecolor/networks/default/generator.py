"""The default generator: a pretrained encoder, a small attention over the whole picture, a U-shaped decoder.

It answers at a quarter of the input's resolution: with a distribution over colour bins, with one colour by
regression, and with how far it expects that colour to be from the truth. The regression is the better guess;
the bins make it learn which colours are possible; the expected distance is its confidence.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.errors import UsageError
from archivecolor.networks.base import AbPrediction, Generator, load_encoder_strictly
from archivecolor.networks.default.efficientnet_lite import EfficientNetLite, grey_stem_weights
from archivecolor.networks.options import BaseOptions

AB_SCALE = 110.0
_DISTANCE_SCALE = 12.0  # CIEDE2000 expected where certainty is 1/e
_UNCERTAINTY_WIDTH = 48
_LEAST_CAUTION = 1e-6  # as good as none
_HEADS = 8  # of attention
_FEWEST_BINS = 4  # over which a colour is spread


@dataclass(frozen=True)
class DefaultOptions(BaseOptions):
    """Shape and manner of the default generator.

    Attributes:
        encoder: "lite0", "lite1" or "lite2".
        widths: decoder channels at 1/32, 1/16, 1/8 and 1/4.
        attention: attention blocks at 1/32.
        bins: colour bins.
        temperature: softmax temperature of the bins' answer; lower is more vivid.
        regression: share of the regression in the answer, 0..1.
        gain: factor on the answer's chroma, so that it is as colourful as photographs are.
        caution: certainty below which chroma fades, with its square: what is left of blots on smooth or hard
            parts that the network knows little about. 0 for none.
    """

    encoder: str = "lite2"
    widths: tuple[int, ...] = (288, 208, 144, 112)
    attention: int = 2
    bins: int = 96
    temperature: float = 0.5
    regression: float = 1.0
    gain: float = 1.0
    caution: float = 0.3


class Outputs(NamedTuple):
    """What the losses see, float32.

    Attributes:
        logits: (N, bins, h, w), of the bins.
        ab: (N, 2, h, w), regressed a*, b* by 110.
        distance: (N, 1, h, w), expected of `ab` from the truth, in CIEDE2000; teaches nothing upstream.
    """

    logits: Tensor
    ab: Tensor
    distance: Tensor


class Attention(nn.Module):
    """Pre-norm self-attention over all cells of a map, told of place by a depthwise convolution."""

    def __init__(self, channels: int, heads: int = _HEADS) -> None:
        super().__init__()
        self.heads = heads
        self.place = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm1 = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.ReLU(inplace=True), nn.Linear(2 * channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to the same."""
        x = x + self.place(x)
        tokens = x.flatten(2).transpose(1, 2)
        qkv = self.qkv(self.norm1(tokens)).unflatten(2, (3, self.heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        tokens = tokens + self.project(mixed)
        tokens = tokens + self.mlp(self.norm2(tokens))
        mapped: Tensor = tokens.transpose(1, 2).reshape(x.shape)
        return mapped


class ConvBn(nn.Sequential):
    """Convolution and batch norm."""

    folds = (("0", "1"),)

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs)
        )


class UpStep(nn.Module):
    """Twice the size: the coarse map and the encoder's summed at one width, then a residual pair."""

    def __init__(self, coarse: int, skip: int, width: int) -> None:
        super().__init__()
        self.from_coarse = ConvBn(coarse, width, 1)
        self.from_skip = ConvBn(skip, width, 1)
        self.conv1 = ConvBn(width, width, 3)
        self.conv2 = ConvBn(width, width, 3)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """(N, coarse, h, w) and (N, skip, 2h, 2w) to (N, width, 2h, 2w)."""
        up = F.interpolate(self.from_coarse(coarse), scale_factor=2, mode="bilinear", align_corners=False)
        x = F.relu(up + self.from_skip(skip), inplace=True)
        return F.relu(x + self.conv2(F.relu(self.conv1(x), inplace=True)), inplace=True)


class DefaultGenerator(Generator):
    """See the module's text. `forward` returns `Outputs`; `centres` (bins, 2) are the bins' ab, Lab units."""

    Options = DefaultOptions
    options: DefaultOptions
    multiple = 32
    centres: Tensor
    gain: Tensor
    caution: Tensor

    def __init__(self, options: DefaultOptions) -> None:
        super().__init__(options)
        if len(options.widths) != 4 or (options.attention and options.widths[0] % _HEADS):
            raise UsageError(f"widths is {options.widths}; it takes four, the first a multiple of {_HEADS}")
        if options.bins < _FEWEST_BINS:
            raise UsageError(f"bins is {options.bins}; it takes {_FEWEST_BINS} or more")
        self.encoder = EfficientNetLite(options.encoder)
        quarter, eighth, sixteenth, deep = self.encoder.channels
        bottom, *widths = options.widths
        self.enter = ConvBn(deep, bottom, 1)
        self.attention = nn.Sequential(*(Attention(bottom) for _ in range(options.attention)))
        self.up1 = UpStep(bottom, sixteenth, widths[0])
        self.up2 = UpStep(widths[0], eighth, widths[1])
        self.up3 = UpStep(widths[1], quarter, widths[2])
        self.to_bins = nn.Conv2d(widths[2], options.bins, 1)
        self.to_ab = nn.Conv2d(widths[2], 2, 1)
        # In 110ths of a Lab unit: the first answers are near grey.
        nn.init.uniform_(self.to_ab.weight, -0.02, 0.02)
        nn.init.zeros_(self.to_ab.bias)  # type: ignore[arg-type]
        self.to_distance = nn.Sequential(
            nn.Conv2d(widths[2], _UNCERTAINTY_WIDTH, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(_UNCERTAINTY_WIDTH, 1, 1),
        )
        self.register_buffer("centres", torch.zeros(options.bins, 2))
        # Tensors, so that one ONNX graph serves networks that differ in them.
        self.register_buffer("gain", torch.tensor(float(options.gain)), persistent=False)
        self.register_buffer("caution", torch.tensor(float(options.caution)), persistent=False)

    def load_encoder(self, tensors: dict[str, Tensor]) -> None:
        """See `Generator.load_encoder`; takes weights trained on colour input."""
        load_encoder_strictly(self.encoder, grey_stem_weights(tensors))

    def forward(self, lightness: Tensor) -> Outputs:
        """(N, 1, H, W), -1..1, to `Outputs` at H / 4, W / 4."""
        _, x = self._decoded(lightness)
        return Outputs(self.to_bins(x).float(), self.to_ab(x).float(), self._distance(x))

    def _decoded(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """The decoder's maps at 1/8 and 1/4."""
        quarter, eighth, sixteenth, deep = self.encoder(lightness)
        x = self.attention(F.relu(self.enter(deep), inplace=True))
        at_eighth: Tensor = self.up2(self.up1(x, sixteenth), eighth)
        return at_eighth, self.up3(at_eighth, quarter)

    def _distance(self, decoded: Tensor) -> Tensor:
        return F.softplus(self.to_distance(decoded.detach()).float())

    def predict_ab(self, lightness: Tensor) -> AbPrediction:
        """See `Generator.predict_ab`: bins and regression mixed, certainty from the expected distance.

        Colour is the fainter the less certain it is, below `caution`.
        """
        features, x = self._decoded(lightness)
        return self._predicted(features, x)

    def predict_likelihood(self, lightness: Tensor) -> AbPrediction:
        """See `Generator.predict_likelihood`: by the bins as they are, at temperature 1."""
        features, x = self._decoded(lightness)
        logits = self.to_bins(F.avg_pool2d(x, 2)).float()
        likelihood = F.softmax(logits, dim=1)
        return dataclasses.replace(self._predicted(features, x), likelihood=likelihood, colours=self.centres)

    def _predicted(self, features: Tensor, x: Tensor) -> AbPrediction:
        options = self.options
        regressed, distance = self.to_ab(x).float(), self._distance(x)
        logits = self.to_bins(x).float() if options.regression < 1.0 else None
        with torch.autocast(regressed.device.type, enabled=False):
            ab = options.regression * AB_SCALE * regressed
            if logits is not None:
                chosen = _expected_ab(F.softmax(logits / options.temperature, dim=1), self.centres)
                ab = ab + (1.0 - options.regression) * chosen
            certainty = torch.exp(-distance / _DISTANCE_SCALE)
            ab = ab * (certainty / self.caution.clamp(min=_LEAST_CAUTION)).clamp(max=1.0).square()
            return AbPrediction(ab * self.gain, certainty, features)


def _expected_ab(probability: Tensor, centres: Tensor) -> Tensor:
    """Mean colour (N, 2, h, w) of a distribution (N, bins, h, w) over bin centres (bins, 2)."""
    return torch.einsum("nbhw,bc->nchw", probability, centres)
