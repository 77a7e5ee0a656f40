"""Options of the commands for what there is to work with: `doctor`, `models` and `export`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import Settings, option, required
from archivecolor.settings.shared import NetworkOptions


@dataclass(frozen=True, kw_only=True)
class DoctorSettings(NetworkOptions):
    """Options of `archivecolor doctor`."""

    measure: bool = option(False, "Time every program here that can run the network, two seconds each.")


@dataclass(frozen=True, kw_only=True)
class ModelExportSettings(Settings):
    """Options of `archivecolor export`."""

    checkpoint: Path = required("Checkpoint file whose network is written.", argument=True, kind="checkpoint")
    file: Path = required("File to write.", argument=True)
    onnx: bool = option(False, "Write an ONNX model, weights included.")


@dataclass(frozen=True, kw_only=True)
class ModelsSettings(Settings):
    """Options of `archivecolor models`."""

    checkpoints: tuple[Path, ...] = option(
        (), "Checkpoint files to describe.", argument=True, kind="checkpoint"
    )
    json: bool = option(False, "Print one JSON line per checkpoint.")
