"""What `archivecolor train` does: pictures in, a checkpoint out, in sessions of any length."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import locked
from archivecolor.engine.stopping import Stop
from archivecolor.errors import OutOfMemoryError, StoppedError, UsageError
from archivecolor.networks.checkpoint import CheckpointInfo
from archivecolor.networks.device import is_out_of_memory
from archivecolor.settings import TrainSettings
from archivecolor.training.curves import import_matplotlib
from archivecolor.training.distributed import DistributedContext, join_process_group
from archivecolor.training.loop import StepReport, Trainer, release_memory
from archivecolor.training.own_settings import settings_of_run
from archivecolor.training.plan import TrainingPlan, training_plan
from archivecolor.training.run_recorder import LAST, RunRecorder, describe_checkpoint
from archivecolor.training.setup import TrainingRun, set_up
from archivecolor.training.state import RunState, load_newest_state, saved_states

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingCallbacks:
    """Who is told of a run.

    Attributes:
        plan: called once, before the first step.
        step: called after every step.
    """

    plan: Callable[[TrainingPlan], None]
    step: Callable[[StepReport], None]


def train(
    settings: TrainSettings, stop: Stop, callbacks: TrainingCallbacks, given: Collection[str]
) -> CheckpointInfo:
    """Train a network, in one process or in those that torchrun started.

    Args:
        settings: what the user asked for.
        stop: asks the run to end; its state is saved before it does.
        callbacks: who is told; of several processes, the first one's.
        given: names of the settings that the user gave; for the others a resumed run has its own.

    Returns:
        What the last checkpoint says of itself.

    Raises:
        UsageError: too few pictures, an unknown network or option, nothing to resume, or a run is there.
        CheckpointError: weights that cannot be read or do not fit.
        OutputError: the run's folder cannot be written.
        LockedError: another run holds the folder.
        OutOfMemoryError: the device has no room for a batch; says which would fit.
        DivergedError: a loss or the weights are not finite, or the discriminator learns no more.
        StoppedError: a signal ended the run; `--resume` goes on.
    """
    with join_process_group(settings.device) as distributed, _locked_folder(settings, distributed):
        _refuse_to_overwrite(settings)
        import_matplotlib()  # what it cannot read is told before hours of work
        state = load_newest_state(settings.output) if settings.resume else None
        if state is not None:
            settings = settings_of_run(settings, given, state)
        training = set_up(settings, distributed)
        if state is not None:
            _resume(training, state)
        if not distributed.is_main:
            return _run_other_rank(training, settings, stop)
        callbacks.plan(training_plan(training, settings))
        recorder = RunRecorder(training, settings)
        _run_main_rank(training.trainer, recorder, stop, callbacks)
        if stop.exit_code is not None:
            recorder.write_checkpoint(LAST)
            raise StoppedError(stop.exit_code, "the same command with --resume goes on where it left off")
        return recorder.finish()


@contextlib.contextmanager
def _locked_folder(settings: TrainSettings, distributed: DistributedContext) -> Iterator[None]:
    """Hold the run's folder, in the first of several processes. Raises `LockedError`, `OutputError`."""
    if not distributed.is_main:
        yield
        return
    try:
        with locked(settings.output):
            yield
    finally:
        with contextlib.suppress(OSError):  # another run's lock lies in it
            Layout(settings.output).state.rmdir()


def _refuse_to_overwrite(settings: TrainSettings) -> None:
    """Raise `UsageError` where a new run would mix with an older one."""
    if not settings.resume and saved_states(settings.output):
        raise UsageError(
            f"{settings.output} holds a run already; go on with it by --resume, or choose another folder"
        )


def _resume(training: TrainingRun, state: RunState) -> None:
    """Go on from a state of the run."""
    if state.data_digest not in ("", training.digest):
        logger.warning("the training pictures are not those the run began with; it goes on with these")
    training.trainer.restore(state)


def _run_main_rank(trainer: Trainer, recorder: RunRecorder, stop: Stop, callbacks: TrainingCallbacks) -> None:
    """Take all steps, and save the state now and then and at the end."""
    interval = trainer.settings.checkpoint_every
    saved = time.monotonic()
    fits = True
    try:
        for step in trainer.run(stop):
            callbacks.step(step)
            recorder.after_step(step)
            if time.monotonic() - saved > interval:
                recorder.save()
                saved = time.monotonic()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        fits = False
    recorder.save()
    if not fits:
        # Outside the except block, whose exception would keep the failed step's tensors alive.
        raise OutOfMemoryError(_out_of_memory_hint(trainer))


def _run_other_rank(training: TrainingRun, settings: TrainSettings, stop: Stop) -> CheckpointInfo:
    """Take all steps beside the process that leads."""
    for _ in training.trainer.run(stop):
        pass
    return describe_checkpoint(training, settings)


def _out_of_memory_hint(trainer: Trainer) -> str:
    """What to try where a batch did not fit."""
    release_memory(trainer.device)
    batch, world_size = trainer.hyperparameters.batch_size, trainer.distributed.world_size
    # Beside other processes a trial would wait for steps they never take.
    fitting = world_size * trainer.largest_fitting_batch() if world_size == 1 else 0
    if fitting:
        factor = -(-batch * trainer.settings.accumulate // fitting)
        way = f"{fitting} fit: go on with --resume --batch-size {fitting} --accumulate {factor}"
    else:
        way = "try a smaller --batch-size or --size"
    return (
        f"{trainer.device} has no room for a batch of {batch} crops"
        f" of {trainer.hyperparameters.size} pixels; {way}"
    )
