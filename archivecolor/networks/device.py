"""Where networks run, and in which number format."""

from __future__ import annotations

import contextlib
import functools
from contextlib import AbstractContextManager

import torch

from archivecolor.errors import UnavailableError, UsageError
from archivecolor.networks.torch_install import cpu_has_bf16
from archivecolor.printable import quoted

# On the CPU and on MPS torch raises a plain RuntimeError, known by its words alone. The last are oneDNN's,
# which has no room for the code it makes for a layer.
OUT_OF_MEMORY = ("DefaultCPUAllocator", "out of memory", "could not create a primitive")
_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """The device called `name`; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        UsageError: the name is not one of a device.
        UnavailableError: the machine has no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and not index.isdigit()):
        raise UsageError(f"device is {quoted(name)}; choose auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UnavailableError("device cuda cannot be used: torch sees no CUDA device here; try --device cpu")
    if kind == "cuda" and index and int(index) >= torch.cuda.device_count():
        raise UnavailableError(f"device {name} is not there: this machine has {torch.cuda.device_count()}")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UnavailableError("device mps cannot be used: this machine has none; try --device cpu")
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The number format called `name`; "auto" takes bfloat16 where the processor computes in it."""
    if name != "auto":
        return _PRECISIONS[name]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu" and cpu_has_bf16():
        return torch.bfloat16
    return torch.float32


@functools.cache
def device_constant(values: tuple[float | tuple[float, ...], ...], device: torch.device) -> torch.Tensor:
    """Numbers, nested as `values` are, as a float32 tensor that is copied to the device once.

    A copy in every step would hold up the step until the device has done all it was given before.
    """
    with torch.inference_mode(False):
        return torch.tensor(values, device=device)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device, or the machine, has no room left."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)


def mixed_precision(device: torch.device, precision: torch.dtype) -> AbstractContextManager[object]:
    """Context in which a network computes in `precision` where that is safe."""
    if precision == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=precision)
