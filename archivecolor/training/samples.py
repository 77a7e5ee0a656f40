"""What people look at while a network trains: validation figures and sample sheets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from archivecolor.colour.lab import lab_from_rgb
from archivecolor.networks.base import Generator
from archivecolor.networks.device import mixed_precision
from archivecolor.networks.lab_tensors import lab_from_linear, rgb_from_lab
from archivecolor.scoring.metrics import ciede2000_mean, colourfulness, psnr, ssim
from archivecolor.training.data import Photograph
from archivecolor.training.state import write_bytes
from archivecolor.training.tensors import photographs_to_linear

SHEET_ROWS = 8


def centre_crops(photographs: Sequence[Photograph], side: int) -> NDArray[np.uint8]:
    """The middle square of each picture: uint8 (n, side, side, 3)."""
    crops = []
    for photograph in photographs:
        height, width = photograph.rgb.shape[:2]
        extent = min(height, width)
        top, left = (height - extent) // 2, (width - extent) // 2
        crop = photograph.rgb[top : top + extent, left : left + extent]
        crops.append(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA))
    return np.stack(crops)


@torch.inference_mode()
def colourise_crops(
    generator: Generator, crops: NDArray[np.uint8], device: torch.device, precision: torch.dtype
) -> NDArray[np.uint8]:
    """Take the colour off true pictures and put the network's in its place.

    Args:
        generator: the network, in evaluation mode.
        crops: uint8 (n, side, side, 3), side a multiple of the network's.
        device: where it runs.
        precision: in which number format.

    Returns:
        uint8 (n, side, side, 3), with the truth's L* and the network's chroma.
    """
    colourised = []
    for start in range(0, len(crops), 16):
        lab = lab_from_linear(photographs_to_linear(torch.from_numpy(crops[start : start + 16]).to(device)))
        with mixed_precision(device, precision):
            prediction = generator.predict_ab(lab[:, :1] / 50.0 - 1.0)
        ab = F.interpolate(prediction.ab.float(), size=lab.shape[-2:], mode="bicubic", align_corners=False)
        rgb = rgb_from_lab(torch.cat((lab[:, :1], ab), dim=1))
        colourised.append((rgb * 255.0).round().byte().permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(colourised)


def validation_metrics(ours: NDArray[np.uint8], truth: NDArray[np.uint8]) -> dict[str, float]:
    """Mean PSNR, SSIM, CIEDE2000 and colourfulness over pictures uint8 (n, h, w, 3)."""
    pairs = list(zip(ours, truth, strict=True))
    vivid, true_vivid = (float(np.mean([colourfulness(one) for one in those])) for those in (ours, truth))
    return {
        "psnr": float(np.mean([psnr(*pair) for pair in pairs])),
        "ssim": float(np.mean([ssim(*pair) for pair in pairs])),
        "ciede2000": float(np.mean([ciede2000_mean(lab_from_rgb(a), lab_from_rgb(b)) for a, b in pairs])),
        "colourfulness": vivid,
        "colourfulness_ratio": vivid / max(true_vivid, 1e-6),
    }


def write_sample_sheet(path: Path, ours: NDArray[np.uint8], truth: NDArray[np.uint8]) -> None:
    """Write a PNG of grey, ours and truth side by side, a picture a row, two pictures abreast."""
    rows = []
    for mine, true in zip(ours[: 2 * SHEET_ROWS], truth[: 2 * SHEET_ROWS], strict=True):
        grey = cv2.cvtColor(true, cv2.COLOR_RGB2GRAY)
        rows.append(np.hstack((np.repeat(grey[..., None], 3, axis=2), mine, true)))
    half = (len(rows) + 1) // 2
    rows += [np.zeros_like(rows[0])] * (2 * half - len(rows))
    sheet = np.vstack(
        [np.hstack((left, right)) for left, right in zip(rows[:half], rows[half:], strict=True)]
    )
    encoded = cv2.imencode(".png", sheet[..., ::-1])[1]
    write_bytes(path, encoded.tobytes())
