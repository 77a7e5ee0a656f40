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
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archivecolor.engine.stopping import Stop
from archivecolor.errors import ArchivecolorError, CheckpointError
from archivecolor.networks.base import Generator
from archivecolor.networks.device import choose_device, choose_precision, is_out_of_memory
from archivecolor.settings import TrainSettings
from archivecolor.training.augment import make_batch
from archivecolor.training.data import CropSampler, prefetch_batches
from archivecolor.training.gpu_image_cache import GpuImageCache, has_room_for
from archivecolor.training.objective import Hyperparameters, Objective, TrainingProgress
from archivecolor.training.optimiser_step import OptimiserStep, StepConfig
from archivecolor.training.state import RunState, floating_tensors
from archivecolor.training.tensors import Batch

logger = logging.getLogger(__name__)

COLLAPSE_STEPS = 300
# The discriminator's loss when it is always right, and when it says one thing whatever it sees.
PERFECT_DISCRIMINATOR_LOSS, CONSTANT_DISCRIMINATOR_LOSS = 1e-4, 8.0


RESUME_HINT = (
    "try a lower --lr, or --precision fp32; with --resume it goes on from the last state, where there is one"
)


class DivergedError(ArchivecolorError):
    """Training went wrong in a way that more steps do not mend."""


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
        hyperparameters: the recipe's numbers with the user's laid over.
        sampler: where crops come from.
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
        self.distributed = self.sampler.distributed
        self.device = choose_device(self.settings.device)
        self.precision = choose_precision(self.settings.precision, self.device)
        # All batches are of one shape: the fastest kernels are looked for once.
        torch.backends.cudnn.benchmark = self.device.type == "cuda"
        step_config = StepConfig(self.device, self.precision, self.settings.clip, self.distributed)
        self.generator.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.generator).eval().requires_grad_(False)
        if self.settings.compile:
            self.generator.compile()
        optimiser = self.objective.generator_optimiser(self.generator.parameters(), self.hyperparameters.lr)
        self.generator_step = OptimiserStep(self.generator, optimiser, step_config)
        self.discriminator_step: OptimiserStep | None = None
        discriminator = self.objective.discriminator(self.hyperparameters.size)
        if discriminator is not None:
            discriminator.to(self.device)
            optimiser = self.objective.discriminator_optimiser(
                discriminator.parameters(), self.hyperparameters.lr
            )
            self.discriminator_step = OptimiserStep(discriminator, optimiser, step_config)
        self.image_cache: GpuImageCache | None = None
        if self.sampler.augment_crop is None and has_room_for(self.sampler.photographs, self.device):
            self.image_cache = GpuImageCache(self.sampler.photographs, self.device)
        self._stuck = 0

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which the crops of an epoch are seen, the last one filled up."""
        return math.ceil(self.sampler.batches_per_epoch / self.settings.accumulate)

    @property
    def total_steps(self) -> int:
        """Steps of the whole training, unless its time ends first."""
        if self.settings.max_steps is not None:
            return self.settings.max_steps
        return math.ceil(
            self.hyperparameters.epochs * self.sampler.batches_per_epoch / self.settings.accumulate
        )

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
            DivergedError: a loss is not finite, or the duel has collapsed.
            torch.OutOfMemoryError: the device has no room for a batch.
        """
        self._broadcast_start()
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
            self._check(losses)
            yield StepReport(self.step, self.progress, lr, losses, time.monotonic() - started)

    def _should_stop(self, stop: Stop) -> bool:
        """Whether no step is to follow; all ranks say the same, by the slowest clock."""
        over = float(self.finished or stop.requested)
        if self.distributed.world_size > 1:
            shared = self.distributed.all_reduce_max(
                torch.tensor([over, self.elapsed], dtype=torch.float32, device=self.device)
            )
            over, self.elapsed = shared.tolist()
        return bool(over) or self.progress >= 1.0

    def _broadcast_start(self) -> None:
        networks = [
            self.generator,
            self.averaged,
            *([self.discriminator_step.network] if self.discriminator_step else []),
        ]
        for network in networks:
            self.distributed.broadcast_weights(network)

    def train_step(self, batches: Sequence[Batch]) -> dict[str, Tensor]:
        """One step of the discriminator and one of the generator; returns their losses, on the device."""
        return self._step_discriminator(batches) | self._step_generator(batches)

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
        strength = self.hyperparameters.augment
        return [make_batch(one, noise, strength) for one in crops]

    def _seed(self, purpose: int) -> int:
        """A seed of its own for every step, purpose and rank."""
        words = (self.settings.seed, self.step, purpose + 2 * self.distributed.rank)
        return int(np.random.SeedSequence(words).generate_state(1)[0])

    def _step_discriminator(self, batches: Sequence[Batch]) -> dict[str, Tensor]:
        discriminator, progress = self.discriminator_step, self.training_progress()
        if discriminator is None:
            return {}

        def losses_of(batch: Batch) -> dict[str, Tensor]:
            return self.objective.discriminator_losses(self.generator, discriminator.network, batch, progress)

        return discriminator.step(losses_of, batches)

    def _step_generator(self, batches: Sequence[Batch]) -> dict[str, Tensor]:
        discriminator, progress = (
            self.discriminator_step.network if self.discriminator_step else None,
            self.training_progress(),
        )

        def losses_of(batch: Batch) -> dict[str, Tensor]:
            return self.objective.generator_losses(self.generator, discriminator, batch, progress)

        with frozen(discriminator):
            return self.generator_step.step(losses_of, batches)

    def _set_lr(self) -> float:
        factor = (
            min(1.0, (self.step + 1) / self.hyperparameters.warm_up) if self.hyperparameters.warm_up else 1.0
        )
        if self.hyperparameters.cosine:
            factor *= 0.5 + 0.5 * math.cos(math.pi * self.progress)
        if self.discriminator_step is not None:
            self.discriminator_step.set_lr(factor)
        return self.generator_step.set_lr(factor)

    def _average(self) -> None:
        decay = min(self.settings.ema, (1 + self.step) / (10 + self.step))
        averages, values = (
            floating_tensors(self.averaged.state_dict()),
            floating_tensors(self.generator.state_dict()),
        )
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

    def _check(self, losses: Mapping[str, float]) -> None:
        if not all(math.isfinite(value) for value in losses.values()):
            raise DivergedError(
                f"a loss is not a number at step {self.step} ({format_losses(losses)}); {RESUME_HINT}"
            )
        discriminator_loss = losses.get("judge")
        if discriminator_loss is not None:
            self._stuck = (
                self._stuck + 1
                if discriminator_loss < PERFECT_DISCRIMINATOR_LOSS
                or discriminator_loss > CONSTANT_DISCRIMINATOR_LOSS
                else 0
            )
        if self._stuck >= COLLAPSE_STEPS:
            raise DivergedError(
                f"the discriminator has given one answer for {COLLAPSE_STEPS} of its steps; the duel is over."
                " Try a lower --lr, a larger weight of the reconstruction, or train the generator alone first"
            )

    def check_weights(self) -> None:
        """Raise `DivergedError` where weights are no numbers: a step may break them and its loss be none."""
        discriminator = [self.discriminator_step.network] if self.discriminator_step else []
        for network in (self.generator, self.averaged, *discriminator):
            for name, tensor in floating_tensors(network.state_dict()).items():
                if not bool(torch.isfinite(tensor).all()):
                    raise DivergedError(
                        f"the weights are no numbers at step {self.step} ({name}); {RESUME_HINT}"
                    )

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
        progress, discriminator = (
            self.training_progress(),
            self.discriminator_step.network if self.discriminator_step else None,
        )
        try:
            batches = self._batches([crops.to(self.device)])
            if discriminator is not None and self.discriminator_step is not None:
                self.discriminator_step.backward(
                    lambda batch: self.objective.discriminator_losses(
                        self.generator, discriminator, batch, progress
                    ),
                    batches,
                )
            with frozen(discriminator):
                self.generator_step.backward(
                    lambda batch: self.objective.generator_losses(
                        self.generator, discriminator, batch, progress
                    ),
                    batches,
                )
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
        if self.discriminator_step is not None:
            tensors |= {
                "judge": self.discriminator_step.network.state_dict(),
                "judge_optimiser": self.discriminator_step.state(),
            }
        network, figures = self.settings.network, dict(self.figures)
        options, objective = asdict(self.averaged.options), asdict(self.objective.options)
        return RunState(self.step, self.elapsed, network, tensors, figures, data_digest, options, objective)

    def restore(self, state: RunState) -> None:
        """Take up a saved state.

        Raises:
            CheckpointError: it is of a network with other options.
        """
        other = changed_options(state.options, asdict(self.averaged.options))
        if other:
            raise CheckpointError(f"the run was made with other options: {other}; resume it with those")
        changed = changed_options(state.recipe, asdict(self.objective.options))
        if changed:
            logger.warning("options of the recipe have changed since the run began: %s", changed)
        try:
            self.generator.load_state_dict(state.tensors["generator"])
            self.averaged.load_state_dict(state.tensors["averaged"])
            self.generator_step.load_state(state.tensors["optimiser"])
            if self.discriminator_step is not None:
                self.discriminator_step.network.load_state_dict(state.tensors["judge"])
                self.discriminator_step.load_state(state.tensors["judge_optimiser"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise CheckpointError(
                "the run was made with other options or another --size; resume it with those it began with"
            ) from error
        self.step, self.elapsed, self.figures = state.step, state.elapsed, dict(state.figures)


@contextlib.contextmanager
def frozen(network: nn.Module | None) -> Iterator[None]:
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


def format_losses(losses: Mapping[str, float]) -> str:
    """Losses as people read them."""
    return ", ".join(f"{name} {value:.4g}" for name, value in losses.items())


def changed_options(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Which options a run had, where it has others now; empty where none, or where it is not known."""
    both = before.keys() & now.keys()
    return ", ".join(
        f"{name} {before[name]}, not {now[name]}" for name in sorted(both) if before[name] != now[name]
    )


def release_memory(device: torch.device) -> None:
    """Give back what failed or finished work still holds on the device."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
