"""What stands in a row of the table: networks, and the two references that flatter nobody."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from archivecolor.colour.arrays import Float32
from archivecolor.colour.doubt import Doubt
from archivecolor.colour.lab import lab_from_rgb
from archivecolor.inference.predictor import Predictor
from archivecolor.scoring.photo_score import ReferencePhoto, compose_rgb, constant_ab


@dataclass(frozen=True)
class PhotoPrediction:
    """What one row of the table says of one photograph.

    Attributes:
        ab: float32 (h, w, 2), a* and b*.
        certainty: float32 (rows, columns), 0..1, over the whole picture; None for reference rows.
        confidence: 0..1; None for reference rows.
        doubt: about it; None where nobody knows.
    """

    ab: Float32
    certainty: Float32 | None = None
    confidence: float | None = None
    doubt: Doubt | None = None


class Entrant(Protocol):
    """One row of the table."""

    @property
    def name(self) -> str:
        """What the row is called."""

    @property
    def seconds(self) -> float | None:
        """Time spent so far on answers; None where it means nothing."""

    def predict(self, truths: Sequence[ReferencePhoto]) -> list[PhotoPrediction]:
        """An answer for each photograph, made from its luma."""


@dataclass(frozen=True)
class ConstantBaseline:
    """One colour for every pixel of every photograph.

    Attributes:
        name: of the row.
        a: CIE a*.
        b: CIE b*.
    """

    name: str
    a: float
    b: float
    seconds: float | None = None

    def predict(self, truths: Sequence[ReferencePhoto]) -> list[PhotoPrediction]:
        """The same for all."""
        return [PhotoPrediction(constant_ab(truth, self.a, self.b)) for truth in truths]


# Grey wins on CIEDE2000 and PSNR against much that is better; the mean colour of photographs too.
BASELINES = (ConstantBaseline("grey", 0.0, 0.0), ConstantBaseline("one warm tint", 3.0, 7.3))


class NetworkEntrant:
    """A network, asked as `dir` asks it.

    Args:
        name: of the row.
        predictor: the network on its device.

    Attributes:
        seconds: spent on prediction and composing so far.
    """

    def __init__(self, name: str, predictor: Predictor) -> None:
        self.name = name
        self.predictor = predictor
        self.seconds = 0.0

    def predict(self, truths: Sequence[ReferencePhoto]) -> list[PhotoPrediction]:
        """Colour predicted from luma alone, composed with the exact luma."""
        start = time.perf_counter()
        chromas = self.predictor.predict([truth.luma for truth in truths], with_doubt=True)
        pictures = [compose_rgb(truth, chroma) for truth, chroma in zip(truths, chromas, strict=True)]
        self.seconds += time.perf_counter() - start
        return [
            PhotoPrediction(lab_from_rgb(rgb)[..., 1:], chroma.certainty, chroma.confidence, chroma.doubt)
            for rgb, chroma in zip(pictures, chromas, strict=True)
        ]
