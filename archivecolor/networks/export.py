"""Networks written as ONNX graphs: whole ones for other programs, and the package's own without weights.

    python -m archivecolor.networks.export      makes the package's graphs anew, after a change of a network

A graph is traced at one size and must hold for all. So a network computes nothing from sizes in Python: sizes
would be baked in, silently. What was traced is asked at other sizes, beside torch, before it is written.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from archivecolor.errors import UnavailableError
from archivecolor.networks.base import AbPrediction, Generator
from archivecolor.networks.builtin import built_in_path
from archivecolor.networks.checkpoint import HEADER, Checkpoint, load_checkpoint
from archivecolor.networks.graph import INPUT, OUTPUTS, Graph, GraphInfo, graph_path
from archivecolor.networks.quantise import quantised

_OPSET = 17
PREFIX = "generator."  # of the names of the network's tensors in a traced graph
# Batches and sides, in multiples of the network's own, at which a graph is asked: other than the traced ones.
_TRACED = (1, 2, 3)
ASKED = ((1, 1, 1), (2, 3, 2), (1, 1, 4))
_TOLERANCE = 1e-3  # in Lab units
WHERE = "checkpoint"  # what a graph without weights calls the place they are in


class _Answers(nn.Module):
    """A generator's answer as a bare tuple."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, lightness: Tensor) -> tuple[Tensor, ...]:
        return tuple(_outputs(self.generator.predict_likelihood(lightness)).values())


def _outputs(answer: AbPrediction) -> dict[str, Tensor]:
    """What an answer has, by the names and in the order of a graph's outputs."""
    parts = {name: getattr(answer, name) for name in OUTPUTS}
    return {name: part for name, part in parts.items() if part is not None}


def onnx_model(checkpoint: Checkpoint) -> bytes:
    """A checkpoint's network with its weights as one ONNX model, float32, checked against torch.

    Its input "lightness" is float32 (batch, 1, height, width), L* scaled to -1..1 (`L / 50 - 1`), sides
    multiples of the network's `multiple`. Its outputs: "ab" (batch, 2, h, w) in Lab units, "certainty"
    (batch, 1, h, w), 0..1; where the network has them, "features", and "likelihood" (batch, b, h, w), 0..1,
    of each of the "colours" (b, 2), a* and b*. Its metadata has the checkpoint's header as "archivecolor".

    Raises:
        UnavailableError: the graph answers otherwise than the network.
    """
    model = _traced(checkpoint.generator)
    entry = model.metadata_props.add()
    entry.key, entry.value = HEADER, json.dumps(dataclasses.asdict(checkpoint.info), sort_keys=True)
    content: bytes = model.SerializeToString()
    _check_answers(content, checkpoint.generator)
    return content


def package_graph(checkpoint: Checkpoint, *, int8: bool = False) -> Graph:
    """The graph of a checkpoint's network without its weights, as the package has it.

    Args:
        checkpoint: whose network it is.
        int8: quantise the decoder of the default network. Its weights, in whole numbers, are part of the
            graph, which holds for this checkpoint alone.

    Raises:
        UnavailableError: as `onnx_model`.
    """
    generator, options = checkpoint.generator, dict(checkpoint.info.options)
    model = _traced(generator)
    _check_answers(model.SerializeToString(), generator)
    if int8:
        model = quantised(model)
    stored = generator.state_dict()
    weights, numbers = {}, {}
    for initialiser in model.graph.initializer:
        name = initialiser.name
        if name in stored:
            weights[name] = tuple(stored[name].shape)
        elif name in options:
            numbers[name] = getattr(type(generator).Options(), name)
        else:
            continue
        initialiser.ClearField("raw_data")
        initialiser.data_location = initialiser.EXTERNAL
        initialiser.external_data.add(key="location", value=WHERE)
    fixed = {name: value for name, value in options.items() if name not in numbers}
    digest = checkpoint.digest if int8 else ""
    info = GraphInfo(checkpoint.info.network, fixed, numbers, weights, generator.multiple, digest)
    return Graph(info, model.SerializeToString())


