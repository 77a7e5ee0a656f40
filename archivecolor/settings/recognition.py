"""Options of what knows pictures again: `archivecolor identify`."""

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
