"""What a run leaves on disk: checkpoints, the state to go on from, and the log of its figures."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archivecolor.archive.durable import replacing
from archivecolor.errors import CheckpointError, UsageError

logger = logging.getLogger(__name__)

STATE_NAME = "state-{step:08d}.pt"
KEPT_STATES = 2
BEST = "best.safetensors"
LAST = "last.safetensors"


@dataclass(frozen=True)
class RunState:
    """Everything a run needs to go on as if it had never stopped.

    Attributes:
        step: steps done.
        elapsed: seconds trained so far, over all sittings.
        network: name of the network.
        tensors: state dicts of networks, averages and optimisers, by role.
        figures: best validation figure and what patience has counted.
    """

    step: int
    elapsed: float
    network: str
    tensors: dict[str, Any]
    figures: dict[str, float]


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises `OutputError`."""
    with replacing(path) as part:
        Path(part).write_bytes(content)


def save_state(folder: Path, state: RunState) -> None:
    """Write the state beside the older ones and keep the newest two. Raises `OutputError`."""
    buffer = io.BytesIO()
    torch.save(dataclasses.asdict(state), buffer)
    write_bytes(folder / STATE_NAME.format(step=state.step), buffer.getvalue())
    for old in sorted(folder.glob("state-*.pt"))[:-KEPT_STATES]:
        old.unlink()


def load_newest_state(folder: Path, network: str) -> RunState:
    """The newest state that can be read; a broken one is reported and the one before is taken.

    Raises:
        UsageError: there is no state to resume from, or it is of another network.
        CheckpointError: every state is broken.
    """
    found = sorted(folder.glob("state-*.pt"), reverse=True)
    if not found:
        raise UsageError(f"{folder} holds no run to resume; leave out --resume to start one")
    for path in found:
        try:
            state = RunState(**torch.load(path, map_location="cpu", weights_only=True))
        except Exception as trouble:  # noqa: BLE001 - torch.load documents no closed set of errors
            logger.warning("%s is broken (%s); going on from the one before", path, trouble)
            continue
        if state.network != network:
            raise UsageError(f"{folder} is a run of network {state.network!r}, not {network!r}")
        return state
    raise CheckpointError(f"every state in {folder} is broken; start again without --resume")


def log_figures(folder: Path, kind: str, step: int, figures: dict[str, float]) -> None:
    """Append one JSON line of figures to the run's log."""
    line = json.dumps({"kind": kind, "step": step} | {key: round(value, 6) for key, value in figures.items()})
    with (folder / "figures.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")


def read_figures(folder: Path) -> list[dict[str, Any]]:
    """All figures a run has logged, in order."""
    path = folder / "figures.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def floating(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that are averaged: floating-point ones."""
    return {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
