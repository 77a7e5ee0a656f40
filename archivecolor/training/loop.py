"""The training loop: one step on one screen, resumable at every checkpoint."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn, optim

from archivecolor.engine.stopping import Stop
from archivecolor.errors import ArchivecolorError
from archivecolor.model.device import choose_device, choose_precision, mixed_precision
from archivecolor.model.generators import Generator
from archivecolor.settings import TrainSettings
from archivecolor.training.augment import make_batch
from archivecolor.training.data import CropDrawer, batches_from
from archivecolor.training.recipe import Numbers, Recipe
from archivecolor.training.state import RunState, floating
from archivecolor.training.tensors import Batch

COLLAPSE_STEPS = 300


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
        recipe: its losses.
        settings: what the user asked for.
        numbers: the recipe's numbers with the user's laid over.
        drawer: where crops come from.
    """

    generator: Generator
    recipe: Recipe
    settings: TrainSettings
    numbers: Numbers
    drawer: CropDrawer
    step: int = 0
    elapsed: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.device = choose_device(self.settings.device)
        self.precision = choose_precision(self.settings.precision, self.device)
        self.generator.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.generator).eval().requires_grad_(False)
        self.optimiser = self.recipe.generator_optimiser(self.generator.parameters(), self.numbers.lr)
        self.judge = self.recipe.discriminator()
        self.judge_optimiser: optim.Optimizer | None = None
        if self.judge is not None:
            self.judge.to(self.device)
            self.judge_optimiser = self.recipe.discriminator_optimiser(
                self.judge.parameters(), self.numbers.lr
            )
        self._base_lrs = [group["lr"] for group in self.optimiser.param_groups]
        self._stuck = 0

    @property
    def steps_in_all(self) -> int:
        """Steps of the whole training, unless its time ends first."""
        if self.settings.max_steps is not None:
            return self.settings.max_steps
        return self.numbers.epochs * max(1, self.drawer.batches_per_epoch // self.settings.accumulate)

    @property
    def progress(self) -> float:
        """Share of the training that is done, by steps or by time, whichever is further."""
        by_time = self.elapsed / self.settings.max_runtime if self.settings.max_runtime else 0.0
        return min(1.0, max(self.step / self.steps_in_all, by_time))

    def run(self, stop: Stop) -> Iterator[StepReport]:
        """Train until the end or until told to stop; yields after every step.

        Raises:
            DivergedError: a loss is not finite, or the duel has collapsed.
        """
        self.generator.train()
        batches = batches_from(self.drawer, self.step * self.settings.accumulate)
        while self.progress < 1.0 and not stop.requested:
            started = time.monotonic()
            lr = self._set_lr()
            losses = self._take_step([next(batches) for _ in range(self.settings.accumulate)])
            self._average()
            self.step += 1
            self.elapsed += time.monotonic() - started
            self._check(losses)
            yield StepReport(self.step, self.progress, lr, losses, time.monotonic() - started)

    def _take_step(self, crops: list[NDArray[np.uint8]]) -> dict[str, float]:
        noise = torch.Generator(self.device).manual_seed(self._seed(0))
        torch.manual_seed(self._seed(1))
        strength = self.settings.augment * self.numbers.augment
        batches = [make_batch(torch.from_numpy(crop).to(self.device), noise, strength) for crop in crops]
        halves = (self._judge_step, self._generator_step)
        losses: dict[str, float] = {}
        for half in halves if self.recipe.starts_discriminator_first() else halves[::-1]:
            losses |= half(batches)
        return losses

    def _seed(self, purpose: int) -> int:
        """A seed of its own for every step and purpose."""
        return int(np.random.SeedSequence((self.settings.seed, self.step, purpose)).generate_state(1)[0])

    def _generator_step(self, batches: Sequence[Batch]) -> dict[str, float]:
        def loss_of(batch: Batch) -> dict[str, Tensor]:
            return self.recipe.generator_losses(self.generator, self.judge, batch, self.progress)

        return self._descend(loss_of, batches, self.generator, self.optimiser)

    def _judge_step(self, batches: Sequence[Batch]) -> dict[str, float]:
        judge = self.judge
        if judge is None or self.judge_optimiser is None:
            return {}

        def loss_of(batch: Batch) -> dict[str, Tensor]:
            return self.recipe.discriminator_losses(self.generator, judge, batch, self.progress)

        return self._descend(loss_of, batches, judge, self.judge_optimiser)

    def _descend(
        self,
        loss_of: Callable[[Batch], dict[str, Tensor]],
        batches: Sequence[Batch],
        network: nn.Module,
        optimiser: optim.Optimizer,
    ) -> dict[str, float]:
        optimiser.zero_grad(set_to_none=True)
        losses: dict[str, Tensor] = {}
        for batch in batches:
            with mixed_precision(self.device, self.precision):
                losses = loss_of(batch)
            if not losses:
                return {}
            mean = torch.stack(list(losses.values())).sum() / len(batches)
            mean.backward()  # type: ignore[no-untyped-call]
        if self.settings.clip:
            nn.utils.clip_grad_norm_(network.parameters(), self.settings.clip)
        optimiser.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _set_lr(self) -> float:
        factor = min(1.0, (self.step + 1) / self.numbers.warm_up) if self.numbers.warm_up else 1.0
        if self.numbers.cosine:
            factor *= 0.5 + 0.5 * math.cos(math.pi * self.progress)
        for group, base in zip(self.optimiser.param_groups, self._base_lrs, strict=True):
            group["lr"] = base * factor
        return float(self._base_lrs[0] * factor)

    def _average(self) -> None:
        decay = min(self.settings.ema, (1 + self.step) / (10 + self.step))
        averages, values = floating(self.averaged.state_dict()), floating(self.generator.state_dict())
        with torch.no_grad():
            torch._foreach_lerp_(list(averages.values()), list(values.values()), 1.0 - decay)

    def _check(self, losses: Mapping[str, float]) -> None:
        if not all(math.isfinite(value) for value in losses.values()):
            raise DivergedError(
                f"a loss is not a number at step {self.step} ({dict(losses)}); try a lower --lr, or --precision fp32"
            )
        judged = losses.get("judge")
        self._stuck = self._stuck + 1 if judged is not None and judged < 1e-4 else 0
        if self._stuck >= COLLAPSE_STEPS:
            raise DivergedError(
                f"the discriminator has been right every time for {COLLAPSE_STEPS} steps; the duel is over."
                " Try a lower --lr, or train the generator alone first"
            )

    def state(self) -> RunState:
        """All that is needed to go on."""
        tensors = {
            "generator": self.generator.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        if self.judge is not None and self.judge_optimiser is not None:
            tensors |= {
                "judge": self.judge.state_dict(),
                "judge_optimiser": self.judge_optimiser.state_dict(),
            }
        return RunState(self.step, self.elapsed, self.settings.network, tensors, dict(self.figures))

    def go_on_from(self, state: RunState) -> None:
        """Take up a saved state."""
        self.generator.load_state_dict(state.tensors["generator"])
        self.averaged.load_state_dict(state.tensors["averaged"])
        self.optimiser.load_state_dict(state.tensors["optimiser"])
        if self.judge is not None and self.judge_optimiser is not None:
            self.judge.load_state_dict(state.tensors["judge"])
            self.judge_optimiser.load_state_dict(state.tensors["judge_optimiser"])
        self.step, self.elapsed, self.figures = state.step, state.elapsed, dict(state.figures)
