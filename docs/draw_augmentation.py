"""Draws every fault of training/augment.py at three strengths: docs/images/augmentation.jpg."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from skimage import data

from archivecolor.networks.lab_tensors import grey_code_from_lightness, lightness_from_linear
from archivecolor.training.augment import DEGRADATIONS, PANCHROMATIC, AugmentationRng, film_response
from archivecolor.training.tensors import photographs_to_linear

SIDE = 192  # as crops are: faults have the size they have in training
LABEL = 16
STRENGTHS = (0.5, 1.0, 2.0)
SEEDS = 20
SHOWN = 17  # the how-manieth of the draws is shown, from faint to hard: harder than most


def degraded(name: str, linear: torch.Tensor, rng: AugmentationRng) -> torch.Tensor:
    """The picture after one fault: lightness (1, 1, SIDE, SIDE), 0..1."""
    if name == "film_response":
        return tone_of(film_response(linear, rng))
    degradations = {degradation.__name__: degradation for _, degradation in DEGRADATIONS}
    return degradations[name](
        tone_of(torch.einsum("c,nchw->nhw", torch.tensor(PANCHROMATIC), linear)[:, None]), rng
    )


def tone_of(luminance: torch.Tensor) -> torch.Tensor:
    """Linear luminance as lightness 0..1."""
    return (lightness_from_linear(luminance) + 1.0) / 2.0


def column(name: str, linear: torch.Tensor) -> list[torch.Tensor]:
    """A fault's pictures from faint to strong, by random numbers that let it strike rather hard."""
    clean = tone_of(torch.einsum("c,nchw->nhw", torch.tensor(PANCHROMATIC), linear)[:, None])

    def change(seed: int) -> float:
        return float((degraded(name, linear, drawn(seed, 1.0)) - clean).abs().mean())

    seed = sorted(range(SEEDS), key=change)[SHOWN]
    return [degraded(name, linear, drawn(seed, strength)) for strength in STRENGTHS]


def drawn(seed: int, strength: float) -> AugmentationRng:
    """Random numbers for one picture."""
    return AugmentationRng(1, torch.Generator().manual_seed(seed), strength)


def main(path: Path) -> None:
    """Write the sheet."""
    crop = (
        Image.fromarray(data.astronaut()).crop((60, 0, 444, 384)).resize((SIDE, SIDE), Image.Resampling.BOX)
    )
    linear = photographs_to_linear(
        torch.frombuffer(bytearray(crop.tobytes()), dtype=torch.uint8).view(1, SIDE, SIDE, 3)
    )
    names = ["film_response", *(degradation.__name__ for _, degradation in DEGRADATIONS)]
    sheet = Image.new("L", (SIDE * len(names), (SIDE + LABEL) * len(STRENGTHS)), 255)
    pen = ImageDraw.Draw(sheet)
    for x, name in enumerate(names):
        for y, (strength, tone) in enumerate(zip(STRENGTHS, column(name, linear), strict=True)):
            codes = grey_code_from_lightness(tone.clamp(0.0, 1.0) * 2.0 - 1.0)[0, 0]
            cell = Image.fromarray((codes * 255.0).round().byte().numpy())
            pen.text((x * SIDE + 4, y * (SIDE + LABEL) + 2), f"{name.replace('_', ' ')} {strength:g}", fill=0)
            sheet.paste(cell, (x * SIDE, y * (SIDE + LABEL) + LABEL))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, quality=84, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images" / "augmentation.jpg")
