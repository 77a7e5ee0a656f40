"""Options that several jobs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import Settings, option

DEVICE_NAME = r"auto|cpu|mps|cuda(:\d+)?"


@dataclass(frozen=True, kw_only=True)
class OutputOptions(Settings):
    """What a run says, and where."""

    GROUP = "Reports"

    quiet: bool = option(False, "Say nothing when all is well.", short="q", common=True)
    verbose: bool = option(False, "Say more: one line per item.", short="v", common=True)
    json: bool = option(False, "Print one JSON line per item.", common=True)
    log_file: Path | None = option(None, "Append JSON log lines to this file.")


@dataclass(frozen=True, kw_only=True)
class EndOptions(Settings):
    """What is shown when a run is over."""

    GROUP = "Reports"

    open: bool = option(False, "Open the folder of the outputs, when all is done.", common=True)


@dataclass(frozen=True, kw_only=True)
class InferenceOptions(Settings):
    """How and on what a network answers."""

    GROUP = "Machine"

    device: str = option(
        "auto", "Where the network runs: auto, cpu, cuda, cuda:N or mps.", pattern=DEVICE_NAME, common=True
    )
    runtime: str = option(
        "auto",
        "What runs the network: torch, onnx (ONNX Runtime, on the processor), or auto: the faster one here.",
        choices=("auto", "torch", "onnx"),
    )
    precision: str = option(
        "auto",
        "Number format of the network; int8 is for the built-in weights in ONNX Runtime.",
        choices=("auto", "fp32", "bf16", "fp16", "int8"),
    )
    batch_size: int = option(8, "Pictures the network sees at once.", unit="pictures", low=1, high=1024)
    working_size: int = option(
        256,
        "Short side at which the network sees a picture.",
        unit="pixels",
        low=64,
        high=2048,
        multiple_of=32,
        shapes_output=True,
        group="Colour",
    )
    quality: str = option(
        "normal",
        "normal, or high: the mean of several views, about 3 times the work.",
        choices=("normal", "high"),
        shapes_output=True,
        group="Colour",
    )
    saturation: float = option(
        1.0,
        "Gain on all chroma; 0 leaves grey.",
        low=0.0,
        high=3.0,
        shapes_output=True,
        group="Colour",
        common=True,
    )


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(InferenceOptions):
    """Which network answers, and on what."""

    GROUP = "Colour"

    checkpoint: Path | None = option(
        None, "Checkpoint file; the built-in weights without it.", kind="checkpoint"
    )


@dataclass(frozen=True, kw_only=True)
class SchedulingOptions(Settings):
    """What a scheduler needs."""

    GROUP = "Machine"

    nice: int = option(0, "Lower the priority by this much.", low=0, high=19)
    max_runtime: float | None = option(None, "Stop cleanly after this long.", unit="seconds", low=0)
    max_failures: int | None = option(None, "Stop with exit code 7 after more failures than this.", low=0)
    wait_lock: float = option(
        0.0, "Wait this long for another run of the same output.", unit="seconds", low=0
    )


@dataclass(frozen=True, kw_only=True)
class ProvenanceOptions(Settings):
    """In what form an archive gets what was made."""

    GROUP = "Output"

    bag: bool = option(
        False, "Make OUT a BagIt bag: the tree under OUT/data, its lists written as the run ends."
    )
    premis: bool = option(False, "Write a PREMIS 3 file for every derivative, in OUT/_archivecolor/premis.")


@dataclass(frozen=True, kw_only=True)
class CredentialsOptions(Settings):
    """Who signs what is made."""

    GROUP = "Output"

    credentials: Path | None = option(
        None,
        "Sign each output as this file says: certificates, and a key or a command that signs.",
        shapes_output=True,
        digests_default=False,
        digests_presence=True,
    )


@dataclass(frozen=True, kw_only=True)
class SelectionOptions(Settings):
    """Which files of a tree are taken."""

    GROUP = "Input"

    files_from: Path | None = option(None, "Take only the paths in this file (one a line, relative to IN).")
    include: tuple[str, ...] = option(
        (), "Take only paths that match this glob; may be repeated.", common=True
    )
    exclude: tuple[str, ...] = option(
        (), "Leave out paths that match this glob; may be repeated.", common=True
    )
    min_age: float = option(
        0.0, "Leave files changed less than this long ago for the next run.", unit="seconds", low=0
    )
    limit: int | None = option(None, "Stop after this many items.", low=0, common=True)
    shard: str = option("", "Take only the k-th of n shares of the tree, written k/n with k from 1 to n.")
    overwrite: bool = option(False, "Do everything again.", group="Output", common=True)
    retry_failed: bool = option(False, "Try items again that failed before.", group="Output")
    redo_accepted: bool = option(
        False, "Make what was accepted anew too, where settings or weights are others.", group="Output"
    )
    take_back: tuple[str, ...] = option(
        (),
        "Put the handwork at this path of IN or OUT aside and make it anew; may be repeated.",
        group="Output",
    )
    dry_run: bool = option(False, "Say what would be done, and do nothing.", group="Output", common=True)


@dataclass(frozen=True, kw_only=True)
class RunOptions(SelectionOptions, ProvenanceOptions, SchedulingOptions, EndOptions, OutputOptions):
    """Options of every job that makes a derivative of each item of a tree."""


@dataclass(frozen=True, kw_only=True)
class ToneOptions(Settings):
    """What is done with pictures that are not plainly grey."""

    GROUP = "Colour"

    toned: str = option(
        "colour",
        "Sepia, cyanotype and the like: colour them, keep them as they are, or skip.",
        choices=("colour", "keep", "skip"),
        shapes_output=True,
        common=True,
    )
    colour: str = option(
        "skip",
        "What is already in colour: skip, copy, or recolour from its luma; a film's shots one by one.",
        choices=("skip", "copy", "recolour"),
        shapes_output=True,
        common=True,
    )


@dataclass(frozen=True, kw_only=True)
class ClusterOptions(Settings):
    """Who else works on a run."""

    GROUP = "Machine"

    cluster: str = option(
        "",
        "Have the workers of a Dask cluster do the work: the address of its scheduler, its "
        "scheduler.json, or local:N for N workers on this machine. Then --jobs is of each worker.",
    )
    worker_resource: str = option(
        "",
        "Take only workers of the cluster that offer this, such as GPU=1.",
        pattern=r"(\w+=\d+(\.\d+)?)?",
    )


@dataclass(frozen=True, kw_only=True)
class ColourOptions(ToneOptions, NetworkOptions, CredentialsOptions, ClusterOptions, RunOptions):
    """Options of every job that colours a tree, whatever its items are."""

    GROUP = "Input"

    same_runtime: bool = option(
        False, "Make anew what another runtime, version or number format made.", group="Output"
    )
    decisions: Path | None = option(
        None,
        "File of decisions made elsewhere; they are taken into those of OUT, and the newest holds.",
    )
    report: Path | None = option(
        None,
        "When the run has ended, write what `archivecolor report` writes into this folder.",
        group="Reports",
    )