def _traced(generator: Generator) -> onnx.ModelProto:
    """The model of a generator; names of initialisers are those of its tensors."""
    traceable = _Answers(copy.deepcopy(generator).requires_grad_(False)).eval()
    for module in traceable.modules():
        for name, buffer in module.named_buffers(recurse=False):
            module.register_buffer(name, buffer)  # one that is not stored would become a nameless constant
    model = onnx.load_from_string(_exported(traceable))
    _separate_equal_tensors(model)
    for initialiser in model.graph.initializer:
        initialiser.name = initialiser.name.removeprefix(PREFIX)
    for node in model.graph.node:
        node.input[:] = [name.removeprefix(PREFIX) for name in node.input]
    return model


def _separate_equal_tensors(model: onnx.ModelProto) -> None:
    """Give tensors that the exporter found equal, and wrote once, an initialiser each again."""
    by_name = {initialiser.name: initialiser for initialiser in model.graph.initializer}
    given = {output.name for output in model.graph.output}
    shared = [
        node
        for node in model.graph.node
        if node.op_type == "Identity" and node.input[0] in by_name and node.output[0] not in given
    ]
    for node in shared:
        own = model.graph.initializer.add()
        own.CopyFrom(by_name[node.input[0]])
        own.name = node.output[0]
        model.graph.node.remove(node)


def _exported(traceable: _Answers) -> bytes:
    """The model as torch writes it; batch norms stay as they are, so that tensors keep their names."""
    generator = traceable.generator
    batch, *sides = _TRACED
    shown = torch.zeros(batch, 1, *(side * generator.multiple for side in sides))
    outputs = _outputs(generator.predict_likelihood(shown))
    maps = (INPUT, *(name for name, part in outputs.items() if part.ndim == shown.ndim))
    axes = {name: {0: "batch", 2: f"{name}_height", 3: f"{name}_width"} for name in maps}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # Of its age (the newer exporter takes minutes), and of sizes, which `_check_answers` tests.
        warnings.simplefilter("ignore")
        written = Path(folder, "traced.onnx")
        torch.onnx.export(
            traceable,
            (shown,),
            written,
            dynamo=False,
            opset_version=_OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_axes=axes,
        )
        return written.read_bytes()


def _check_answers(content: bytes, generator: Generator) -> None:
    """Ask a whole model and its network the same, at other sizes than it was traced at.

    Args:
        content: the ONNX model.
        generator: the network, in evaluation mode.

    Raises:
        UnavailableError: their answers differ in shape or by more than rounding.
    """
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(7)
    for batch, *sides in ASKED:
        shape = (batch, 1, *(side * generator.multiple for side in sides))
        lightness = random.uniform(-1, 1, shape).astype(np.float32)
        with torch.inference_mode():
            expected = _outputs(generator.predict_likelihood(torch.from_numpy(lightness)))
        given = session.run(list(expected), {INPUT: lightness})
        for mine, theirs in zip(given, (part.numpy() for part in expected.values()), strict=True):
            if mine.shape != theirs.shape or not np.allclose(mine, theirs, rtol=1e-4, atol=_TOLERANCE):
                raise UnavailableError(
                    f"this network cannot be written as an ONNX graph: shown {shape} it answers otherwise"
                )


def _write_package_graph(*, int8: bool) -> None:
    """Write a graph of the built-in weights' network into the package."""
    graph = package_graph(load_checkpoint(built_in_path()), int8=int8)
    target = graph_path(graph.info.network, int8=int8)
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(graph.content)
    text = json.dumps(dataclasses.asdict(graph.info), indent=1, sort_keys=True)
    target.with_suffix(".json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    _write_package_graph(int8=False)
    _write_package_graph(int8=True)
