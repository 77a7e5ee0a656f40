"""Multi-scale structural similarity as a loss (Wang, Simoncelli and Bovik, 2003)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from archivecolor.networks.device import device_constant

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, from fine to coarse
WINDOW, _SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
_MIN_TERM = 1e-3  # contrast terms are held above this: their powers have no gradient at 0


def ms_ssim_loss(ours: Tensor, truth: Tensor) -> Tensor:
    """1 - MS-SSIM, mean over pictures and channels.

    Small pictures are compared at fewer scales, whose weights are then scaled to sum to 1.

    Args:
        ours: (N, C, H, W), 0..1, H and W at least 11.
        truth: the same shape.
    """
    scales = min(len(_WEIGHTS), (min(ours.shape[-2:]) // WINDOW).bit_length())
    weights = device_constant(_WEIGHTS[:scales], ours.device)
    weights = weights / weights.sum()
    product = torch.ones(ours.shape[:2], device=ours.device)
    for index in range(scales):
        with torch.autocast(ours.device.type, enabled=False):
            luminance, contrast = ssim_terms(ours.float(), truth.float())
        term = contrast if index < scales - 1 else luminance * contrast
        product = product * term.mean(dim=(2, 3)).clamp_min(_MIN_TERM) ** weights[index]
        ours, truth = F.avg_pool2d(ours, 2), F.avg_pool2d(truth, 2)
    return 1.0 - product.mean()


def ssim_terms(ours: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM's luminance and contrast-structure terms at each place of (N, C, H, W), for values 0..1."""
    window = _gaussian_window(ours.shape[1], ours.device)

    def local_mean(x: Tensor) -> Tensor:
        return F.conv2d(x, window, groups=x.shape[1])

    mean1, mean2 = local_mean(ours), local_mean(truth)
    variance1 = local_mean(ours * ours) - mean1 * mean1
    variance2 = local_mean(truth * truth) - mean2 * mean2
    covariance = local_mean(ours * truth) - mean1 * mean2
    luminance = (2 * mean1 * mean2 + C1) / (mean1.square() + mean2.square() + C1)
    return luminance, (2 * covariance + C2) / (variance1 + variance2 + C2)


def _gaussian_window(channels: int, device: torch.device) -> Tensor:
    """SSIM's window for a convolution over each channel: (channels, 1, 11, 11), sum 1."""
    place = torch.arange(WINDOW, device=device, dtype=torch.float32) - WINDOW // 2
    ramp = torch.exp(-place.square() / (2.0 * _SIGMA**2))
    window = torch.outer(ramp, ramp)
    return (window / window.sum()).expand(channels, 1, WINDOW, WINDOW)
