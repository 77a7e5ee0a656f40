"""Which checkpoint file a run uses. Imports no torch: plans and dry runs ask it too."""

from __future__ import annotations

import stat
from importlib import resources
from pathlib import Path

from archivecolor.errors import CheckpointError

MAX_BYTES = 8 << 30
_BUILT_IN = "archivecolor-default.safetensors"
_DOUBT = "archivecolor-default-doubt.json"


def built_in_path() -> Path:
    """The weights that travel with the package."""
    return Path(str(resources.files("archivecolor.networks") / "weights" / _BUILT_IN))


def doubt_path() -> Path:
    """What was learned of how wrong those weights are."""
    return built_in_path().with_name(_DOUBT)


def checkpoint_path(checkpoint: Path | None) -> Path:
    """The checkpoint file asked for, the built-in one if None.

    Raises:
        CheckpointError: it is not there, is no file, or is larger than any network.
    """
    path = checkpoint or built_in_path()
    if path.is_file():
        check_size(path)
        return path
    if checkpoint is None:
        raise CheckpointError(
            f"the built-in weights {path} are missing; install the package anew, or give --checkpoint FILE"
        )
    problem = "is no file" if path.exists() else "does not exist"
    raise CheckpointError(f"the checkpoint {path} {problem}")


def check_size(path: Path) -> None:
    """Refuse, before anything of it is read, what cannot be a checkpoint.

    Raises:
        CheckpointError: it is a pipe, a device or a folder, or larger than any network.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError(f"the checkpoint {path} is no file")
    if status.st_size > MAX_BYTES:
        raise CheckpointError(f"the checkpoint {path} has {status.st_size} bytes; no network is that large")
