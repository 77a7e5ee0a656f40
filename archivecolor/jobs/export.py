"""A checkpoint's network written for other programs."""

from __future__ import annotations

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import UsageError
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.networks.torch_install import require_torch
from archivecolor.settings import ModelExportSettings


def export_model(settings: ModelExportSettings) -> None:
    """Write a network with its weights as an ONNX model.

    Raises:
        UsageError: no format is asked for, or the file is the checkpoint itself.
        CheckpointError: the checkpoint cannot be read.
        UnavailableError: torch or onnx is not installed, or the network cannot be written so.
        OutputError: the file cannot be written.
    """
    if not settings.onnx:
        raise UsageError("say what to write: --onnx")
    path = checkpoint_path(settings.checkpoint)
    if settings.file.exists() and settings.file.samefile(path):
        raise UsageError(f"{settings.file} is the checkpoint itself; choose another name")
    require_torch("export", "onnx", extra="train")
    from archivecolor.networks.checkpoint import load_checkpoint
    from archivecolor.networks.export import onnx_model

    content = onnx_model(load_checkpoint(path))
    with atomic_write(settings.file) as part:
        part.write_bytes(content)
