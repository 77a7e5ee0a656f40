"""What people look at while a network trains, by the ruler of `scoring`: figures and sample sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from archivecolor.archive.atomic import atomic_write
from archivecolor.colour.arrays import Float32
from archivecolor.datasets.photographs import Photograph
from archivecolor.networks.base import Generator
from archivecolor.networks.device import mixed_precision
from archivecolor.opencv import cv2
from archivecolor.scoring.contact_sheets import ComparisonStrip, contact_sheet
from archivecolor.scoring.photo_score import PhotoScores, ReferencePhoto, ScoredPhoto, score_photo

BATCH_SIZE = 16
_SHEET_COLUMNS = 2


def centre_squares(photographs: Sequence[Photograph], side: int) -> tuple[ReferencePhoto, ...]:
    """The middle square of each picture, `side` pixels wide, as a truth to be judged by."""
    squares = []
    for photograph in photographs:
        height, width = photograph.rgb.shape[:2]
        extent = photograph.short_side
        top, left = (height - extent) // 2, (width - extent) // 2
        square = photograph.rgb[top : top + extent, left : left + extent]
        rgb = np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
        squares.append(ReferencePhoto.of(photograph.name, rgb, side))
    return tuple(squares)


@torch.inference_mode()
def predict_ab(
    generator: Generator, truths: Sequence[ReferencePhoto], device: torch.device, precision: torch.dtype
) -> list[Float32]:
    """What a network makes of the lightness of true pictures.

    Args:
        generator: the network, in evaluation mode.
        truths: squares of one size, a multiple of the network's.
        device: where it runs.
        precision: in which number format.

    Returns:
        a*, b* of each, float32 (side, side, 2), Lab units.
    """
    answers: list[Float32] = []
    for start in range(0, len(truths), BATCH_SIZE):
        lightness = np.stack([truth.lab[..., 0] for truth in truths[start : start + BATCH_SIZE]])
        shown = torch.from_numpy(lightness / 50.0 - 1.0)[:, None].to(device)
        with mixed_precision(device, precision):
            coarse = generator.predict_ab(shown).ab
        ab = F.interpolate(coarse.float(), size=shown.shape[-2:], mode="bicubic", align_corners=False)
        answers += list(ab.permute(0, 2, 3, 1).cpu().numpy())
    return answers


def score(truths: Sequence[ReferencePhoto], answers: Sequence[Float32]) -> list[ScoredPhoto]:
    """Each answer beside its truth."""
    return [score_photo(*pair) for pair in zip(truths, answers, strict=True)]


def validation_metrics(scored: Sequence[ScoredPhoto]) -> Mapping[str, float]:
    """Mean CIEDE2000, PSNR, SSIM and colourfulness, as `evaluate` has them."""
    return PhotoScores(tuple(one.score for one in scored)).means()


def write_sample_sheet(path: Path, truths: Sequence[ReferencePhoto], scored: Sequence[ScoredPhoto]) -> None:
    """Write a PNG of grey, ours and truth side by side, two pictures abreast. Raises `OutputError`."""
    strips = [ComparisonStrip.of(*pair) for pair in zip(truths, scored, strict=True)]
    with atomic_write(path) as part:
        contact_sheet(strips, _SHEET_COLUMNS).save(part, format="PNG")
