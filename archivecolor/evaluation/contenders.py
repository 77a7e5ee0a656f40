"""What stands in a row of the table: networks, and the two references that flatter nobody."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from archivecolor.colour.chroma import Chroma
from archivecolor.colour.lab import lab_from_rgb
from archivecolor.evaluation.ruler import Float32, Truth, laid, tinted
from archivecolor.evaluation.tables import Answer


class Predictor(Protocol):
    """What the ruler needs of `inference.predictor`."""

    def predict(self, lumas: Sequence[Float32]) -> list[Chroma]:
        """One answer per luma, which depends on that luma alone."""


class Contender(Protocol):
    """One row of the table."""

    @property
    def name(self) -> str:
        """What the row is called."""

    @property
    def seconds(self) -> float | None:
        """Time spent so far on answers; None where it means nothing."""

    def answers(self, truths: Sequence[Truth]) -> list[Answer]:
        """An answer for each photograph, made from its luma."""


@dataclass(frozen=True)
class Reference:
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

    def answers(self, truths: Sequence[Truth]) -> list[Answer]:
        """The same for all."""
        return [Answer(tinted(truth, self.a, self.b)) for truth in truths]


# Grey wins on CIEDE2000 and PSNR against much that is better; the mean colour of photographs too.
REFERENCES = (Reference("grey", 0.0, 0.0), Reference("one warm tint", 3.0, 7.3))


class Network:
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
        self.seconds: float | None = 0.0

    def answers(self, truths: Sequence[Truth]) -> list[Answer]:
        """Colour predicted from luma alone, composed with the exact luma."""
        start = time.perf_counter()
        chromas = self.predictor.predict([truth.luma for truth in truths])
        pictures = [laid(truth, chroma) for truth, chroma in zip(truths, chromas, strict=True)]
        self.seconds = (self.seconds or 0.0) + time.perf_counter() - start
        return [
            Answer(lab_from_rgb(rgb)[..., 1:], chroma.certainty, chroma.confidence)
            for rgb, chroma in zip(pictures, chromas, strict=True)
        ]
