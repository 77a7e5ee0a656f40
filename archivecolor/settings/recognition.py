"""Options of what knows pictures again: `archivecolor identify` and `detect`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import option, required
from archivecolor.settings.shared import OutputOptions


@dataclass(frozen=True, kw_only=True)
class IdentifySettings(OutputOptions):
    """Options of `archivecolor identify`."""

    file: tuple[Path, ...] = required("Pictures of unknown origin.", argument=True)
    archive: Path = required("Coloured tree that they may come from (the OUT of a run).")
    nearest: int = option(3, "Where scans look alike, or none is sure, name this many.", low=1, high=100)
    max_megapixels: float = option(500.0, "Open no larger pictures.", unit="megapixels", low=0.001)


@dataclass(frozen=True, kw_only=True)
class DetectSettings(OutputOptions):
    """Options of `archivecolor detect`."""

    file: tuple[Path, ...] = required("Pictures and films of unknown colour.", argument=True)
    checkpoint: Path | None = option(
        None, "Weights that may have coloured them; the built-in ones without it.", kind="checkpoint"
    )
    map: Path | None = option(
        None, "Draw where the one picture's colour is not that of the weights, into this .png.", common=True
    )
    max_megapixels: float = option(500.0, "Open no larger pictures.", unit="megapixels", low=0.001)
