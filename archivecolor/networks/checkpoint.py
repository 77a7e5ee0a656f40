"""Checkpoints: one safetensors file that rebuilds its own network. Loading never runs code.

torch is imported where a network is built: what a file says of itself, and its tensors, are read without.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from safetensors import SafetensorError

from archivecolor.colour.arrays import Numbers
from archivecolor.errors import CheckpointError, UsageError
from archivecolor.networks.builtin import check_size
from archivecolor.networks.registry import build_generator, network_names
from archivecolor.printable import quoted

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from archivecolor.networks.base import Generator

FORMAT = 1
HEADER = "archivecolor"
# Far beyond any network of ours, and still harmless.
_MAX_HEADER_BYTES = 8 << 20
_MAX_TENSORS = 20_000
_MAX_LAYERS = 256
MAX_WIDTH = 1 << 16
_MAX_MESSAGE = 200


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says of itself.

    Attributes:
        network: name of the network in the registry.
        options: the network's options by name.
        title: what people call these weights.
        training: facts: options of the objective, steps, pictures seen, size, settings, library versions.
        data_digest: digest over the training pictures' content.
        metrics: validation metrics by name.
        licence: a note on the terms of weights and data.
        format: layout version of the file.
    """

    network: str
    options: Mapping[str, object]
    title: str = ""
    training: Mapping[str, object] = field(default_factory=dict)
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
    tensors: Mapping[str, Numbers]
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

    from archivecolor.networks.base import stored_tensors

    number = torch.float16 if half else torch.float32
    tensors = {
        name: _as_stored(tensor.detach().cpu(), number).contiguous()
        for name, tensor in stored_tensors(generator).items()
    }
    return save(tensors, metadata={HEADER: json.dumps(dataclasses.asdict(info), sort_keys=True)})


def _as_stored(tensor: Tensor, number: torch.dtype) -> Tensor:
    """A tensor in the number format of a file; as it is where it holds what that cannot."""
    if not tensor.is_floating_point():
        return tensor
    rounded = tensor.to(number)
    return rounded if bool(rounded.isfinite().all()) else tensor


def read_info(path: Path) -> CheckpointInfo:
    """What a checkpoint says of itself; its tensors are not read. Raises `CheckpointError`."""
    with _opened(path) as file:
        head = file.read(8)
        head += file.read(min(int.from_bytes(head, "little"), _MAX_HEADER_BYTES))
        return _parse_info(head, os.fstat(file.fileno()).st_size, path)


def read_checkpoint(path: Path) -> StoredCheckpoint:
    """What a checkpoint says of itself, and its tensors; no network is built.

    Raises:
        CheckpointError: the file is missing, damaged, of a newer layout or of an unknown network.
    """
    from safetensors.numpy import load

    content = _read(path)
    info = _parse_info(content, len(content), path)
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:  # also of numbers that numpy has not
        raise CheckpointError(f"{path} is damaged or no safetensors file: {_short(error)}") from error
    return StoredCheckpoint(path, info, tensors, hashlib.sha256(content).hexdigest())


def load_checkpoint(path: Path) -> Checkpoint:
    """Rebuild a network from its file, strictly.

    Raises:
        CheckpointError: the file is missing, damaged, of a newer layout, of an unknown network, or its
            tensors are not those of the network.
    """
    import torch

    from archivecolor.networks.base import tensor_mismatch

    content = _read(path)
    info = _parse_info(content, len(content), path)
    tensors = _tensors_of(content, path)
    # First without memory, and with no more layers than there are tensors for: a header that asks for more
    # than the file holds must not be believed.
    with torch.device("meta"), _limited_parameters(4 * len(tensors) + 100):
        mismatch = tensor_mismatch(_build(info, path), tensors)
    if mismatch:
        raise CheckpointError(f"{path} does not fit its network: {mismatch}")
    generator = _build(info, path)
    generator.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
    return Checkpoint(generator.eval(), info, hashlib.sha256(content).hexdigest())


