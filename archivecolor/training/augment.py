"""What time and old film do to a picture, laid on the network's input alone.

Every fault draws which pictures it strikes and how hard from its own random numbers; `strength` scales all.
The colour to be learned is never touched.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from archivecolor.networks.device import device_constant
from archivecolor.networks.lab_tensors import lab_from_linear, lightness_from_linear
from archivecolor.training.tensors import Batch, photographs_to_linear

PANCHROMATIC = (0.2126, 0.7152, 0.0722)
_ORTHOCHROMATIC = (0.02, 0.55, 0.43)  # blind to red, as plates and films were into the 1920s


@dataclass(frozen=True)
class AugmentationRng:
    """Random numbers for a batch.

    Attributes:
        count: pictures in the batch.
        generator: where the numbers come from, on the batch's device.
        strength: factor on how hard a fault strikes, 0..2.
    """

    count: int
    generator: torch.Generator
    strength: float

    def uniform(self, low: float, high: float, *, scaled: bool = True) -> Tensor:
        """(N, 1, 1, 1) even numbers; a scaled range shrinks toward 0 with the strength."""
        drawn = torch.rand(self.count, 1, 1, 1, generator=self.generator, device=self.generator.device)
        return (low + (high - low) * drawn) * (self.strength if scaled else 1.0)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers."""
        return torch.randn(*shape, generator=self.generator, device=self.generator.device)

    def bernoulli(self, share: float) -> Tensor:
        """Which pictures a fault strikes: (N,) of booleans."""
        return torch.rand(self.count, generator=self.generator, device=self.generator.device) < share


def film_response(linear: Tensor, rng: AugmentationRng) -> Tensor:
    """Grey as a random emulsion saw it, between orthochromatic and panchromatic, with a random filter.

    Args:
        linear: (N, 3, S, S) linear light.
        rng: random numbers.

    Returns:
        (N, 1, S, S) linear luminance; two pictures of three keep the panchromatic one.
    """
    pan, ortho = device_constant(PANCHROMATIC, linear.device), device_constant(_ORTHOCHROMATIC, linear.device)
    toward = rng.uniform(0.0, 1.0).clamp(max=1.0)[:, :, 0, 0]
    tilt = (0.15 * rng.strength * rng.normal(rng.count, 3)).exp()
    weights = ((1.0 - toward) * pan + toward * ortho) * tilt
    weights = weights / weights.sum(dim=1, keepdim=True)
    weights = torch.where(rng.bernoulli(0.35)[:, None], weights, pan)
    return torch.einsum("nc,nchw->nhw", weights, linear)[:, None]


def _tone_curve(x: Tensor, rng: AugmentationRng) -> Tensor:
    """Exposure and development: a random gamma on 0..1."""
    exponent = (0.14 * rng.strength * rng.normal(rng.count, 1, 1, 1)).exp()
    return x.clamp(0.0, 1.0) ** exponent


def fade(x: Tensor, rng: AugmentationRng) -> Tensor:
    """Fading: blacks rise, whites sink."""
    black, white = rng.uniform(0.0, 0.25), 1.0 - rng.uniform(0.0, 0.2)
    return black + x * (white - black)


def grain(x: Tensor, rng: AugmentationRng) -> Tensor:
    """Film grain, from fine to coarse, strongest in the middle tones."""
    fine = rng.normal(*x.shape)
    coarse = F.avg_pool2d(fine, 3, stride=1, padding=1) * 2.0
    mix = rng.uniform(0.0, 1.0, scaled=False)
    weight = 0.4 + 2.4 * x.clamp(0.0, 1.0) * (1.0 - x.clamp(0.0, 1.0))
    return x + rng.uniform(0.005, 0.06) * weight * (mix * fine + (1.0 - mix) * coarse)


def blur(x: Tensor, rng: AugmentationRng) -> Tensor:
    """Soft lenses and missed focus: shrunk and brought back, mixed in by a random share."""
    small = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    softer = F.avg_pool2d(small, 3, stride=1, padding=1, count_include_pad=False)
    return torch.lerp(x, softer, rng.uniform(0.3, 1.0).clamp(max=1.0))


def _vignette(x: Tensor, rng: AugmentationRng) -> Tensor:
    """Corners that are darker, or burnt lighter, than the middle."""
    axis = torch.linspace(-1.0, 1.0, x.shape[-1], device=x.device)
    distance = (axis[None, :] ** 2 + axis[:, None] ** 2)[None, None] / 2.0
    return x * (1.0 + rng.uniform(-0.5, 0.25) * distance)


