"""One network with its optimiser: from losses to a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn, optim

from archivecolor.networks.device import mixed_precision
from archivecolor.training.distributed import DistributedContext
from archivecolor.training.tensors import Batch

# Any: as torch nests it, tensors, numbers and lists of both.
StateDict: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class StepConfig:
    """How every step is taken.

    Attributes:
        device: where.
        precision: in which number format.
        clip: largest gradient norm, 0 for any.
        distributed: the processes that take it together.
    """

    device: torch.device
    precision: torch.dtype
    clip: float
    distributed: DistributedContext


class OptimiserStep:
    """A network, its optimiser and, in half precision, the scale of its losses.

    Args:
        network: what learns.
        optimiser: over its parameters.
        step_config: how it takes steps.
    """

    def __init__(self, network: nn.Module, optimiser: optim.Optimizer, step_config: StepConfig) -> None:
        self.network = network
        self.optimiser = optimiser
        self.step_config = step_config
        self._base_lrs = [float(group["lr"]) for group in optimiser.param_groups]
        # bfloat16 has float32's range and needs no scale.
        self._scaler = torch.amp.GradScaler(
            step_config.device.type, enabled=step_config.precision == torch.float16
        )

    def set_lr(self, factor: float) -> float:
        """Set the learning rates to `factor` times their full values; returns the first."""
        for group, base in zip(self.optimiser.param_groups, self._base_lrs, strict=True):
            group["lr"] = base * factor
        return self._base_lrs[0] * factor

    def step(
        self, loss_of: Callable[[Batch], Mapping[str, Tensor]], batches: Sequence[Batch]
    ) -> dict[str, Tensor]:
        """Take one step down the mean loss of the batches; returns the mean losses by name, on the device.

        Where `loss_of` gives no loss the network rests.
        """
        means = self.backward(loss_of, batches)
        if not means:
            return {}
        self._scaler.unscale_(self.optimiser)
        self.step_config.distributed.average_gradients(self.network.parameters())
        if self.step_config.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.step_config.clip)
        self._scaler.step(self.optimiser)
        self._scaler.update()
        return means

    def backward(
        self, loss_of: Callable[[Batch], Mapping[str, Tensor]], batches: Sequence[Batch]
    ) -> dict[str, Tensor]:
        """Lay the gradients of the batches' mean loss on the network; returns the mean losses by name."""
        self.optimiser.zero_grad(set_to_none=True)
        means: dict[str, Tensor] = {}
        for batch in batches:
            with mixed_precision(self.step_config.device, self.step_config.precision):
                losses = loss_of(batch)
            if not losses:
                return {}
            total = torch.stack(list(losses.values())).sum() / len(batches)
            self._scaler.scale(total).backward()  # type: ignore[no-untyped-call]
            for name, loss in losses.items():
                share = loss.detach().float() / len(batches)
                means[name] = means[name] + share if name in means else share
        return means

    def state(self) -> StateDict:
        """The optimiser's state, with the loss scale where there is one."""
        scale = {"scaler": self._scaler.state_dict()} if self._scaler.is_enabled() else {}
        return self.optimiser.state_dict() | scale

    def load_state(self, state: StateDict) -> None:
        """Take up what `state` gave."""
        known = dict(state)
        scale = known.pop("scaler", None)
        self.optimiser.load_state_dict(known)
        if scale is not None and self._scaler.is_enabled():
            self._scaler.load_state_dict(scale)
