"""Options of `archivecolor evaluate`: networks measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import option, required
from archivecolor.settings.shared import InferenceOptions, OutputOptions


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(InferenceOptions, OutputOptions):
    """Options of `archivecolor evaluate`."""

    data: tuple[Path, ...] = required(
        "Folders, list files, tar shards of colour photographs, or films.", argument=True
    )
    checkpoint: tuple[Path, ...] = option(
        (),
        "Checkpoint to judge; may be repeated to compare several. The built-in weights without it.",
        kind="checkpoint",
        common=True,
    )
    output: Path | None = option(
        None, "Folder for the tables (CSV) and contact sheets (PNG).", short="o", common=True
    )
    features: Path | None = option(None, "Feature network (safetensors) for a Frechet distance.", common=True)
    hints: str = option(
        "",
        "Numbers of hints, such as 0,1,5: also measure what so many true colours of random places are worth.",
        pattern=r"|\d{1,3}(,\d{1,3})*",
        common=True,
    )
    hint_places: str = option(
        "uniform",
        "Where these hints are given: at uniform random places, or each at the place that is worst before it,"
        " as people mend.",
        choices=("uniform", "worst", "both"),
    )
    limit: int | None = option(
        None, "Stop after this many pictures, or frames of each film.", low=1, common=True
    )
