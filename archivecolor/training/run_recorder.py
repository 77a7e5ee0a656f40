"""What a run leaves in its folder along the way: figures, curves, sample sheets, checkpoints, its state."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.fixity import sha256_of
from archivecolor.datasets.photographs import Photograph
from archivecolor.networks.checkpoint import CheckpointInfo, dump_checkpoint
from archivecolor.scoring.photo_score import ReferencePhoto, ScoredPhoto
from archivecolor.settings import TrainSettings
from archivecolor.training.crops import CACHE_MARGIN
from archivecolor.training.curves import draw_curves
from archivecolor.training.divergence import check_weights
from archivecolor.training.loop import StepReport, Trainer
from archivecolor.training.metrics_log import MetricsLog, read_metrics_log
from archivecolor.training.samples import (
    centre_squares,
    predict_ab,
    score,
    validation_metrics,
    write_sample_sheet,
)
from archivecolor.training.setup import TrainingRun
from archivecolor.training.state import save_state
from archivecolor.version import program_version

_BEST = "best.safetensors"
LAST = "last.safetensors"
_LOG_EVERY = 50
_VALIDATION_PICTURES = 96
_SAMPLE_PICTURES = 16


class RunRecorder:
    """Keeps the folder of a run.

    Args:
        training: the run.
        settings: what the user asked for.

    Raises:
        OutputError: the folder cannot be written; so do all methods that write.
        UnavailableError: TensorBoard is asked for and not installed.
    """

    def __init__(self, training: TrainingRun, settings: TrainSettings) -> None:
        self._training = training
        self._settings = settings
        self._metrics_log = MetricsLog(settings.output, tensorboard=settings.tensorboard)
        self._trainer = training.trainer

    def after_step(self, step: StepReport) -> None:
        """All that is due after a step; ends the training where patience does."""
        if step.step % _LOG_EVERY == 0:
            self._metrics_log.write("step", step.step, {"lr": step.lr, **step.losses})
        if step.step % self._settings.sample_every == 0:
            self.sample()
        if step.step % (2 * self._settings.sample_every) == 0:
            self.write_checkpoint(LAST)
        if step.step % self.validate_every == 0:
            self.validate()

    def finish(self) -> CheckpointInfo:
        """The last figures, sheet and checkpoint of a training that is done."""
        others = self._training.others
        if others:
            self._trainer.average_with([other.generator for other in others])
        if others or self._trainer.step % self.validate_every:
            self.validate()
        self.test()
        self.sample()
        return self.write_checkpoint(LAST)

    @property
    def validate_every(self) -> int:
        """Steps between validations: the user's, the objective's, or those of an epoch."""
        own = self._trainer.hyperparameters.validate_every or self._trainer.steps_per_epoch
        return self._settings.validate_every or own

    def validate(self) -> None:
        """Measure the averaged weights, keep the best, and end the training where patience does."""
        trainer = self._trainer
        figures = validation_metrics(self._score(self._validation))
        self._metrics_log.write("validation", trainer.step, figures)
        draw_curves(self._settings.output, read_metrics_log(self._settings.output))
        trainer.figures |= {f"last_{name}": value for name, value in figures.items()}
        if figures["ciede2000"] < trainer.figures.get("best", float("inf")):
            trainer.figures |= {"best": figures["ciede2000"], "waited": 0.0}
            self.write_checkpoint(_BEST)
            return
        trainer.figures["waited"] = trainer.figures.get("waited", 0.0) + 1
        patience = self._settings.patience or trainer.hyperparameters.patience
        trainer.finished = patience is not None and trainer.figures["waited"] >= patience

    def test(self) -> None:
        """Measure the averaged weights on the pictures that were kept aside, if there are any."""
        if self._training.split.test:
            figures = validation_metrics(self._score(self._squares(self._training.split.test)))
            self._metrics_log.write("test", self._trainer.step, figures)
            self._trainer.figures |= {f"last_test_{name}": value for name, value in figures.items()}

    def sample(self) -> None:
        """Draw the sheet of fixed validation pictures."""
        truths = self._validation[:_SAMPLE_PICTURES]
        path = self._settings.output / f"sample-{self._trainer.step:08d}.png"
        write_sample_sheet(path, truths, self._score(truths))

    @cached_property
    def _validation(self) -> tuple[ReferencePhoto, ...]:
        return self._squares(self._training.split.validation)

    def _squares(self, photographs: Sequence[Photograph]) -> tuple[ReferencePhoto, ...]:
        return centre_squares(photographs[:_VALIDATION_PICTURES], _validation_size(self._trainer))

    def _score(self, truths: Sequence[ReferencePhoto]) -> list[ScoredPhoto]:
        """What the averaged weights make of true pictures, beside the truth."""
        trainer = self._trainer
        return score(truths, predict_ab(trainer.averaged, truths, trainer.device, trainer.precision))

    def write_checkpoint(self, name: str) -> CheckpointInfo:
        """Write the averaged weights as a checkpoint that rebuilds its own network.

        Raises `DivergedError` where they are no numbers; the older file stays.
        """
        check_weights(self._trainer.step, self._trainer.networks)
        info = describe_checkpoint(self._training, self._settings)
        with atomic_write(self._settings.output / name) as part:
            part.write_bytes(dump_checkpoint(self._trainer.averaged, info))
        return info

    def save(self) -> None:
        """Write the state from which the run can go on.

        Raises `DivergedError` where its weights are no numbers; the older states stay.
        """
        check_weights(self._trainer.step, self._trainer.networks)
        save_state(self._settings.output, self._trainer.state(self._training.digest))


def _validation_size(trainer: Trainer) -> int:
    """Side of validation squares in pixels: near the cached size, a multiple the network accepts."""
    multiple = trainer.averaged.multiple
    return max(1, round(trainer.hyperparameters.size * CACHE_MARGIN) // multiple) * multiple


def describe_checkpoint(training: TrainingRun, settings: TrainSettings) -> CheckpointInfo:
    """What a checkpoint of this moment says of itself."""
    trainer = training.trainer
    prefix = "last_"
    return CheckpointInfo(
        network=settings.network,
        options=dataclasses.asdict(trainer.averaged.options),
        title=settings.title or f"{settings.network}, {trainer.step} steps",
        training={
            "steps": trainer.step,
            "seconds": round(trainer.elapsed),
            "pictures": len(training.split.train),
            "dropped": training.dropped,
            "recipe": dataclasses.asdict(trainer.objective.options),
            "numbers": dataclasses.asdict(trainer.hyperparameters),
            "seed": settings.seed,
            "init": sha256_of(settings.init) if settings.init else "",
            "average_with": [other.digest for other in training.others],
            "torch": version("torch"),
            "archivecolor": program_version(),
        },
        data_digest=training.digest,
        metrics={
            key.removeprefix(prefix): round(value, 6)
            for key, value in trainer.figures.items()
            if key.startswith(prefix)
        },
        licence="These weights carry the terms of the pictures they were trained on.",
    )
