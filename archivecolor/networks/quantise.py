"""The package's graph with its decoder in whole numbers of 8 bits: for the built-in weights, made with them.

About half of the work lies in the decoder's twelve dense convolutions, and they bear it; the encoder's
depthwise ones and the heads do not. Weights take 7 bits of the 8: sums of two products then fit into the 16
bits that processors without instructions for this add up in, so that all of them mean the same numbers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from archivecolor.colour.arrays import Float32
from archivecolor.colour.lab import lightness_from_luma
from archivecolor.colour.luma import luma_codes
from archivecolor.networks.graph import INPUT

_DECODER = "/up"  # what names of the decoder's convolutions begin with
# Pictures that come with scikit-image; what runs through the network with them sets the ranges.
_CALIBRATION = ("astronaut", "camera", "cat", "chelsea", "clock", "coffee", "coins", "moon", "page", "rocket")
SHORT_SIDE = 256
_MULTIPLE = 32


def quantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """A whole model of the default network with the decoder's convolutions quantised."""
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    names = _fold_norms(folded)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "folded.onnx"), Path(folder, "quantised.onnx")
        onnx.save(folded, str(source))
        quantize_static(
            source,
            target,
            _Calibration(),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=names,
        )
        return onnx.load(str(target))


def _fold_norms(model: onnx.ModelProto) -> list[str]:
    """Fold the batch norms of the decoder's convolutions into them; returns the names of these."""
    values = {entry.name: entry for entry in model.graph.initializer}
    norms = {node.input[0]: node for node in model.graph.node if node.op_type == "BatchNormalization"}
    names = []
    for node in model.graph.node:
        if node.op_type != "Conv" or not node.name.startswith(_DECODER):
            continue
        norm = norms[node.output[0]]
        weight = numpy_helper.to_array(values[node.input[1]])
        scale, shift, mean, variance = (numpy_helper.to_array(values[name]) for name in norm.input[1:])
        epsilon = next(entry.f for entry in norm.attribute if entry.name == "epsilon")
        factor = scale / np.sqrt(variance + epsilon)
        folded = {
            f"{node.input[1]}.folded": weight * factor[:, None, None, None],
            f"{norm.input[2]}.folded": shift - mean * factor,
        }
        for name, value in folded.items():
            model.graph.initializer.append(numpy_helper.from_array(value, name))
        node.input[:] = [node.input[0], *folded]
        node.output[:] = norm.output
        model.graph.node.remove(norm)
        names.append(node.name)
    used = {name for node in model.graph.node for name in node.input}
    for name in values.keys() - used:
        model.graph.initializer.remove(values[name])
    return names


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    """The pictures whose way through the network sets the ranges of whole numbers."""

    def __init__(self) -> None:
        self._pictures = _calibration_pictures()

    def get_next(self) -> dict[str, Float32] | None:
        return next(({INPUT: picture} for picture in self._pictures), None)


def _calibration_pictures() -> Iterator[Float32]:
    """Lightness (1, 1, H, W) of each, as the network sees it."""
    from skimage import data
    from skimage.transform import resize

    for name in _CALIBRATION:
        # Any: scikit-image tells of no types.
        picture: NDArray[Any] = getattr(data, name)()
        luma = picture if picture.ndim == 2 else luma_codes(np.ascontiguousarray(picture[..., :3]))
        scale = SHORT_SIDE / min(luma.shape) / _MULTIPLE
        shape = tuple(round(side * scale) * _MULTIPLE for side in luma.shape)
        small = resize(luma / 255.0, shape, anti_aliasing=True)
        yield np.asarray(lightness_from_luma(small) / 50.0 - 1.0, np.float32)[None, None]
