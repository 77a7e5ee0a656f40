"""What `archivecolor train` does: pictures in, a checkpoint out, in sittings of any length."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from archivecolor.archive.lock import locked
from archivecolor.engine.stopping import Stop
from archivecolor.errors import OutOfMemoryError, StoppedError, UsageError
from archivecolor.model.checkpoint import CheckpointInfo
from archivecolor.model.device import is_out_of_memory
from archivecolor.settings import TrainSettings
from archivecolor.training.loop import StepReport, Trainer, release_memory
from archivecolor.training.plan import Plan, plan_of
from archivecolor.training.ranks import Ranks, joined
from archivecolor.training.setup import Training, set_up
from archivecolor.training.state import holds_a_run, load_newest_state
from archivecolor.training.watch import LAST, Watch, describe

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Audience:
    """Who is told of a run.

    Attributes:
        plan: called once, before the first step.
        step: called after every step.
    """

    plan: Callable[[Plan], None]
    step: Callable[[StepReport], None]


def train(settings: TrainSettings, stop: Stop, audience: Audience) -> CheckpointInfo:
    """Train a network, in one process or in those that torchrun started.

    Args:
        settings: what the user asked for.
        stop: asks the run to end; its state is saved before it does.
        audience: who is told; of several processes, the first one's.

    Returns:
        What the last checkpoint says of itself.

    Raises:
        UsageError: too few pictures, an unknown network or option, nothing to resume, or a run is there.
        CheckpointError: weights that cannot be read or do not fit.
        OutputError: the run's folder cannot be written.
        LockedError: another run holds the folder.
        OutOfMemoryError: the device has no room for a batch; says which would fit.
        DivergedError: a loss is not finite, or the duel has collapsed.
        StoppedError: a signal ended the run; `--resume` goes on.
    """
    with joined(settings.device) as ranks, held(settings, ranks):
        refuse_to_overwrite(settings)
        training = set_up(settings, ranks)
        if settings.resume:
            resume(training, settings)
        if not ranks.leads:
            return follow(training, settings, stop)
        audience.plan(plan_of(training, settings))
        watch = Watch(training, settings)
        lead(training.trainer, watch, stop, audience)
        if stop.exit_code is not None:
            watch.write_checkpoint(LAST)
            raise StoppedError(stop.exit_code, "the same command with --resume goes on where it left off")
        return watch.finish()


@contextlib.contextmanager
def held(settings: TrainSettings, ranks: Ranks) -> Iterator[None]:
    """Hold the run's folder, in the first of several processes. Raises `LockedError`, `OutputError`."""
    with locked(settings.output) if ranks.leads else contextlib.nullcontext():
        yield


def refuse_to_overwrite(settings: TrainSettings) -> None:
    """Raise `UsageError` where a new run would mix with an older one."""
    if not settings.resume and holds_a_run(settings.output):
        raise UsageError(
            f"{settings.output} holds a run already; go on with it by --resume, or choose another folder"
        )


def resume(training: Training, settings: TrainSettings) -> None:
    """Go on from the newest state in the run's folder."""
    state = load_newest_state(settings.output, settings.network)
    if state.data_digest not in ("", training.digest):
        logger.warning("the training pictures are not those the run began with; it goes on with these")
    training.trainer.go_on_from(state)


def lead(trainer: Trainer, watch: Watch, stop: Stop, audience: Audience) -> None:
    """Take all steps, and save the state now and then and at the end."""
    every = trainer.settings.checkpoint_every
    saved = time.monotonic()
    room = True
    try:
        for step in trainer.run(stop):
            audience.step(step)
            watch.after(step)
            if time.monotonic() - saved > every:
                watch.save()
                saved = time.monotonic()
    except (RuntimeError, MemoryError) as trouble:
        if not is_out_of_memory(trouble):
            raise
        room = False
    watch.save()
    if not room:
        # Outside the except block, whose exception would keep the failed step's tensors alive.
        raise OutOfMemoryError(advice_on_memory(trainer))


def follow(training: Training, settings: TrainSettings, stop: Stop) -> CheckpointInfo:
    """Take all steps beside the process that leads."""
    for _ in training.trainer.run(stop):
        pass
    return describe(training, settings)


def advice_on_memory(trainer: Trainer) -> str:
    """What to try where a batch did not fit."""
    release_memory(trainer.device)
    batch, world = trainer.numbers.batch_size, trainer.ranks.world
    # Beside other processes a trial would wait for steps they never take.
    fitting = world * trainer.batch_that_fits() if world == 1 else 0
    if fitting:
        factor = -(-batch * trainer.settings.accumulate // fitting)
        way = f"{fitting} fit: go on with --resume --batch-size {fitting} --accumulate {factor}"
    else:
        way = "try a smaller --batch-size or --size"
    return (
        f"{trainer.device} has no room for a batch of {batch} crops of {trainer.numbers.size} pixels; {way}"
    )
