"""What the networks are trained to make small."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_POWER_7_25 = 25.0**7
_BIN_SPREAD = 5.0  # width, in Lab units, of the spread of a colour over its bins


def chroma_distance(ab: Tensor, truth: Tensor) -> Tensor:
    """CIEDE2000 between colours of equal lightness, without its hue weight and its blue rotation.

    What is left (the stretch of a* near grey, and chroma and hue differences that count less the more vivid
    the colour is) is smooth enough to be a loss. Source: Sharma, Wu and Dalal, "The CIEDE2000
    color-difference formula", 2005.

    Args:
        ab: (N, 2, h, w) in Lab units.
        truth: the same shape.

    Returns:
        (N, h, w), in CIEDE2000 units, at least 0.
    """
    mean_chroma = 0.5 * (_norm(ab) + _norm(truth))
    seventh = mean_chroma.clamp(max=200.0) ** 7
    stretch = 1.0 + 0.5 * (1.0 - (seventh / (seventh + _POWER_7_25) + 1e-12).sqrt())
    first = torch.stack((ab[:, 0] * stretch, ab[:, 1]), dim=1)
    second = torch.stack((truth[:, 0] * stretch, truth[:, 1]), dim=1)
    chroma1, chroma2 = _norm(first), _norm(second)
    mean = 0.5 * (chroma1 + chroma2)
    chroma_part = (chroma1 - chroma2) / (1.0 + 0.045 * mean)
    hue_square = 2.0 * (chroma1 * chroma2 - (first * second).sum(dim=1)).clamp_min(0.0)
    return (chroma_part.square() + hue_square / (1.0 + 0.015 * mean).square() + 1e-4).sqrt()


def limit_chroma(ab: Tensor, truth: Tensor) -> Tensor:
    """Colours (N, 2, h, w) brought toward grey where their chroma exceeds that of `truth`."""
    return ab * (_norm(truth) / _norm(ab)).clamp(max=1.0)[:, None]


def _norm(ab: Tensor) -> Tensor:
    return (ab.square().sum(dim=1) + 1e-4).sqrt()


def soft_bins(ab: Tensor, centres: Tensor, neighbours: int = 4) -> tuple[Tensor, Tensor]:
    """Soft assignment of colours to their nearest bins.

    Args:
        ab: (N, 2, h, w) in Lab units.
        centres: (bins, 2) in Lab units.
        neighbours: bins a colour is spread over.

    Returns:
        Bin indices (N, neighbours, h, w) and their weights, which sum to 1.
    """
    flat = ab.permute(0, 2, 3, 1).reshape(-1, 2)
    square = torch.cdist(flat, centres).square()
    nearest, index = square.topk(neighbours, dim=1, largest=False)
    weight = torch.softmax(-nearest / (2.0 * _BIN_SPREAD**2), dim=1)
    n, _, h, w = ab.shape
    shape = (n, h, w, neighbours)
    return index.view(shape).permute(0, 3, 1, 2), weight.view(shape).permute(0, 3, 1, 2)


def bin_cross_entropy(logits: Tensor, ab: Tensor, centres: Tensor, rebalancing_weights: Tensor) -> Tensor:
    """Cross-entropy against soft bins, rare colours counting more (Zhang et al., 2016).

    Args:
        logits: (N, bins, h, w).
        ab: (N, 2, h, w), the truth in Lab units.
        centres: (bins, 2).
        rebalancing_weights: (bins,) weights with mean 1 over the training colours.
    """
    index, weight = soft_bins(ab, centres)
    chosen = F.log_softmax(logits, dim=1).gather(1, index)
    importance = (weight * rebalancing_weights[index]).sum(dim=1)
    return -(importance * (weight * chosen).sum(dim=1)).mean()


def colourfulness(rgb: Tensor) -> Tensor:
    """Colourfulness (Hasler and Suesstrunk, 2003) of (N, 3, H, W), codes 0..1: (N,), in codes of 255."""
    red, green, blue = (rgb * 255.0).unbind(1)
    red_green = (red - green).flatten(1)
    yellow_blue = (0.5 * (red + green) - blue).flatten(1)
    spread = (red_green.var(dim=1) + yellow_blue.var(dim=1) + 1e-3).sqrt()
    offset = (red_green.mean(dim=1).square() + yellow_blue.mean(dim=1).square() + 1e-3).sqrt()
    return spread + 0.3 * offset


def binary_cross_entropy(scores: Tensor, *, real: bool) -> Tensor:
    """Cross-entropy of scores before the sigmoid, of any shape, against one answer for all."""
    return F.binary_cross_entropy_with_logits(scores.float(), torch.full_like(scores, float(real)).float())


def least_squares(scores: Tensor, *, real: bool) -> Tensor:
    """Least squares GAN (Mao et al., 2017): mean square of scores, any shape, from 1 for real, 0 for made."""
    return (scores.float() - float(real)).square().mean()


def hinge(scores: Tensor, *, real: bool) -> Tensor:
    """Hinge loss of a discriminator (Lim and Ye, "Geometric GAN", 2017) on scores of any shape."""
    scores = scores.float()
    return F.relu(1.0 - scores if real else 1.0 + scores).mean()
