"""What runs a job's tasks: a protocol, so that a run does not know where its tasks are carried out.

A task is an importable function of the executor's context and of one item. The context is what all
items share, such as the settings of the run: it goes to each worker once, and never with an item.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

C_co = TypeVar("C_co", covariant=True)
T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol[C_co]):
    """Runs tasks side by side and gives an answer for each.

    One item that kills its worker, hangs or raises costs its own answer and no other.
    """

    @property
    def count(self) -> int:
        """Tasks that run at the same time."""
        ...

    def submit(self, task: Callable[[C_co, T], R], item: T, *, urgent: bool = False) -> Future[R]:
        """Have `task(context, item)` run, before all that is not urgent if `urgent`.

        The future raises what the task raised; `ItemError` with `WORKER_DIED` or `TIMEOUT` when the
        worker died of the item or had to be killed; `UnavailableError` when no worker can be had.
        """
        ...


def core_count() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
