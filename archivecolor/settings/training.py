"""Options of `archivecolor train`: a network from photographs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import option, required
from archivecolor.settings.shared import DEVICE_NAME, OutputOptions


@dataclass(frozen=True, kw_only=True)
class TrainSettings(OutputOptions):
    """Options of `archivecolor train`."""

    data: tuple[Path, ...] = required(
        "Folders, list files (.txt) or tar shards of colour photographs.", argument=True
    )
    output: Path = required(
        "Folder of the run: checkpoints, samples, curves.", short="o", kind="folder", common=True
    )
    network: str = option("default", "Name of the network to train.", common=True)
    title: str = option("", "What people are to call the weights; network and steps without it.")
    validation: tuple[Path, ...] = option(
        (), "Photographs to validate on; a split of DATA by content hash without it.", common=True
    )
    encoder_weights: Path | None = option(
        None, "Pretrained encoder file (safetensors, or .pth of plain tensors)."
    )
    init: Path | None = option(
        None, "Start from the weights of this checkpoint.", kind="checkpoint", common=True
    )
    average_with: tuple[Path, ...] = option(
        (), "Checkpoint whose mean with what is learned is the last one; may be repeated."
    )
    resume: bool = option(False, "Go on from the newest checkpoint in OUTPUT.", common=True)
    epochs: int | None = option(
        None, "Passes over the pictures; the network's own number without it.", low=1, common=True
    )
    max_steps: int | None = option(None, "Stop after this many steps in all.", low=1, common=True)
    max_runtime: float | None = option(
        None, "Let the schedule end after this long.", unit="seconds", low=1, common=True
    )
    batch_size: int | None = option(
        None, "Pictures per batch; the network's own number without it.", unit="pictures", low=1, common=True
    )
    compile: bool = option(False, "Compile the network first: minutes at the start, faster steps after.")
    accumulate: int = option(1, "Batches summed into one step.", low=1)
    lr: float | None = option(None, "Learning rate of the generator; the network's own without it.", low=1e-9)
    size: int | None = option(
        None, "Side of the square crops.", unit="pixels", low=32, multiple_of=16, common=True
    )
    augment: float | None = option(
        None,
        "Strength of old film's faults on the input, 0 none; the network's own without it.",
        low=0.0,
        high=2.0,
    )
    source_weights: str = option("", "Sampling weights by source prefix, as 'x-=1.4,cars=0.35'.")
    device: str = option(
        "auto", "Where the network runs: auto, cpu, cuda, cuda:N or mps.", pattern=DEVICE_NAME, common=True
    )
    precision: str = option("auto", "Number format of the network.", choices=("auto", "fp32", "bf16", "fp16"))
    cache_gigabytes: float = option(4.0, "Memory for decoded pictures.", unit="GB", low=0.01)
    jobs: int = option(0, "Threads that decode and crop; 0 takes one per core.", low=0, high=256, short="j")
    seed: int = option(0, "Seed of everything drawn at random.", low=0)
    ema: float = option(0.998, "Decay of the averaged weights; 0 for none.", low=0.0, high=0.99999)
    clip: float = option(1.0, "Largest gradient norm.", low=0.0)
    patience: int | None = option(
        None,
        "Stop after this many validations without a better one; the network's own number without it.",
        low=1,
    )
    checkpoint_every: float = option(300.0, "Write a checkpoint at least this often.", unit="seconds", low=1)
    sample_every: int = option(
        500,
        "Draw a sample sheet every so many steps, and keep the weights half as often.",
        unit="steps",
        low=1,
    )
    validate_every: int | None = option(
        None, "Validate every so many steps; the network's own number without it.", unit="steps", low=1
    )
    tensorboard: bool = option(False, "Write TensorBoard events too; needs the extra of that name.")
    options: tuple[str, ...] = option(
        (), "Option of the network or of its training, NAME=VALUE; may be repeated."
    )
