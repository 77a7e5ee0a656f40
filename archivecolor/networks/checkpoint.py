"""Checkpoints: one safetensors file that rebuilds its own network. Loading never runs code.

torch is imported where a network is built: what a file says of itself, and its tensors, are read without.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from safetensors import SafetensorError

from archivecolor.errors import CheckpointError, UsageError
from archivecolor.networks.registry import build_generator, network_names

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from archivecolor.networks.base import Generator

FORMAT = 1
HEADER = "archivecolor"


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says of itself.

    Attributes:
        network: name of the network in the registry.
        options: the network's options by name.
        title: what people call these weights.
        training: facts: recipe, steps, pictures seen, size, settings, library versions.
        data_digest: digest over the training pictures' content.
        metrics: validation metrics by name.
        licence: a note on the terms of weights and data.
        format: layout version of the file.
    """

    network: str
    options: Mapping[str, Any]
    title: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    data_digest: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    licence: str = ""
    format: int = FORMAT


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint.

    Attributes:
        generator: the network with its weights, float32, in evaluation mode.
        info: what the file says of itself.
        digest: SHA-256 of the file, hexadecimal.
    """

    generator: Generator
    info: CheckpointInfo
    digest: str


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint's content as it lies in the file, without its network.

    Attributes:
        path: of the file.
        info: what the file says of itself.
        tensors: by name, float16 or float32 for the most part.
        digest: SHA-256 of the file, hexadecimal.
    """

    path: Path
    info: CheckpointInfo
    tensors: Mapping[str, NDArray[Any]]
    digest: str


def dump_checkpoint(generator: Generator, info: CheckpointInfo, *, half: bool = True) -> bytes:
    """A generator as the bytes of a checkpoint file.

    Args:
        generator: the network; its floating tensors are stored.
        info: what the file shall say of itself.
        half: store float16 instead of float32, half the size.
    """
    import torch
    from safetensors.torch import save

    number = torch.float16 if half else torch.float32
    tensors = {
        name: as_stored(tensor.detach().cpu(), number).contiguous()
        for name, tensor in generator.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    content: bytes = save(tensors, metadata={HEADER: json.dumps(dataclasses.asdict(info), sort_keys=True)})
    return content


def as_stored(tensor: Tensor, number: torch.dtype) -> Tensor:
    """A tensor in the number format of a file; as it is where it holds what that cannot."""
    if not tensor.is_floating_point():
        return tensor
    rounded = tensor.to(number)
    return rounded if bool(rounded.isfinite().all()) else tensor


def read_info(path: Path) -> CheckpointInfo:
    """What a checkpoint says of itself, without its tensors. Raises `CheckpointError`."""
    return _parse_info(_read(path), path)


def read_checkpoint(path: Path) -> StoredCheckpoint:
    """What a checkpoint says of itself, and its tensors; no network is built.

    Raises:
        CheckpointError: the file is missing, damaged, of a newer layout or of an unknown network.
    """
    from safetensors.numpy import load

    content = _read(path)
    info = _parse_info(content, path)
    try:
        tensors = load(content)
    except (SafetensorError, KeyError) as error:  # KeyError: of numbers that numpy does not have
        raise CheckpointError(f"{path} is damaged or no safetensors file: {error}") from error
    return StoredCheckpoint(path, info, tensors, hashlib.sha256(content).hexdigest())


def load_checkpoint(path: Path) -> Checkpoint:
    """Rebuild a network from its file, strictly.

    Raises:
        CheckpointError: the file is missing, damaged, of a newer layout, of an unknown network, or its
            tensors are not those of the network.
    """
    import torch

    content = _read(path)
    info = _parse_info(content, path)
    tensors = _tensors_of(content, path)
    # First without memory: a header that asks for more than the file holds must not be believed.
    with torch.device("meta"):
        _check_tensors(_build(info, path), tensors, path)
    generator = _build(info, path)
    generator.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
    return Checkpoint(generator.eval(), info, hashlib.sha256(content).hexdigest())


def _build(info: CheckpointInfo, path: Path) -> Generator:
    try:
        return build_generator(info.network, dict(info.options))
    except (UsageError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is of another layout of its network: {error}") from error


def load_foreign_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a `.safetensors` or `.pth` file of another program; a `.pth` is read as plain tensors only.

    Raises:
        CheckpointError: the file is missing, damaged, or holds more than tensors.
    """
    import torch

    if path.suffix == ".safetensors":
        return _tensors_of(_read(path), path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # torch.load documents no closed set of errors for a bad file
        raise CheckpointError(
            f"{path} cannot be read as plain tensors ({error.__class__.__name__});"
            " nothing else is ever loaded"
        ) from error
    tensors = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    if not tensors or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise CheckpointError(f"{path} holds no plain state dict of tensors")
    return dict(tensors)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} cannot be read: {error.strerror}") from error


def _tensors_of(content: bytes, path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load

    try:
        tensors: dict[str, Tensor] = load(content)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged or no safetensors file: {error}") from error
    return tensors


def _parse_info(content: bytes, path: Path) -> CheckpointInfo:
    nbytes = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + nbytes])
        text = header["__metadata__"][HEADER]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} is no archivecolor checkpoint; make one with `archivecolor train`"
        ) from error
    try:
        known = {spec.name for spec in dataclasses.fields(CheckpointInfo)}
        info = CheckpointInfo(**{key: value for key, value in json.loads(text).items() if key in known})
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} has a damaged header: {error}") from error
    if not isinstance(info.format, int):
        raise CheckpointError(f"{path} has a damaged header: layout {info.format!r}")
    if info.format != FORMAT:
        way = "newer than this program's; update it" if info.format > FORMAT else "too old; train it anew"
        raise CheckpointError(f"{path} has layout {info.format}, {way} (this program's is {FORMAT})")
    if info.network not in network_names():
        raise CheckpointError(f"{path} is of network {info.network!r}, which this program does not have")
    return info


def _check_tensors(generator: Generator, tensors: dict[str, Tensor], path: Path) -> None:
    expected = {
        name: tensor
        for name, tensor in generator.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    misshapen = [
        name for name in expected.keys() & tensors.keys() if expected[name].shape != tensors[name].shape
    ]
    if missing or extra or misshapen:
        first = (missing + extra + sorted(misshapen))[0]
        raise CheckpointError(
            f"{path} does not fit its network: {len(missing)} tensors missing, {len(extra)} unknown,"
            f" {len(misshapen)} of another shape, the first of them {first}"
        )
