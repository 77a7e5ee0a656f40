"""The training loop: one step on one screen, resumable at every checkpoint."""

from __future__ import annotations

import contextlib
import copy
import gc
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count

import numpy as np
import torch
from torch import Tensor, nn

from archivecolor.engine.stopping import Stop
from archivecolor.errors import CheckpointError, OutOfMemoryError
from archivecolor.networks.base import Generator
from archivecolor.networks.device import choose_device, choose_precision, is_out_of_memory
from archivecolor.settings import TrainSettings
from archivecolor.training.augment import make_batch
from archivecolor.training.crops import CropSampler, prefetch_batches
from archivecolor.training.divergence import DivergenceWatch
from archivecolor.training.gpu_image_cache import GpuImageCache, has_room_for
from archivecolor.training.objective import Hyperparameters, Objective, TrainingProgress
from archivecolor.training.optimiser_step import OptimiserStep, StepConfig
from archivecolor.training.own_settings import settings_to_keep
from archivecolor.training.state import RunState, floating_tensors
from archivecolor.training.tensors import Batch

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StepReport:
    """What a step says of itself.

    Attributes:
        step: steps done.
        progress: share of the whole training that is done, 0..1.
        lr: the generator's learning rate in this step.
        losses: by name.
        seconds: the step took.
    """

    step: int
    progress: float
    lr: float
    losses: Mapping[str, float]
    seconds: float


