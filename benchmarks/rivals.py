"""What people would script: one picture after the other, with the same network, in float Lab.

Both scripts know that the picture is grey only by looking, as scripts do: they take the L* of what they
read, show it to the network as a square of the same working size, enlarge the answer and turn back.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import torch
from skimage import color, transform

from archivecolor.networks.base import Generator

SIDE = 256

Codes = npt.NDArray[np.uint8]
Script = Callable[[Generator, Codes], Codes]


def by_skimage(generator: Generator, rgb: Codes) -> Codes:
    """One RGB picture (h, w, 3) as a tutorial does it, with scikit-image."""
    lab = color.rgb2lab(rgb)
    lightness = transform.resize(lab[..., 0], (SIDE, SIDE))
    ab = transform.resize(answer_of(generator, lightness), lab.shape[:2])
    coloured = color.lab2rgb(np.dstack([lab[..., :1], ab]))
    codes: Codes = (coloured * 255).astype(np.uint8)
    return codes


def by_opencv(generator: Generator, bgr: Codes) -> Codes:
    """One BGR picture (h, w, 3) as the sample of OpenCV's dnn module does it."""
    lab = cv2.cvtColor(bgr.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    lightness = cv2.resize(lab[..., 0], (SIDE, SIDE))
    ab = cv2.resize(answer_of(generator, lightness), (lab.shape[1], lab.shape[0]))
    coloured = cv2.cvtColor(np.dstack([lab[..., :1], ab]), cv2.COLOR_LAB2BGR)
    codes: Codes = np.clip(coloured * 255, 0, 255).astype(np.uint8)
    return codes


@torch.inference_mode()
def answer_of(generator: Generator, lightness: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Ab (h, w, 2) of one picture's L* (h, w), on the device the network is on."""
    device = next(generator.parameters()).device
    shown = torch.from_numpy(np.asarray(lightness / 50 - 1, np.float32))[None, None].to(device)
    ab: npt.NDArray[np.float32] = generator.predict_ab(shown).ab[0].permute(1, 2, 0).float().cpu().numpy()
    return ab
