"""What a run goes on from: its state on disk, the newest two of it."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import CheckpointError, OutOfMemoryError, UsageError
from archivecolor.networks.device import is_out_of_memory
from archivecolor.training.optimiser_step import StateDict

logger = logging.getLogger(__name__)

STATE_NAME = "state-{step:08d}.pt"
_KEPT_STATES = 2


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
        recipe: options of the objective; empty where they are not known.
        settings: those that the run goes on with, by name; empty where they are not known.
    """

    step: int
    elapsed: float
    network: str
    tensors: Mapping[str, StateDict]
    figures: Mapping[str, float]
    data_digest: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    recipe: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)


def saved_states(folder: Path) -> list[Path]:
    """The states that a run has left in the folder, the oldest first."""
    return sorted(folder.glob("state-*.pt"))


def save_state(folder: Path, state: RunState) -> None:
    """Write the state beside the older ones and keep the newest two. Raises `OutputError`."""
    # Into memory first: torch does not say why a disk takes no more.
    buffer = io.BytesIO()
    torch.save(vars(state), buffer)
    with atomic_write(folder / STATE_NAME.format(step=state.step)) as part:
        part.write_bytes(buffer.getvalue())
    for old in saved_states(folder)[:-_KEPT_STATES]:
        old.unlink()


def load_newest_state(folder: Path) -> RunState:
    """The newest state that is whole; a broken one is reported, put aside, and the one before is taken.

    Raises:
        UsageError: there is no state to resume from.
        CheckpointError: a state cannot be read from its disk, or every state is broken.
        OutOfMemoryError: a state has no room in memory. As after an error of the disk, nothing is put aside.
    """
    found = saved_states(folder)[::-1]
    if not found:
        raise UsageError(f"{folder} holds no run to resume; leave out --resume to start one")
    for place, path in enumerate(found):
        state = _read_state(path)
        if state is None:
            continue
        for broken in found[:place]:
            logger.warning("%s is broken; going on from %s", broken, path.name)
            _put_aside(broken)
        return state
    raise CheckpointError(
        f"every state in {folder} is broken; start a new run in another folder,"
        f" from the weights of this one by --init {folder / 'last.safetensors'}"
    )


def _read_state(path: Path) -> RunState | None:
    """A state, or None where its bytes are not those of one."""
    try:
        content = io.BytesIO(path.read_bytes())
        return RunState(**torch.load(content, map_location="cpu", weights_only=True))
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror or error}); it was left as it is: see to its disk"
            " and resume again"
        ) from error
    except Exception as error:  # torch.load documents no closed set of errors for bytes that are none
        if is_out_of_memory(error):
            raise OutOfMemoryError(
                f"there is no memory to read {path}; it was left as it is: end what else runs, then resume"
            ) from error
        logger.info("%s is no whole state", path, exc_info=error)
        return None


def _put_aside(path: Path) -> None:
    """Give a broken state a name under which it is not counted among those that are kept."""
    # Another process of the run may have done it, and without a right to write the first save will tell.
    with contextlib.suppress(OSError):
        path.replace(path.with_name(f"broken-{path.name}"))


def floating_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that are averaged: floating-point ones."""
    return {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
