"""What a run goes on from: its state on disk, the newest two of it."""

from __future__ import annotations

import contextlib
import io
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import CheckpointError, UsageError

logger = logging.getLogger(__name__)

STATE_NAME = "state-{step:08d}.pt"
KEPT_STATES = 2


@dataclass(frozen=True)
class RunState:
    """Everything a run needs to go on as if it had never stopped.

    Attributes:
        step: steps done.
        elapsed: seconds trained so far, over all sessions.
        network: name of the network.
        tensors: state dicts of networks, averages and optimisers, by role.
        figures: best validation figure and what patience has counted.
        data_digest: digest over the training pictures; empty where it is not known.
        options: of the network; empty where they are not known.
        recipe: options of the recipe; empty where they are not known.
    """

    step: int
    elapsed: float
    network: str
    tensors: dict[str, Any]
    figures: dict[str, float]
    data_digest: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)


def has_saved_state(folder: Path) -> bool:
    """Whether a run has left a state in the folder."""
    return any(folder.glob("state-*.pt"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises `OutputError`."""
    with atomic_write(path) as part:
        Path(part).write_bytes(content)


def save_state(folder: Path, state: RunState) -> None:
    """Write the state beside the older ones and keep the newest two. Raises `OutputError`."""
    buffer = io.BytesIO()
    torch.save(vars(state), buffer)
    write_bytes(folder / STATE_NAME.format(step=state.step), buffer.getvalue())
    for old in sorted(folder.glob("state-*.pt"))[:-KEPT_STATES]:
        old.unlink()


def load_newest_state(folder: Path, network: str) -> RunState:
    """The newest state that can be read; a broken one is reported, put aside, and the one before is taken.

    Raises:
        UsageError: there is no state to resume from, or it is of another network.
        CheckpointError: every state is broken.
    """
    found = sorted(folder.glob("state-*.pt"), reverse=True)
    if not found:
        raise UsageError(f"{folder} holds no run to resume; leave out --resume to start one")
    for place, path in enumerate(found):
        try:
            state = RunState(**torch.load(path, map_location="cpu", weights_only=True))
        except Exception as error:
            logger.info("%s cannot be read", path, exc_info=error)
            continue
        if state.network != network:
            raise UsageError(f"{folder} is a run of network {state.network!r}, not {network!r}")
        for broken in found[:place]:
            logger.warning("%s is broken; going on from %s", broken, path.name)
            quarantine_state(broken)
        return state
    raise CheckpointError(
        f"every state in {folder} is broken; start a new run in another folder,"
        f" from the weights of this one by --init {folder / 'last.safetensors'}"
    )


def quarantine_state(path: Path) -> None:
    """Give a broken state a name under which it is not counted among those that are kept."""
    # Another process of the run may have done it, and without a right to write the first save will tell.
    with contextlib.suppress(OSError):
        path.replace(path.with_name(f"broken-{path.name}"))


def floating_tensors(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that are averaged: floating-point ones."""
    return {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
