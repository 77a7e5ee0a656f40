"""Several processes that train one network: they share each batch and take every step together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archivecolor.errors import UsageError
from archivecolor.printable import quoted

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class DistributedContext:
    """This process among those that torchrun started; one alone without torchrun.

    Attributes:
        rank: of this process, from 0.
        world_size: how many there are.
        local_rank: rank among those of this machine: the number of its GPU.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this process writes the run's folder."""
        return self.rank == 0

    def broadcast_weights(self, network: nn.Module) -> None:
        """Give all processes the first one's weights."""
        if self.world_size > 1:
            import torch.distributed

            for tensor in network.state_dict().values():
                torch.distributed.broadcast(tensor, 0)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the mean over all processes in place of each gradient.

        One call between backward and the optimiser's step, in place of `DistributedDataParallel`: an
        objective may call its network as often as it likes, or not at all.
        """
        if self.world_size == 1:
            return
        import torch

        gradients = [part.grad for part in parameters if part.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients]) / self.world_size
        torch.distributed.all_reduce(flat)
        pieces = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, piece in zip(gradients, pieces, strict=True):
            gradient.copy_(piece.view_as(gradient))

    def all_reduce_max(self, values: Tensor) -> Tensor:
        """The largest of each value over all processes."""
        if self.world_size > 1:
            import torch.distributed

            torch.distributed.all_reduce(values, torch.distributed.ReduceOp.MAX)
        return values


MAX_DIGITS = 9
SINGLE_PROCESS = DistributedContext()


def is_main_rank() -> bool:
    """Whether this process is alone, or the first of those that torchrun started: the one that speaks."""
    return os.environ.get("RANK", "0") == "0"


def _number_of(variable: str, default: str = "") -> int:
    text = os.environ.get(variable, default)
    if not text.isdecimal() or len(text) > MAX_DIGITS:
        raise UsageError(
            f"the variable {variable} is {quoted(text)}, no number;"
            " unset it, or start by torchrun, which sets it"
        )
    return int(text)


@contextmanager
def join_process_group(device: str) -> Iterator[DistributedContext]:
    """Join the processes that torchrun started, if it did; NCCL between GPUs, Gloo otherwise.

    Raises:
        UsageError: a variable by which torchrun says so is no number.
    """
    world_size = _number_of("WORLD_SIZE", "1")
    if world_size == 1:
        yield SINGLE_PROCESS
        return
    import torch

    distributed = DistributedContext(_number_of("RANK"), world_size, _number_of("LOCAL_RANK"))
    on_gpus = device != "cpu" and torch.cuda.is_available()
    if on_gpus:
        torch.cuda.set_device(distributed.local_rank)
    torch.distributed.init_process_group("nccl" if on_gpus else "gloo")
    try:
        yield distributed
    finally:
        torch.distributed.destroy_process_group()