def jpeg(x: Tensor, rng: AugmentationRng) -> Tensor:
    """Blocks of a coarse JPEG: the 8 x 8 DCT rounded to random steps."""
    index = torch.arange(8, device=x.device, dtype=x.dtype)
    basis = torch.cos((2.0 * index[None, :] + 1.0) * index[:, None] * math.pi / 16.0) * 0.5
    basis[0] /= math.sqrt(2.0)
    blocks = x.unfold(2, 8, 8).unfold(3, 8, 8)
    coefficients = basis @ blocks @ basis.T
    steps = rng.uniform(0.02, 0.12)[..., None, None] * (1.0 + 0.6 * (index[None, :] + index[:, None]))
    restored = basis.T @ ((coefficients / steps).round() * steps) @ basis
    n, c, rows, columns = blocks.shape[:4]
    return restored.permute(0, 1, 2, 4, 3, 5).reshape(n, c, rows * 8, columns * 8)


def halftone(x: Tensor, rng: AugmentationRng) -> Tensor:
    """Printed dots: a turned screen of random pitch that the tone is compared with."""
    axis = torch.arange(x.shape[-1], device=x.device, dtype=x.dtype)
    pitch, angle = rng.uniform(2.2, 4.0, scaled=False), rng.uniform(0.0, math.pi / 2, scaled=False)
    across = axis[None, None, None, :] * angle.cos() + axis[None, None, :, None] * angle.sin()
    down = axis[None, None, :, None] * angle.cos() - axis[None, None, None, :] * angle.sin()
    screen = torch.cos(2 * math.pi * across / pitch) * torch.cos(2 * math.pi * down / pitch)
    return x + rng.uniform(0.05, 0.25) * screen * (0.2 + x.clamp(0.0, 1.0) * (1.0 - x.clamp(0.0, 1.0)) * 3.2)


def scratches(x: Tensor, rng: AugmentationRng) -> Tensor:
    """Vertical scratches, light or dark, that wander a little, and specks of dust."""
    columns = (rng.normal(rng.count, 1, 1, x.shape[3]) > 2.4).to(x.dtype)
    broken = (F.avg_pool2d(rng.normal(*x.shape), (33, 1), 1, (16, 0)) > 0.0).to(x.dtype)
    lines = (columns * broken).gather(3, _drifting_columns(x, rng))
    dust = (rng.normal(*x.shape) > 3.3).to(x.dtype)
    dust = F.max_pool2d(dust, 3, stride=1, padding=1)
    where = torch.maximum(lines, dust) * rng.uniform(0.3, 0.9).clamp(max=1.0)
    bright = (rng.uniform(0.0, 1.0, scaled=False) < 0.6).to(x.dtype)
    return torch.lerp(x, bright.expand_as(x), where)


def _drifting_columns(x: Tensor, rng: AugmentationRng) -> Tensor:
    """Column indices (N, 1, H, W) that drift sideways from row to row."""
    drift = (0.25 * rng.normal(rng.count, 1, x.shape[2], 1)).cumsum(dim=2).round().long()
    return (torch.arange(x.shape[3], device=x.device) + drift) % x.shape[3]


Degradation = Callable[[Tensor, AugmentationRng], Tensor]
# In the order in which they befall a picture: lens, emulsion, age, print, handling, file.
DEGRADATIONS: tuple[tuple[float, Degradation], ...] = (
    (0.15, blur),
    (0.15, _vignette),
    (0.8, _tone_curve),
    (0.35, fade),
    (0.45, grain),
    (0.04, halftone),
    (0.08, scratches),
    (0.12, jpeg),
)


def make_batch(crops: Tensor, generator: torch.Generator, strength: float) -> Batch:
    """Turn colour crops into what a step sees.

    Args:
        crops: uint8 (N, S, S, 3), S a multiple of 8.
        generator: random numbers, on the crops' device.
        strength: of all faults; 0 leaves the input as clean as the picture.
    """
    linear = photographs_to_linear(crops)
    lab = lab_from_linear(linear)
    clean = lab[:, :1] / 50.0 - 1.0
    if strength == 0.0:
        return Batch(clean, lab[:, 1:], clean)
    rng = AugmentationRng(crops.shape[0], generator, strength)
    tone = (lightness_from_linear(film_response(linear, rng)) + 1.0) / 2.0
    # Which pictures are struck is drawn here and not on the device, whose answer all would have to wait for.
    numpy_rng = np.random.default_rng(generator.initial_seed())
    for share, degradation in DEGRADATIONS:
        affected = np.flatnonzero(numpy_rng.random(rng.count) < share)
        if len(affected):
            where = torch.from_numpy(affected).to(tone.device, non_blocking=True)
            tone[where] = degradation(tone[where], AugmentationRng(len(affected), generator, strength))
    return Batch((tone.clamp(0.0, 1.0) * 2.0 - 1.0), lab[:, 1:], clean)
