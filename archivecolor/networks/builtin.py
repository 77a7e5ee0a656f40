"""Which checkpoint file a run uses. Imports no torch: plans and dry runs ask it too."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from archivecolor.errors import CheckpointError

BUILT_IN = "archivecolor-default.safetensors"


def built_in_path() -> Path:
    """The weights that travel with the package."""
    return Path(str(resources.files("archivecolor.networks") / "weights" / BUILT_IN))


def checkpoint_path(checkpoint: Path | None) -> Path:
    """The checkpoint file asked for, the built-in one if None.

    Raises:
        CheckpointError: it is not there.
    """
    path = checkpoint or built_in_path()
    if path.is_file():
        return path
    if checkpoint is None:
        raise CheckpointError(
            f"the built-in weights {path} are missing; install the package anew, or give --checkpoint FILE"
        )
    raise CheckpointError(f"the checkpoint {path} does not exist")