@contextmanager
def _limited_parameters(most: int) -> Iterator[None]:
    """End the making of a network that registers more parameters than `most` with a `ValueError`."""
    from torch.nn.modules.module import register_module_parameter_registration_hook

    count = 0

    def count_one(*_: object) -> None:
        nonlocal count
        count += 1
        if count > most:
            raise ValueError("it would have far more layers than the file has tensors")

    handle = register_module_parameter_registration_hook(count_one)
    try:
        yield
    finally:
        handle.remove()


def _build(info: CheckpointInfo, path: Path) -> Generator:
    try:
        return build_generator(info.network, dict(info.options))
    except (UsageError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is of another layout of its network: {_short(error)}") from error


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
            f"{path} cannot be read as plain tensors; nothing else is ever loaded"
        ) from error
    tensors = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    if not tensors or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise CheckpointError(f"{path} holds no plain state dict of tensors")
    return dict(tensors)


def _read(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    check_size(path)
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} cannot be read: {error.strerror}") from error


def _tensors_of(content: bytes, path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load

    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{path} is damaged or no safetensors file: {_short(error)}") from error


def _short(error: Exception) -> str:
    """What an error says, without the pages of a crafted value."""
    return textwrap.shorten(str(error), _MAX_MESSAGE)


def _parse_info(content: bytes, nbytes: int, path: Path) -> CheckpointInfo:
    """What a file of `nbytes` that begins with `content` says of itself."""
    try:
        info = CheckpointInfo(**_info_values(_header_of(content, nbytes)))
    except (KeyError, AttributeError) as error:
        raise CheckpointError(
            f"{path} is no archivecolor checkpoint; make one with `archivecolor train`"
        ) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} has a damaged header: {_short(error)}") from error
    if info.format != FORMAT:
        way = "newer than this program's; update it" if info.format > FORMAT else "too old; train it anew"
        raise CheckpointError(f"{path} has layout {info.format}, {way} (this program's is {FORMAT})")
    if info.network not in network_names():
        raise CheckpointError(
            f"{path} is of network {quoted(info.network)}, which this program does not have"
        )
    return info


# Any, here and below: what JSON holds, whose kinds are checked as it is read.
def _header_of(content: bytes, nbytes_of_file: int) -> dict[str, Any]:
    """The header of a safetensors file that begins with `content`, within bounds.

    Raises:
        KeyError: it is none.
        ValueError, RecursionError: it is damaged.
    """
    nbytes = int.from_bytes(content[:8], "little")
    if not 2 <= nbytes <= nbytes_of_file - 8 or content[8:9] != b"{":
        raise KeyError(HEADER)
    if nbytes > _MAX_HEADER_BYTES:
        raise ValueError(f"it has {nbytes} bytes")
    header = json.loads(content[8 : 8 + nbytes])
    if len(header) > _MAX_TENSORS:
        raise ValueError(f"it names {len(header)} tensors")
    return dict(header)


def _info_values(header: Mapping[str, Any]) -> dict[str, Any]:
    """What the header says of the network, of the kinds that `CheckpointInfo` has.

    Raises:
        KeyError, AttributeError: it says nothing.
        ValueError, TypeError, RecursionError: it is damaged.
    """
    values = json.loads(header["__metadata__"][HEADER])
    kinds: dict[str, type] = {"network": str, "title": str, "data_digest": str, "licence": str, "format": int}
    kinds |= dict.fromkeys(("options", "training", "metrics"), dict)
    known = {name: value for name, value in values.items() if name in kinds}
    for name, value in known.items():
        if type(value) is not kinds[name]:
            raise ValueError(f"{name} is {_short(ValueError(value))}")
    for name, value in known.get("options", {}).items():
        parts = value if isinstance(value, list) else [value]
        if len(parts) > _MAX_LAYERS or any(isinstance(part, int) and abs(part) > MAX_WIDTH for part in parts):
            raise ValueError(f"option {_short(ValueError(name))} is out of bounds")
    return known
