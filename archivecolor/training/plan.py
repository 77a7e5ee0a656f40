"""What a run is going to be, told before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archivecolor.settings import TrainSettings
from archivecolor.training.setup import TrainingRun, enlarged_pictures

# Four bytes each: weights, gradients, two moments, averages.
_BYTES_PER_PARAMETER = 20


@dataclass(frozen=True)
class TrainingPlan:
    """A run before its first step.

    Attributes:
        network: its name.
        parameters: of the generator.
        pictures: counts by set: "train", "validation", "test".
        dropped: files and pictures left out, by cause.
        enlarged: training pictures smaller than the crops, which are enlarged to their size.
        steps_done: steps of earlier sessions.
        steps: steps in all, unless the time ends first.
        batch: pictures per step, over all processes and accumulated batches.
        size: side of the crops in pixels.
        crop_device: the kind of device that holds the pictures and cuts the crops.
        device: where it runs, and in which number format.
        nbytes: memory for decoded pictures, weights, gradients and optimiser; what a step needs comes on top.
    """

    network: str
    parameters: int
    pictures: Mapping[str, int]
    dropped: Mapping[str, int]
    enlarged: int
    steps_done: int
    steps: int
    batch: int
    size: int
    crop_device: str
    device: str
    nbytes: int


def training_plan(training: TrainingRun, settings: TrainSettings) -> TrainingPlan:
    """The plan of a run that is set up, and resumed where it is to be."""
    trainer, split = training.trainer, training.split
    sets = {"train": split.train, "validation": split.validation, "test": split.test}
    parameters = sum(part.numel() for part in trainer.generator.parameters())
    decoded = sum(photograph.rgb.nbytes for pictures in sets.values() for photograph in pictures)
    return TrainingPlan(
        network=settings.network,
        parameters=parameters,
        pictures={name: len(pictures) for name, pictures in sets.items()},
        dropped=training.dropped,
        enlarged=enlarged_pictures(split.train, trainer.hyperparameters.size),
        steps_done=trainer.step,
        steps=trainer.total_steps,
        batch=trainer.hyperparameters.batch_size * settings.accumulate,
        size=trainer.hyperparameters.size,
        crop_device="cpu" if trainer.image_cache is None else trainer.device.type,
        device=f"{trainer.device}, {str(trainer.precision).removeprefix('torch.')}",
        nbytes=decoded + parameters * _BYTES_PER_PARAMETER,
    )
