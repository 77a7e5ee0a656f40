"""How much doubt an answer deserves, told from what the network knows of the picture.

A line through pooled figures of an answer (its certainty, chroma and lightness, and the decoder's features)
foretells the logarithm of its mean CIEDE2000; where that lies among those of validation photographs is the
doubt. A second line through the features of a place says whether it is skin. Both are fitted for one set of
weights, by `evaluation.fit_doubt`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.colour.doubt import Doubt, findings
from archivecolor.colour.kernel import Answer
from archivecolor.networks.builtin import doubt_path

FORMAT = 1
Float64 = npt.NDArray[np.float64]
_QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
_LEAST_CERTAINTY = 1e-4
# Nearly grey answers are not far from anything, and still what people send back: never among the surest, but
# in the order in which errors are foretold of them.
_PALE_CHROMA = 6.0
_LEAST_DOUBT_OF_PALE = 0.3


@dataclass(frozen=True)
class DoubtModel:
    """What was learned of a network's errors.

    Attributes:
        weights: (k,), of the figures of `statistics`.
        bias: added to their sum.
        ladder: (n,), rising: what is foretold of validation photographs, at even shares of them.
        skin_weights: (c,), of the features of a place.
        skin_bias: added to their sum.
    """

    weights: Float64
    bias: float
    ladder: Float64
    skin_weights: Float64
    skin_bias: float

    def doubt(self, answer: Answer) -> Doubt | None:
        """How much doubt an answer deserves, and why; None for one without features.

        A picture with nothing in it, such as a black frame, stays grey and deserves none.
        """
        if answer.features is None:
            return None
        if not answer.certainty.any():
            return Doubt(0.0)
        foretold = float(statistics(answer, answer.features) @ self.weights + self.bias)
        figure = float(np.interp(foretold, self.ladder, np.linspace(0.0, 1.0, len(self.ladder))))
        if mean_chroma(answer) < _PALE_CHROMA:
            figure = _LEAST_DOUBT_OF_PALE + (1.0 - _LEAST_DOUBT_OF_PALE) * figure
        return Doubt(round(figure, 4), findings(answer, self._skin(answer.features, answer.certainty.shape)))

    def _skin(self, features: Float32, shape: tuple[int, ...]) -> Float32:
        """How likely each cell is skin, float32 (h, w), 0..1."""
        from archivecolor.opencv import cv2

        height, width = shape
        likely = 1.0 / (1.0 + np.exp(-(features @ self.skin_weights + self.skin_bias)))
        resized = cv2.resize(likely.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(resized, np.float32)


def mean_chroma(answer: Answer) -> float:
    """Mean chroma of an answer, Lab units."""
    return float(np.hypot(answer.ab[..., 0], answer.ab[..., 1]).mean())


def statistics(answer: Answer, features: Float32) -> Float64:
    """Figures of an answer that its error is foretold from, (k,).

    Args:
        answer: of the network.
        features: of the answer, (h, w, c).
    """
    chroma = np.hypot(answer.ab[..., 0], answer.ab[..., 1])
    expected = -np.log(np.clip(answer.certainty, _LEAST_CERTAINTY, 1.0))
    across, down = np.gradient(answer.lightness)
    together = np.hypot(*answer.ab.mean(axis=(0, 1)))
    parts = (
        *(_spread(plane) for plane in (expected, chroma, answer.lightness, np.hypot(across, down))),
        np.log([expected.mean() + 0.1, chroma.mean() + 1.0]),
        answer.ab.mean(axis=(0, 1)),
        answer.ab.std(axis=(0, 1)),
        [together / (chroma.mean() + 1.0)],
        features.mean(axis=(0, 1)),
        features.std(axis=(0, 1)),
    )
    return np.concatenate([np.asarray(part, np.float64) for part in parts])


def _spread(plane: Float32) -> Float64:
    """Quantiles, mean and standard deviation."""
    return np.array([*np.quantile(plane, _QUANTILES), plane.mean(), plane.std()])


def open_doubt_model(checkpoint: str) -> DoubtModel | None:
    """What was learned of the weights with this SHA-256; None where nothing was."""
    values = json.loads(doubt_path().read_bytes())
    if values["format"] != FORMAT or values["checkpoint"] != checkpoint:
        return None
    return DoubtModel(
        weights=np.array(values["weights"]),
        bias=values["bias"],
        ladder=np.array(values["ladder"]),
        skin_weights=np.array(values["skin_weights"]),
        skin_bias=values["skin_bias"],
    )


def write_doubt_model(model: DoubtModel, checkpoint: str, path: Path) -> None:
    """Write what was learned of the weights with this SHA-256, to six digits."""
    values: dict[str, object] = {"format": FORMAT, "checkpoint": checkpoint}
    for name, value in vars(model).items():
        values[name] = [float(f"{one:.6g}") for one in np.atleast_1d(value)]
    for name in ("bias", "skin_bias"):
        values[name] = values[name][0]  # type: ignore[index]
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
