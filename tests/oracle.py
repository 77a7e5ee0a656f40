"""A network that knows the answer, so that the ruler's figures are known too."""

from dataclasses import replace

import cv2
import numpy as np

from archivecolor.colour.chroma import Chroma
from archivecolor.colour.doubt import Doubt
from archivecolor.colour.gamut import BLUE_PER_CB, RED_PER_CR
from archivecolor.colour.lab import LUMA_WEIGHTS


def chroma_of(rgb, gain=1.0, step=1):
    """The chroma of a picture, its own size or shrunk; surest where there is least of it."""
    codes = rgb.astype(np.float32) / 255
    luma = codes @ LUMA_WEIGHTS
    cbcr = np.stack([(codes[..., 2] - luma) / BLUE_PER_CB, (codes[..., 0] - luma) / RED_PER_CR], axis=-1)
    size = (max(1, rgb.shape[1] // step), max(1, rgb.shape[0] // step))
    cbcr = cv2.resize(cbcr, size, interpolation=cv2.INTER_AREA)
    certainty = 1 - np.hypot(cbcr[..., 0], cbcr[..., 1])
    return Chroma((cbcr * np.float32(gain)).astype(np.float32), certainty, float(certainty.mean()))


class Oracle:
    """Recognises pictures by their luma.

    Args:
        pictures: that it knows; seen at their own size.
        gain: on the true chroma.
        step: pixels per cell of its answer.
    """

    def __init__(self, pictures, gain=1.0, step=1):
        self._known = [(rgb.shape[:2], rgb.mean(), chroma_of(rgb, gain, step)) for rgb in pictures]
        self._lumas = [rgb.astype(np.float32) @ LUMA_WEIGHTS / 255 for rgb in pictures]

    def predict(self, lumas, guidance=(), *, with_doubt=False):
        answers = [self._answer(luma) for luma in lumas]
        return [replace(one, doubt=Doubt(1 - one.confidence) if with_doubt else None) for one in answers]

    def _answer(self, luma):
        distances = [
            np.abs(luma - known).mean() if luma.shape == known.shape else np.inf for known in self._lumas
        ]
        return self._known[int(np.argmin(distances))][2]
