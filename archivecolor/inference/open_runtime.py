"""Which program runs a checkpoint's network, and why; the one place that knows them by name."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from archivecolor.errors import UnavailableError, UsageError
from archivecolor.inference.runtime import Runtime
from archivecolor.networks.checkpoint import CheckpointInfo, load_checkpoint, read_checkpoint, read_info
from archivecolor.networks.graph import graph_for
from archivecolor.networks.torch_install import (
    cpu_has_bf16,
    has_torch,
    may_have_accelerator,
    require_torch,
)
from archivecolor.settings import InferenceOptions

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RuntimeChoice:
    """What runs a network.

    Attributes:
        name: "torch" or "onnx".
        why: half a sentence for people.
    """

    name: str
    why: str


def open_runtime(checkpoint: Path, options: InferenceOptions) -> Runtime:
    """A checkpoint's network, ready to answer.

    Raises:
        CheckpointError: the checkpoint cannot be read.
        UsageError, UnavailableError: as `choose_runtime`; or the device has no such name, or is not there.
    """
    choice = choose_runtime(read_info(checkpoint), options)
    runtime: Runtime
    if choice.name == "onnx":
        from archivecolor.inference.onnx_runtime import OnnxRuntime

        runtime = OnnxRuntime(read_checkpoint(checkpoint), options.precision)
    else:
        from archivecolor.inference.torch_runtime import TorchRuntime

        runtime = TorchRuntime(load_checkpoint(checkpoint), options)
    logger.info("%s %s answers on %s: %s", runtime.name, runtime.version, runtime.placement, choice.why)
    return runtime


def check_runtime(checkpoint: Path, options: InferenceOptions) -> None:
    """Refuse what was asked for and cannot be had here, before any work; loads torch for a device alone.

    Raises:
        CheckpointError: the checkpoint cannot be read.
        UsageError, UnavailableError: as `open_runtime`.
    """
    if (options.device, options.runtime, options.precision) == ("auto", "auto", "auto"):
        return
    choose_runtime(read_info(checkpoint), options)
    if options.device not in ("auto", "cpu"):
        from archivecolor.networks.device import choose_device

        choose_device(options.device)


def choose_runtime(info: CheckpointInfo, options: InferenceOptions) -> RuntimeChoice:
    """What runs the network of a checkpoint: the faster one here, unless one is asked for.

    Raises:
        UsageError: the options contradict each other.
        UnavailableError: what is asked for, or the only one that has the network, is not installed.
    """
    torch_alone, int8 = _what_torch_alone_does(options), options.precision == "int8"
    if int8 and options.runtime == "torch":
        raise UsageError("--precision int8 is ONNX Runtime's; leave out --runtime torch")
    if options.runtime == "onnx" or int8:
        if torch_alone:
            raise UsageError(
                f"ONNX Runtime computes in fp32 on the processor; {torch_alone} takes --runtime torch"
            )
        graph_for(info, int8=int8)
        return RuntimeChoice("onnx", "--precision int8 needs it" if int8 else "it was asked for")
    if options.runtime == "torch" or torch_alone:
        require_torch(torch_alone or "--runtime torch")
        return RuntimeChoice("torch", f"{torch_alone} needs it" if torch_alone else "it was asked for")
    if not has_torch():
        return _without_torch(info)
    return _faster_of_both(info, options)


def _what_torch_alone_does(options: InferenceOptions) -> str:
    """The option that ONNX Runtime cannot fulfil, as people write it; empty if there is none."""
    if options.device not in ("auto", "cpu"):
        return f"--device {options.device}"
    if options.precision not in ("auto", "fp32", "int8"):
        return f"--precision {options.precision}"
    return ""


def _without_torch(info: CheckpointInfo) -> RuntimeChoice:
    try:
        graph_for(info)
    except UnavailableError as error:
        raise UnavailableError(
            f"{error}, which is not installed: pip install 'archivecolor[torch]'"
        ) from error
    return RuntimeChoice("onnx", "torch is not installed")


def _faster_of_both(info: CheckpointInfo, options: InferenceOptions) -> RuntimeChoice:
    if options.device == "auto" and may_have_accelerator():
        from archivecolor.networks.device import choose_device

        device = choose_device(options.device)
        if device.type != "cpu":
            return RuntimeChoice("torch", f"it has {device} here")
    if options.precision == "auto" and cpu_has_bf16():
        return RuntimeChoice("torch", "this processor computes in bfloat16, and it uses that")
    try:
        graph_for(info)
    except UnavailableError as error:
        return RuntimeChoice("torch", str(error))
    return RuntimeChoice("onnx", "on this processor it is faster than torch")
