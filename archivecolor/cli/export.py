"""`archivecolor export`: a checkpoint's network for other programs."""

from __future__ import annotations

from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode
from archivecolor.settings import ModelExportSettings


@command_for(ModelExportSettings, "export")
def command(settings: ModelExportSettings) -> ExitCode:
    r"""Write the network of CHECKPOINT, with its weights, into FILE for other programs.

    The ONNX model takes "lightness" (batch, 1, height, width), L* as L / 50 - 1, sides multiples of 32, and
    answers "ab" in Lab units, "certainty" and "features". It is compared with torch before it is written.

    \b
    Example:
      archivecolor export --onnx run/best.safetensors best.onnx
    """
    from archivecolor.jobs.export import export_model

    export_model(settings)
    return ExitCode.OK
