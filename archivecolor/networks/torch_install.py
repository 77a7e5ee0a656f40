"""Whether torch is there, and what it could compute on. Imports no torch: that takes seconds, where it is."""

from __future__ import annotations

import contextlib
import ctypes
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from archivecolor.errors import UnavailableError


def has_torch() -> bool:
    """Whether torch is installed."""
    return find_spec("torch") is not None


def may_have_accelerator() -> bool:
    """Whether torch may find a device here that is faster than the processor; False is certain.

    A build says for which devices it was made (`torch/version.py`), and one for CUDA finds none without
    NVIDIA's own library, which comes with the driver.
    """
    if sys.platform == "darwin":
        return True
    made_for = _devices_of_build()
    if made_for == {"cuda"} and sys.platform.startswith("linux"):
        return _can_load("libcuda.so.1")
    return bool(made_for)


def _devices_of_build() -> set[str]:
    """Devices that torch was built for: cuda, hip, xpu; all of them where it does not say."""
    devices = {"cuda", "hip", "xpu"}
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return devices
    try:
        words = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return devices
    said = dict(re.findall(r"^(cuda|hip|xpu)\b[^=\n]*=\s*(\S+)", words, re.MULTILINE))
    # A build older than a kind of device says nothing of it.
    return {name for name in devices if said.get(name, "None") != "None"} if "cuda" in said else devices


def _can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def cpu_has_bf16() -> bool:
    """Whether this processor has bfloat16 instructions; without them bfloat16 is slower than float32."""
    with contextlib.suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
        return "avx512_bf16" in flags or "amx_bf16" in flags
    return False


def require_torch(what: str, *besides: str, extra: str = "torch") -> None:
    """Raise `UnavailableError` with the line to type if torch is not installed.

    Args:
        what: cannot be done without, as the message begins.
        besides: other packages that it needs.
        extra: of this package, that has them.
    """
    missing = [] if has_torch() else ["torch"]
    missing += [name for name in besides if find_spec(name) is None]
    if missing:
        raise UnavailableError(
            f"{what} needs {missing[0]}, which is not installed: pip install 'archivecolor[{extra}]'"
        )
