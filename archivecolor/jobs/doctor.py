"""What this machine has for colouring: device, weights, helper programs."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

from archivecolor.engine.executor import core_count
from archivecolor.errors import ArchivecolorError
from archivecolor.networks.builtin import built_in_path, checkpoint_path
from archivecolor.settings import DoctorSettings

VERSION_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        name: what it is.
        ok: it is there and works.
        needed: without it photographs cannot be coloured.
        detail: version or trouble, and what lacks without it.
    """

    name: str
    ok: bool
    needed: bool
    detail: str


def examine(settings: DoctorSettings) -> list[Finding]:
    """Look at everything that colouring uses."""
    return [
        Finding("archivecolor", True, True, f"{version('archivecolor')}, Python {platform.python_version()}"),
        Finding("processor", True, True, f"{core_count()} cores, {platform.machine()}"),
        _check_facts("device", lambda: _device_facts(settings)),
        _check_facts("weights", lambda: _weights_facts(settings)),
        _check_program(
            "ffmpeg",
            "-version",
            "no second check of copied sound, and no WMA sound carried, without it",
        ),
        _check_program("exiftool", "-ver", "metadata is carried as far as Pillow can without it"),
        _check_heic(),
    ]


def _check_facts(name: str, facts: Callable[[], str]) -> Finding:
    """Something that photographs need: its facts, or why there are none."""
    try:
        return Finding(name, True, True, facts())
    except ArchivecolorError as error:
        return Finding(name, False, True, str(error))


def _device_facts(settings: DoctorSettings) -> str:
    """Where the network would run, in which number format."""
    import torch

    from archivecolor.networks.device import choose_device, choose_precision

    device = choose_device(settings.device)
    precision = str(choose_precision("auto", device)).removeprefix("torch.")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return f"{device}: {name}, {precision}, torch {torch.__version__}"


def _weights_facts(settings: DoctorSettings) -> str:
    """Which weights would be used."""
    from archivecolor.networks.checkpoint import load_checkpoint

    path = checkpoint_path(settings.checkpoint)
    loaded = load_checkpoint(path)
    where = "built in" if path == built_in_path() else str(path)
    return f"{loaded.info.title or loaded.info.network}, {where}, sha256 {loaded.digest[:16]}"


def _check_program(name: str, ask: str, without: str) -> Finding:
    """A helper program, asked for its version."""
    path = shutil.which(name)
    if path is None:
        return Finding(name, False, False, f"not installed; {without}")
    try:
        completed = subprocess.run(
            [path, ask], check=True, capture_output=True, text=True, timeout=VERSION_TIMEOUT_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(name, False, False, f"{path} does not work ({error}); {without}")
    return Finding(name, True, False, f"{path}, {completed.stdout.splitlines()[0].split(' Copyright')[0]}")


def _check_heic() -> Finding:
    """Whether HEIC photographs can be read."""
    there = find_spec("pi_heif") is not None
    detail = "HEIC photographs can be read" if there else "not installed; pip install 'archivecolor[heic]'"
    return Finding("heic", there, False, detail)