@dataclass
class Trainer:
    """A network in training: what changes from step to step.

    Args:
        generator: the network.
        objective: its losses.
        settings: what the user asked for.
        hyperparameters: the objective's numbers, the user's in place of them where given.
        sampler: where crops come from.

    Attributes:
        step: steps done.
        elapsed: seconds trained, over all sessions.
        finished: no step is to follow, whatever the schedule says.
        figures: best validation figure, what patience has counted, the last figures of each kind.
        averaged: the generator with weights averaged over the steps, in evaluation mode: what is kept.
        discriminator: the network it learns against; None where it learns alone.
    """

    generator: Generator
    objective: Objective
    settings: TrainSettings
    hyperparameters: Hyperparameters
    sampler: CropSampler
    step: int = 0
    elapsed: float = 0.0
    finished: bool = False
    figures: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings, lr = self.settings, self.hyperparameters.lr
        self.distributed = self.sampler.distributed
        self.device = choose_device(settings.device)
        self.precision = choose_precision(settings.precision, self.device)
        # All batches are of one shape: the fastest kernels are looked for once.
        torch.backends.cudnn.benchmark = self.device.type == "cuda"
        step_config = StepConfig(self.device, self.precision, settings.clip, self.distributed)
        self.generator.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.generator).eval().requires_grad_(False)
        if settings.compile:
            self.generator.compile()
        optimiser = self.objective.generator_optimiser(self.generator.parameters(), lr)
        self.generator_step = OptimiserStep(self.generator, optimiser, step_config)
        self.discriminator = self.objective.discriminator(self.hyperparameters.size)
        self.discriminator_step: OptimiserStep | None = None
        if self.discriminator is not None:
            self.discriminator.to(self.device)
            optimiser = self.objective.discriminator_optimiser(self.discriminator.parameters(), lr)
            self.discriminator_step = OptimiserStep(self.discriminator, optimiser, step_config)
        self.image_cache: GpuImageCache | None = None
        if self.sampler.augment_crop is None and has_room_for(self.sampler.photographs, self.device):
            self.image_cache = GpuImageCache(self.sampler.photographs, self.device)
        self._watch = DivergenceWatch()

    @property
    def networks(self) -> list[nn.Module]:
        """All networks whose weights a state holds."""
        return [self.generator, self.averaged, *([self.discriminator] if self.discriminator else [])]

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which the crops of an epoch are seen, the last one filled up."""
        return math.ceil(self.sampler.batches_per_epoch / self.settings.accumulate)

    @property
    def total_steps(self) -> int:
        """Steps of the whole training, unless its time ends first."""
        if self.settings.max_steps is not None:
            return self.settings.max_steps
        batches = self.hyperparameters.epochs * self.sampler.batches_per_epoch
        return math.ceil(batches / self.settings.accumulate)

    @property
    def progress(self) -> float:
        """Share of the training that is done, by steps or by time, whichever is further."""
        by_time = self.elapsed / self.settings.max_runtime if self.settings.max_runtime else 0.0
        return min(1.0, max(self.step / self.total_steps, by_time))

    def training_progress(self) -> TrainingProgress:
        """When the coming step is."""
        epoch, place = divmod(self.step, self.steps_per_epoch)
        return TrainingProgress(epoch, place / self.steps_per_epoch, self.progress)

    def run(self, stop: Stop) -> Iterator[StepReport]:
        """Train until the end, until `finished` is set or until told to stop; yields after every step.

        Raises:
            DivergedError: a loss is not finite, or the discriminator learns no more.
            torch.OutOfMemoryError: the device has no room for a batch.
        """
        for network in self.networks:
            self.distributed.broadcast_weights(network)
        self.generator.train()
        crops = self._crops(self.step * self.settings.accumulate)
        while not self._should_stop(stop):
            started = time.monotonic()
            lr = self._set_lr()
            learned = self.train_step(self._batches([next(crops) for _ in range(self.settings.accumulate)]))
            self._average()
            self.step += 1
            losses = loss_values(learned)
            self.elapsed += time.monotonic() - started
            self._watch.check(self.step, losses)
            yield StepReport(self.step, self.progress, lr, losses, time.monotonic() - started)

    def train_step(self, batches: Sequence[Batch]) -> dict[str, Tensor]:
        """One step of the discriminator and one of the generator; returns their losses, on the device."""
        losses: dict[str, Tensor] = {}
        if self.discriminator_step is not None:
            losses |= self.discriminator_step.step(self._discriminator_losses, batches)
        with _frozen(self.discriminator):
            return losses | self.generator_step.step(self._generator_losses, batches)

    def _discriminator_losses(self, batch: Batch) -> dict[str, Tensor]:
        assert self.discriminator is not None
        progress = self.training_progress()
        return self.objective.discriminator_losses(self.generator, self.discriminator, batch, progress)

    def _generator_losses(self, batch: Batch) -> dict[str, Tensor]:
        progress = self.training_progress()
        return self.objective.generator_losses(self.generator, self.discriminator, batch, progress)

    def _should_stop(self, stop: Stop) -> bool:
        """Whether no step is to follow; all ranks say the same, by the slowest clock."""
        over = float(self.finished or stop.requested)
        if self.distributed.world_size > 1:
            shared = self.distributed.all_reduce_max(
                torch.tensor([over, self.elapsed], dtype=torch.float32, device=self.device)
            )
            over, self.elapsed = shared.tolist()
        return bool(over) or self.progress >= 1.0

    def _crops(self, first: int) -> Iterator[Tensor]:
        """Crops of the batches from the first on, on the device; cut there where the pictures are there."""
        if self.image_cache is None:
            for crops in prefetch_batches(self.sampler, first):
                yield torch.from_numpy(crops).to(self.device)
        else:
            for batch in count(first):
                yield self.image_cache.crops(self.sampler.crop_boxes(batch), self.hyperparameters.size)

    def _batches(self, crops: Sequence[Tensor]) -> list[Batch]:
        noise = torch.Generator(self.device).manual_seed(self._seed(0))
        torch.manual_seed(self._seed(1))
        return [make_batch(one, noise, self.hyperparameters.augment) for one in crops]

    def _seed(self, purpose: int) -> int:
        """A seed of its own for every step, purpose and rank."""
        words = (self.settings.seed, self.step, purpose + 2 * self.distributed.rank)
        return int(np.random.SeedSequence(words).generate_state(1)[0])

    def _set_lr(self) -> float:
        warm_up = self.hyperparameters.warm_up
        factor = min(1.0, (self.step + 1) / warm_up) if warm_up else 1.0
        if self.hyperparameters.cosine:
            factor *= 0.5 + 0.5 * math.cos(math.pi * self.progress)
        if self.discriminator_step is not None:
            self.discriminator_step.set_lr(factor)
        return self.generator_step.set_lr(factor)

    def _average(self) -> None:
        decay = min(self.settings.ema, (1 + self.step) / (10 + self.step))
        averages = floating_tensors(self.averaged.state_dict())
        values = floating_tensors(self.generator.state_dict())
        with torch.no_grad():
            torch._foreach_lerp_(list(averages.values()), list(values.values()), 1.0 - decay)

    def average_with(self, others: Sequence[Generator]) -> None:
        """Make the averaged weights the mean of themselves and those of other trainings from one start.

        Source: Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models", 2022.
        """
        averages = list(floating_tensors(self.averaged.state_dict()).values())
        with torch.no_grad():
            for other in others:
                theirs = floating_tensors(other.to(self.device).state_dict())
                torch._foreach_add_(averages, list(theirs.values()))
            torch._foreach_div_(averages, 1.0 + len(others))

    def largest_fitting_batch(self) -> int:
        """The largest halving of the batch for which the device has room; 0 if there is none.

        Tried by finding gradients without a step; the networks' running statistics are spent after it.
        """
        size = self.hyperparameters.batch_size // self.distributed.world_size
        crops = torch.from_numpy(self.sampler.batch(self.step * self.settings.accumulate))
        while size > 1:
            size //= 2
            release_memory(self.device)
            if self._has_room_for(crops[:size]):
                return size
        return 0

    def _has_room_for(self, crops: Tensor) -> bool:
        try:
            batches = self._batches([crops.to(self.device)])
            if self.discriminator_step is not None:
                self.discriminator_step.backward(self._discriminator_losses, batches)
            with _frozen(self.discriminator):
                self.generator_step.backward(self._generator_losses, batches)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return False
        return True

    def state(self, data_digest: str = "") -> RunState:
        """All that is needed to go on."""
        tensors = {
            "generator": self.generator.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.generator_step.state(),
        }
        if self.discriminator is not None and self.discriminator_step is not None:
            tensors |= {
                "judge": self.discriminator.state_dict(),
                "judge_optimiser": self.discriminator_step.state(),
            }
        network, figures = self.settings.network, dict(self.figures)
        options, recipe = asdict(self.averaged.options), asdict(self.objective.options)
        settings = settings_to_keep(self.settings)
        return RunState(
            self.step, self.elapsed, network, tensors, figures, data_digest, options, recipe, settings
        )

    def restore(self, state: RunState) -> None:
        """Take up a saved state.

        Raises:
            CheckpointError: it is of a network with other options.
            OutOfMemoryError: the device has no room for it.
        """
        other = _changed_options(state.options, asdict(self.averaged.options))
        if other:
            raise CheckpointError(f"the run was made with other options: {other}; resume it with those")
        changed = _changed_options(state.recipe, asdict(self.objective.options))
        if changed:
            logger.warning("options of the objective have changed since the run began: %s", changed)
        try:
            self.generator.load_state_dict(state.tensors["generator"])
            self.averaged.load_state_dict(state.tensors["averaged"])
            self.generator_step.load_state(state.tensors["optimiser"])
            if self.discriminator is not None and self.discriminator_step is not None:
                self.discriminator.load_state_dict(state.tensors["judge"])
                self.discriminator_step.load_state(state.tensors["judge_optimiser"])
        except (RuntimeError, ValueError, KeyError) as error:
            if is_out_of_memory(error):
                raise OutOfMemoryError(
                    f"{self.device} has no room for the run's state; end what else runs there, then resume"
                ) from error
            raise CheckpointError(
                "the run was made with other options or another --size; resume it with those it began with"
            ) from error
        self.step, self.elapsed, self.figures = state.step, state.elapsed, dict(state.figures)


@contextlib.contextmanager
def _frozen(network: nn.Module | None) -> Iterator[None]:
    """No gradients are found for the network's own weights while the block runs."""
    if network is not None:
        network.requires_grad_(False)
    try:
        yield
    finally:
        if network is not None:
            network.requires_grad_(True)


def loss_values(losses: Mapping[str, Tensor]) -> dict[str, float]:
    """Losses as numbers: waits until the device has done all it was given."""
    values: list[float] = torch.stack(list(losses.values())).tolist() if losses else []
    return dict(zip(losses, values, strict=True))


def _changed_options(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    """Which options a run had, where it has others now; empty where none, or where it is not known."""
    both = sorted(before.keys() & now.keys())
    return ", ".join(f"{name} {before[name]}, not {now[name]}" for name in both if before[name] != now[name])


def release_memory(device: torch.device) -> None:
    """Give back what failed or finished work still holds on the device."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
