"""What a run shows and keeps along the way: figures, sample sheets, checkpoints."""

from __future__ import annotations

import dataclasses
from importlib.metadata import version

from archivecolor.model.checkpoint import CheckpointInfo, dump_checkpoint
from archivecolor.model.generators import generator_class
from archivecolor.settings import TrainSettings
from archivecolor.training.data import CACHE_MARGIN
from archivecolor.training.loop import Trainer
from archivecolor.training.samples import colour_squares, draw_sheet, middle_squares, validation_figures
from archivecolor.training.setup import Training
from archivecolor.training.state import BEST, log_figures, write_bytes

VALIDATION_PICTURES = 96
SAMPLE_PICTURES = 16


def validate(training: Training, settings: TrainSettings) -> bool:
    """Measure the averaged weights and keep the best; False once patience is at its end."""
    trainer = training.trainer
    truth = middle_squares(training.split.validation[:VALIDATION_PICTURES], validation_side(trainer))
    ours = colour_squares(trainer.averaged, truth, trainer.device, trainer.precision)
    figures = validation_figures(ours, truth)
    log_figures(settings.output, "validation", trainer.step, figures)
    trainer.figures |= {f"last_{name}": value for name, value in figures.items()}
    if figures["ciede2000"] < trainer.figures.get("best", float("inf")):
        trainer.figures |= {"best": figures["ciede2000"], "waited": 0.0}
        write_checkpoint(training, settings, BEST)
        return True
    trainer.figures["waited"] = trainer.figures.get("waited", 0.0) + 1
    return settings.patience is None or trainer.figures["waited"] < settings.patience


def sample(training: Training, settings: TrainSettings) -> None:
    """Draw the sheet of fixed validation pictures."""
    trainer = training.trainer
    truth = middle_squares(training.split.validation[:SAMPLE_PICTURES], validation_side(trainer))
    ours = colour_squares(trainer.averaged, truth, trainer.device, trainer.precision)
    draw_sheet(settings.output / f"sample-{trainer.step:08d}.png", ours, truth)


def validation_side(trainer: Trainer) -> int:
    """Side of validation squares in pixels: near the cached size, a multiple the network accepts."""
    multiple = generator_class(trainer.settings.network).multiple
    return max(1, round(trainer.numbers.size * CACHE_MARGIN) // multiple) * multiple


def write_checkpoint(training: Training, settings: TrainSettings, name: str) -> CheckpointInfo:
    """Write the averaged weights as a checkpoint that rebuilds its own network. Raises `OutputError`."""
    info = describe(training, settings)
    write_bytes(settings.output / name, dump_checkpoint(training.trainer.averaged, info))
    return info


def describe(training: Training, settings: TrainSettings) -> CheckpointInfo:
    """What a checkpoint of this moment says of itself."""
    trainer = training.trainer
    prefix = "last_"
    return CheckpointInfo(
        network=settings.network,
        options=dataclasses.asdict(trainer.averaged.options),
        title=f"{settings.network}, {trainer.step} steps",
        training={
            "steps": trainer.step,
            "seconds": round(trainer.elapsed),
            "pictures": len(training.split.train),
            "dropped": training.dropped,
            "recipe": dataclasses.asdict(trainer.recipe.options),
            "numbers": dataclasses.asdict(trainer.numbers),
            "seed": settings.seed,
            "torch": version("torch"),
            "archivecolor": version("archivecolor"),
        },
        data_digest=training.digest,
        metrics={
            key.removeprefix(prefix): value
            for key, value in trainer.figures.items()
            if key.startswith(prefix)
        },
        licence="These weights carry the terms of the pictures they were trained on.",
    )
