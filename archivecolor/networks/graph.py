"""ONNX graphs that travel with the package and take their weights from a checkpoint; no torch, no onnx.

A network has one if `graphs/NETWORK.onnx` is there; `graphs/NETWORK.json` says for which options of the
network it holds and which tensors it asks for. `NETWORK-int8` has the decoder in whole numbers, for one
checkpoint. `export.py` makes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.errors import CheckpointError, UnavailableError
from archivecolor.networks.checkpoint import CheckpointInfo, StoredCheckpoint
from archivecolor.networks.options import is_number
from archivecolor.printable import quoted

FORMAT = 1
INPUT = "lightness"
OUTPUTS = ("ab", "certainty", "features", "likelihood", "colours")


@dataclass(frozen=True)
class GraphInfo:
    """What a graph without weights is for, and what it asks for.

    Attributes:
        network: name of the network in the registry.
        options: the network's options for which the graph holds, by name, as JSON has them.
        numbers: options that are initialisers of the graph, and so may differ, with their defaults.
        weights: shapes of the checkpoint's tensors that are its initialisers, by name.
        multiple: both sides of its input are multiples of this many pixels.
        checkpoint: SHA-256 of the one checkpoint for which it holds; empty where any will do.
        format: layout version of this description.
    """

    network: str
    options: Mapping[str, object]
    numbers: Mapping[str, float]
    weights: Mapping[str, tuple[int, ...]]
    multiple: int
    checkpoint: str = ""
    format: int = FORMAT


@dataclass(frozen=True)
class Graph:
    """A graph of the package.

    Attributes:
        info: what it is for.
        content: the ONNX model, whose initialisers' values are elsewhere.
    """

    info: GraphInfo
    content: bytes


def graph_path(network: str, *, int8: bool = False) -> Path:
    """Where the package has the graph of a network, if it has one."""
    name = f"{network}-int8.onnx" if int8 else f"{network}.onnx"
    return Path(str(resources.files("archivecolor.networks") / "graphs" / name))


def graph_for(info: CheckpointInfo, *, int8: bool = False) -> Graph:
    """The graph of a checkpoint's network.

    Args:
        info: what the checkpoint says of itself.
        int8: the graph whose decoder is quantised.

    Raises:
        UnavailableError: there is none for this network, or none for its options.
    """
    path = graph_path(info.network, int8=int8)
    described = path.with_suffix(".json")
    if not described.is_file():
        raise UnavailableError(f"ONNX Runtime has no graph of network {quoted(info.network)}; it needs torch")
    graph = _parse(described.read_bytes())
    given = dict(info.options)
    differing = sorted(name for name, value in graph.options.items() if given.get(name) != value)
    if differing:
        name = differing[0]
        raise UnavailableError(
            f"ONNX Runtime has the graph of network {quoted(info.network)} for {name}={graph.options[name]},"
            f" not for {name}={given.get(name)}; it needs torch"
        )
    return Graph(graph, path.read_bytes())


def _parse(content: bytes) -> GraphInfo:
    values = json.loads(content)
    if values["format"] != FORMAT:
        raise UnavailableError(
            f"the graph of network {quoted(str(values['network']))} has layout {values['format']},"
            f" this program's is {FORMAT}; install the package anew"
        )
    weights = {name: tuple(shape) for name, shape in values.pop("weights").items()}
    return GraphInfo(weights=weights, **values)


def initialisers(graph: GraphInfo, checkpoint: StoredCheckpoint) -> dict[str, Float32]:
    """The graph's initialisers, float32, by name.

    Raises:
        UnavailableError: the graph holds for another checkpoint alone.
        CheckpointError: the checkpoint lacks one of them, or has it in another shape or as no number.
    """
    if graph.checkpoint not in ("", checkpoint.digest):
        raise UnavailableError(
            f"--precision int8 is made for other weights than {checkpoint.path}; take --precision fp32"
        )
    found: dict[str, Float32] = {}
    for name, shape in graph.weights.items():
        tensor = checkpoint.tensors.get(name)
        if tensor is None or tensor.shape != shape:
            there = "missing" if tensor is None else f"of shape {list(tensor.shape)}"
            raise CheckpointError(
                f"{checkpoint.path} does not fit its network: tensor {name} is {there}, not {list(shape)}"
            )
        found[name] = np.ascontiguousarray(tensor, np.float32)
    for name, default in graph.numbers.items():
        value = checkpoint.info.options.get(name, default)
        if not is_number(value):
            raise CheckpointError(
                f"{checkpoint.path} has option {name} as {quoted(str(value))}; it takes a number"
            )
        found[name] = np.array(value, np.float32)
    return found
