"""What this machine has for colouring: device, weights, helper programs."""

from __future__ import annotations

import platform
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec

from archivecolor.engine.executor import core_count
from archivecolor.engine.programs import find_program
from archivecolor.errors import ArchivecolorError
from archivecolor.networks.builtin import built_in_path, checkpoint_path
from archivecolor.networks.checkpoint import read_checkpoint, read_info
from archivecolor.photo.exiftool import NO_CONFIGURATION
from archivecolor.settings import DoctorSettings
from archivecolor.version import program_version

_VERSION_TIMEOUT_SECONDS = 30
MEASURING_SECONDS = 2
# What is for those who work on the program, what is several others, and what has a line of its own.
_NO_EXTRAS = ("all", "dev", "docs", "heic")
_REQUIREMENT = re.compile(r"""([\w.-]+).*\bextra\s*==\s*["']([\w-]+)""")


@dataclass(frozen=True)
class Diagnosis:
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


def examine(settings: DoctorSettings) -> list[Diagnosis]:
    """Look at everything that colouring uses."""
    return [
        Diagnosis("archivecolor", True, True, f"{program_version()}, Python {platform.python_version()}"),
        Diagnosis("processor", True, True, f"{core_count()} cores, {platform.machine()}"),
        _check_facts("runtime", lambda: _runtime_facts(settings)),
        _check_facts("weights", lambda: _weights_facts(settings)),
        *(_measured(settings) if settings.measure else ()),
        _check_program(
            "ffmpeg",
            ["-version"],
            "no second check of copied sound, and no WMA sound carried, without it",
        ),
        _check_program(
            "exiftool", [*NO_CONFIGURATION, "-ver"], "metadata is carried as far as Pillow can without it"
        ),
        _check_heic(),
        _extras(),
    ]


def _check_facts(name: str, facts: Callable[[], str]) -> Diagnosis:
    """Something that photographs need: its facts, or why there are none."""
    try:
        return Diagnosis(name, True, True, facts())
    except ArchivecolorError as error:
        return Diagnosis(name, False, True, str(error))


def _runtime_facts(settings: DoctorSettings) -> str:
    """What would run the network, where, in which number format, and why."""
    from archivecolor.inference.open_runtime import choose_runtime, open_runtime

    path = checkpoint_path(settings.checkpoint)
    why = choose_runtime(read_info(path), settings).why
    runtime = open_runtime(path, settings)
    return f"{runtime.name} {runtime.version} on {runtime.placement}: {why}"


def _weights_facts(settings: DoctorSettings) -> str:
    """Which weights would be used."""
    path = checkpoint_path(settings.checkpoint)
    stored = read_checkpoint(path)
    where = "built in" if path == built_in_path() else str(path)
    return f"{stored.info.title or stored.info.network}, {where}, sha256 {stored.digest[:16]}"


def _measured(settings: DoctorSettings) -> Iterator[Diagnosis]:
    """The time a picture takes with each program that can run the network."""
    ways = {("torch", settings.precision), ("onnx", settings.precision), ("onnx", "int8")}
    for runtime, precision in sorted(ways, reverse=True):
        name = f"{runtime} int8" if precision == "int8" else runtime
        try:
            seconds = _seconds_a_picture(replace(settings, runtime=runtime, precision=precision))
        except ArchivecolorError as error:
            yield Diagnosis(name, False, False, str(error))
        else:
            yield Diagnosis(name, True, False, f"{1000 * seconds:.0f} ms a picture of 3:2")


def _seconds_a_picture(settings: DoctorSettings) -> float:
    """What the network takes for a picture of 3:2 among many, measured over two seconds after a warm-up.

    Raises:
        UsageError, UnavailableError: this program cannot run the network as the settings ask.
    """
    import numpy as np

    from archivecolor.inference.predictor import open_predictor

    predictor = open_predictor(settings.checkpoint, settings)
    size = predictor.working_size
    luma = np.random.default_rng(0).uniform(0, 1, (size, 3 * size // 2)).astype(np.float32)
    lumas = [luma] * (predictor.batch_size * predictor.parallel_calls)
    predictor.predict(lumas)
    started, pictures = time.monotonic(), 0
    while time.monotonic() - started < MEASURING_SECONDS:
        predictor.predict(lumas)
        pictures += len(lumas)
    return (time.monotonic() - started) / pictures


def _check_program(name: str, ask: list[str], without: str) -> Diagnosis:
    """A helper program, asked for its version."""
    path = find_program(name)
    if path is None:
        return Diagnosis(name, False, False, f"not installed; {without}")
    try:
        completed = subprocess.run(
            [path, *ask], check=True, capture_output=True, timeout=_VERSION_TIMEOUT_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Diagnosis(name, False, False, f"{path} does not work ({error}); {without}")
    first = completed.stdout.decode("utf-8", "backslashreplace").partition("\n")[0]
    words = first.partition(" Copyright")[0].strip()
    if not words:
        return Diagnosis(name, False, False, f"{path} does not work (it says no version); {without}")
    return Diagnosis(name, True, False, f"{path}, {words}")


def _check_heic() -> Diagnosis:
    """Whether HEIC photographs can be read."""
    there = find_spec("pi_heif") is not None
    detail = "HEIC photographs can be read" if there else "not installed; pip install 'archivecolor[heic]'"
    return Diagnosis("heic", there, False, detail)


def _extras() -> Diagnosis:
    """Which of the package's extras are installed; none of them is needed to colour."""
    try:
        found = map(_REQUIREMENT.match, requires("archivecolor") or ())
    except PackageNotFoundError:
        return Diagnosis("extras", False, False, "the package itself is not installed, so nobody can say")
    packages = defaultdict[str, list[str]](list)
    for match in filter(None, found):
        packages[match[2]].append(match[1])
    extras = sorted(packages.keys() - set(_NO_EXTRAS))
    there = [extra for extra in extras if all(map(_is_installed, packages[extra]))]
    absent = [extra for extra in extras if extra not in there]
    detail = ", ".join(there) or "none"
    if absent:
        detail += f"; not installed: {', '.join(absent)} (pip install 'archivecolor[{absent[0]}]')"
    return Diagnosis("extras", True, False, detail)


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
