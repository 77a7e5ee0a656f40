"""What `archivecolor train` does: pictures in, a checkpoint out, in sittings of any length."""

from __future__ import annotations

import time
from collections.abc import Callable

from archivecolor.engine.stopping import Stop
from archivecolor.model.checkpoint import CheckpointInfo
from archivecolor.settings import TrainSettings
from archivecolor.training.loop import StepReport
from archivecolor.training.setup import set_up
from archivecolor.training.state import LAST, load_newest_state, log_figures, save_state
from archivecolor.training.watch import sample, validate, write_checkpoint

LOG_EVERY = 50


def train(settings: TrainSettings, stop: Stop, report: Callable[[StepReport], None]) -> CheckpointInfo:
    """Train a network.

    Args:
        settings: what the user asked for.
        stop: asks the run to end; its state is saved before it does.
        report: called after every step.

    Returns:
        What the last checkpoint says of itself.

    Raises:
        UsageError: too few pictures, an unknown network or option, nothing to resume.
        CheckpointError: weights that cannot be read or do not fit.
        OutputError: the run's folder cannot be written.
        DivergedError: a loss is not finite, or the duel has collapsed.
        StoppedError: a signal ended the run; `--resume` goes on.
    """
    settings.output.mkdir(parents=True, exist_ok=True)
    training = set_up(settings)
    trainer = training.trainer
    if settings.resume:
        trainer.go_on_from(load_newest_state(settings.output, settings.network))
    saved = time.monotonic()
    for step in trainer.run(stop):
        report(step)
        if step.step % LOG_EVERY == 0:
            log_figures(settings.output, "step", step.step, {"lr": step.lr, **step.losses})
        if step.step % settings.sample_every == 0:
            sample(training, settings)
            write_checkpoint(training, settings, LAST)
        if step.step % settings.validate_every == 0 and not validate(training, settings):
            break
        if time.monotonic() - saved > settings.checkpoint_every:
            save_state(settings.output, trainer.state())
            saved = time.monotonic()
    save_state(settings.output, trainer.state())
    stop.raise_if_signalled()
    if trainer.step % settings.validate_every:
        validate(training, settings)
    sample(training, settings)
    return write_checkpoint(training, settings, LAST)
