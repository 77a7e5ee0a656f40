"""The default generator's objective: colour bins and regression together, in perceptual units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

from archivecolor.colour.arrays import Float32
from archivecolor.datasets.photographs import Photograph
from archivecolor.errors import UsageError
from archivecolor.networks.base import Generator
from archivecolor.networks.default.discriminator import SpectralPatch
from archivecolor.networks.default.generator import AB_SCALE, DefaultGenerator, Outputs
from archivecolor.networks.lab_tensors import lab_from_linear, rgb_from_lab
from archivecolor.networks.losses import (
    bin_cross_entropy,
    chroma_distance,
    colourfulness,
    hinge,
    limit_chroma,
)
from archivecolor.networks.options import BaseOptions
from archivecolor.training.objective import Hyperparameters, Objective, TrainingProgress
from archivecolor.training.tensors import Batch, photographs_to_linear

_PIXELS_PER_PICTURE = 24
_CHROMA_BIAS = (
    8.0  # Lab units added to a colour's chroma when bins are placed, so that vivid colours get bins
)
_KMEANS_ITERATIONS = 20
_DISCRIMINATOR_WARM_UP = 0.2  # of the adversarial part, in which the discriminator learns before it has a say
_MAX_DISCRIMINATOR_LR = 4e-4
_MIN_ADVERSARIAL_SIZE = 64  # pixels


@dataclass(frozen=True)
class DefaultObjectiveOptions(BaseOptions):
    """Weights of the losses.

    Attributes:
        bins_weight: of the cross-entropy over colour bins.
        vividness: how strongly the answer is drawn to the truth's colourfulness, 0 for not at all. Chroma
            beyond the truth's own earns nothing: else what is surest, skin, is what turns red.
        vivid_target: the share of the truth's colourfulness it is drawn to.
        frozen_encoder: keep the encoder's first two stages as they were pretrained.
        duel: the last share of the training in which a discriminator has a say, 0 for none; in its first
            fifth the discriminator learns alone.
        duel_weight: of the discriminator's say.
    """

    bins_weight: float = 1.0
    vividness: float = 0.0
    vivid_target: float = 1.0
    frozen_encoder: bool = True
    duel: float = 0.0
    duel_weight: float = 0.05


class DefaultObjective(Objective):
    """AdamW with warm-up and cosine; cross-entropy on soft bins, perceptual distance of the regression."""

    hyperparameters = Hyperparameters(
        epochs=12,
        batch_size=32,
        size=128,
        lr=1.2e-3,
        augment=1.0,
        warm_up=200,
        cosine=True,
        validate_every=1000,
    )
    Options = DefaultObjectiveOptions
    options: DefaultObjectiveOptions
    rebalancing_weights: Tensor

    def prepare(self, generator: Generator, photographs: Sequence[Photograph]) -> None:
        """Place the colour bins, unless the weights brought them along, and weigh them by rarity."""
        assert isinstance(generator, DefaultGenerator)
        colours = _sample_colours(photographs)
        if not bool(generator.centres.any()):
            generator.centres.copy_(kmeans_bin_centres(colours, generator.options.bins))
        self.rebalancing_weights = class_rebalancing_weights(colours, generator.centres.cpu())
        if self.options.frozen_encoder:
            encoder = generator.encoder
            for part in (encoder.conv_stem, encoder.bn1, encoder.blocks[0], encoder.blocks[1]):
                part.requires_grad_(False)

    def generator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """AdamW; weight decay on matrices and filters alone."""
        learned = [parameter for parameter in parameters if parameter.requires_grad]
        groups = [
            {"params": [part for part in learned if part.ndim > 1], "weight_decay": 0.02},
            {"params": [part for part in learned if part.ndim <= 1], "weight_decay": 0.0},
        ]
        return optim.AdamW(groups, lr=lr, betas=(0.9, 0.99), fused=True)

    def generator_losses(
        self, generator: Generator, discriminator: nn.Module | None, batch: Batch, progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """See `Objective.generator_losses`."""
        assert isinstance(generator, DefaultGenerator)
        outputs: Outputs = generator(batch.lightness)
        truth = _pooled_to(batch.ab, outputs.ab)
        ab = outputs.ab * AB_SCALE
        distance = chroma_distance(ab, truth)
        self.rebalancing_weights = self.rebalancing_weights.to(truth.device)
        losses = {
            "bins": self.options.bins_weight
            * bin_cross_entropy(outputs.logits, truth, generator.centres, self.rebalancing_weights),
            "distance": 0.25 * distance.mean(),
            "doubt": 0.02 * F.smooth_l1_loss(outputs.distance[:, 0], distance.detach(), beta=5.0),
        }
        if self.options.vividness:
            losses["vivid"] = self.options.vividness * self._colourfulness_deficit(ab, truth, batch.clean)
        if discriminator is not None and self._adversarial_share(progress) > _DISCRIMINATOR_WARM_UP:
            losses["fool"] = (
                -self.options.duel_weight
                * discriminator(_discriminator_input(batch.clean, ab)).float().mean()
            )
        return losses

    def discriminator(self, size: int) -> nn.Module | None:
        """A patch discriminator where a part is adversarial. Raises `UsageError` for too small crops."""
        if not self.options.duel:
            return None
        if size < _MIN_ADVERSARIAL_SIZE:
            raise UsageError(
                f"a duel needs crops of at least {_MIN_ADVERSARIAL_SIZE} pixels, not {size}; set --size"
            )
        return SpectralPatch()

    def discriminator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """Adam without momentum, as GANs with a hinge loss are trained."""
        return optim.Adam(parameters, lr=min(lr, _MAX_DISCRIMINATOR_LR), betas=(0.0, 0.9))

    def discriminator_losses(
        self, generator: Generator, discriminator: nn.Module, batch: Batch, progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """See `Objective.discriminator_losses`."""
        if self._adversarial_share(progress) < 0.0:
            return {}
        with torch.no_grad():
            ab = generator(batch.lightness).ab * AB_SCALE
        of_truth = discriminator(_discriminator_input(batch.clean, _pooled_to(batch.ab, ab)))
        of_answer = discriminator(_discriminator_input(batch.clean, ab))
        return {"judge": 0.5 * (hinge(of_truth, real=True) + hinge(of_answer, real=False))}

    def _adversarial_share(self, progress: TrainingProgress) -> float:
        """Share of the adversarial part that is done; below 0 before it."""
        duel = self.options.duel
        return (progress.training_share - (1.0 - duel)) / duel if duel else -1.0

    def _colourfulness_deficit(self, ab: Tensor, truth: Tensor, clean: Tensor) -> Tensor:
        """How far the batch's mean colourfulness falls short of its target, in shares of the truth's."""
        ab = limit_chroma(ab, truth)
        lightness = (_pooled_to(clean, ab) + 1.0) * 50.0
        ours = colourfulness(rgb_from_lab(torch.cat((lightness, ab), dim=1))).mean()
        theirs = colourfulness(rgb_from_lab(torch.cat((lightness, truth), dim=1))).mean()
        return F.relu(self.options.vivid_target - ours / theirs)


def _discriminator_input(clean: Tensor, ab: Tensor) -> Tensor:
    """What the discriminator sees: (N, 3, h, w) of L* and ab, about -1..1."""
    return torch.cat((_pooled_to(clean, ab), ab / AB_SCALE), dim=1)


def _pooled_to(maps: Tensor, like: Tensor) -> Tensor:
    """Cell means of maps (N, C, H, W) on the grid of `like` (N, any, h, w)."""
    return F.adaptive_avg_pool2d(maps, (like.shape[2], like.shape[3]))


def _sample_colours(photographs: Sequence[Photograph]) -> Float32:
    """Colours (n, 2) in Lab units, a few from each picture, the same on every call."""
    rng = np.random.default_rng(0)
    pixels = []
    for photograph in photographs:
        flat = photograph.rgb.reshape(-1, 3)
        pixels.append(flat[rng.integers(0, len(flat), _PIXELS_PER_PICTURE)])
    crops = torch.from_numpy(np.concatenate(pixels))[None, :, None, :]
    ab: Float32 = lab_from_linear(photographs_to_linear(crops))[0, 1:, :, 0].T.numpy()
    return ab


def kmeans_bin_centres(colours: Float32, bins: int) -> Tensor:
    """Bin centres (bins, 2) by k-means over colours weighted toward the vivid ones, the same every time."""
    rng = np.random.default_rng(0)
    weight = np.hypot(colours[:, 0], colours[:, 1]) + _CHROMA_BIAS
    points = torch.from_numpy(colours)
    mass = torch.from_numpy(weight.astype(np.float32))
    replace = len(colours) < bins
    start = rng.choice(len(colours), bins, replace=replace, p=weight / weight.sum())
    centres = points[torch.from_numpy(start)] + 0.01 * torch.from_numpy(
        rng.standard_normal((bins, 2), np.float32)
    )
    for _ in range(_KMEANS_ITERATIONS):
        nearest = torch.cdist(points, centres).argmin(dim=1)
        total = torch.zeros(bins).index_add_(0, nearest, mass)
        moved = torch.zeros(bins, 2).index_add_(0, nearest, points * mass[:, None])
        centres = torch.where(total[:, None] > 0, moved / total.clamp_min(1e-6)[:, None], centres)
    return centres


def class_rebalancing_weights(colours: Float32, centres: Tensor) -> Tensor:
    """Weights (bins,): the inverse of half the bin's frequency and half an even spread; colours' mean 1."""
    bins = len(centres)
    nearest = torch.cdist(torch.from_numpy(colours), centres).argmin(dim=1)
    frequency = torch.bincount(nearest, minlength=bins).float() / len(colours)
    weight = 1.0 / (0.5 * frequency + 0.5 / bins)
    return weight / (weight * frequency).sum()
