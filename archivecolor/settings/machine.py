"""Options of the commands for what there is to work with: `doctor` and `models`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import Settings, option
from archivecolor.settings.shared import DEVICE_NAME


@dataclass(frozen=True, kw_only=True)
class DoctorSettings(Settings):
    """Options of `archivecolor doctor`."""

    checkpoint: Path | None = option(None, "Checkpoint file; the built-in weights without it.")
    device: str = option(
        "auto", "Where the network would run: auto, cpu, cuda, cuda:N or mps.", pattern=DEVICE_NAME
    )


@dataclass(frozen=True, kw_only=True)
class ModelsSettings(Settings):
    """Options of `archivecolor models`."""

    checkpoints: tuple[Path, ...] = option((), "Checkpoint files to describe.", argument=True)
    json: bool = option(False, "Print one JSON line per checkpoint.")
