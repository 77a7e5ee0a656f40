"""Options of the commands for what a run left: `grey`, `verify`, `merge`, `prune` and `manifest`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import option, required
from archivecolor.settings.shared import OutputOptions, RunOptions


@dataclass(frozen=True, kw_only=True)
class GreySettings(RunOptions):
    """Options of `archivecolor grey`: the colour taken off again."""

    input: Path = required("Coloured tree (the OUT of a run).", argument=True, kind="folder")
    output: Path = required("Folder for the grey tree.", argument=True, kind="folder")
    jobs: int = option(0, "Worker processes; 0 takes one per core.", low=0, high=256, short="j")
    timeout: float = option(600.0, "Give up on one picture after this long.", unit="seconds", low=1)
    max_megapixels: float = option(
        1000.0, "Refuse pictures larger than this.", unit="megapixels", low=0.001, group="Input"
    )
    any_colour: bool = option(
        False,
        "Take the colour off pictures too that this program did not colour, by mark or record.",
        shapes_output=True,
        digests_default=False,
        group="Input",
    )


@dataclass(frozen=True, kw_only=True)
class VerifySettings(OutputOptions):
    """Options of `archivecolor verify`."""

    output: Path = required("Coloured tree to check against its manifest.", argument=True, kind="folder")
    sources: Path | None = option(None, "Check the sources too; the IN of the run.", kind="folder")
    trust: Path | None = option(
        None, "Certificates (PEM) that are trusted: credentials that lead to none of them are a fault."
    )
    jobs: int = option(0, "Files read at once; 0 takes one per core.", low=0, high=256, short="j")


@dataclass(frozen=True, kw_only=True)
class MergeSettings(OutputOptions):
    """Options of `archivecolor merge`."""

    share: tuple[Path, ...] = required(
        "Coloured trees that were made apart, such as those of --shard.", argument=True, kind="folder"
    )
    output: Path = required("Folder of the one coloured tree.", argument=True, kind="folder")
    copy: bool = option(False, "Copy the files, where they would be linked (which takes no room).")
    dry_run: bool = option(False, "Say what would be merged, and do nothing.")


@dataclass(frozen=True, kw_only=True)
class ExportSettings(OutputOptions):
    """Options of `archivecolor manifest export`."""

    output: Path = required("Coloured tree whose manifest is taken.", argument=True, kind="folder")
    csv: Path | None = option(None, "Write a CSV file; - for standard output.")
    parquet: Path | None = option(None, "Write a Parquet file (needs pyarrow).")
    doubtful: int = option(
        0, "Only this many, those that most deserve a second look, the most doubtful first; 0 for all.", low=0
    )


@dataclass(frozen=True, kw_only=True)
class CompactSettings(OutputOptions):
    """Options of `archivecolor manifest compact`."""

    output: Path = required("Coloured tree whose manifest is made smaller.", argument=True, kind="folder")


@dataclass(frozen=True, kw_only=True)
class PruneSettings(OutputOptions):
    """Options of `archivecolor prune`."""

    output: Path = required(
        "Coloured tree that earlier formats left derivatives in.", argument=True, kind="folder"
    )
    dry_run: bool = option(False, "Say what would be removed, and do nothing.")
