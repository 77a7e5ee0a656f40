"""Numbers as people write them: 90m, 2h, 1:30:00 for times, 4GB for sizes; a bare number is in the unit."""

from __future__ import annotations

import math
import re

SECONDS, GIGABYTES, MEGABYTES = "seconds", "GB", "megabytes"
_SECONDS_OF: dict[str, float] = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_BYTES_OF = {"b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "g": 1e9, "m": 1e6}
_BYTES_OF |= {"mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40}
_SCALES = {
    SECONDS: _SECONDS_OF,
    GIGABYTES: {name: nbytes / 1e9 for name, nbytes in _BYTES_OF.items()},
    MEGABYTES: {name: nbytes / 1e6 for name, nbytes in _BYTES_OF.items()},
}
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_PART = re.compile(rf"({_NUMBER})\s*([a-z]+)\s*")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):([0-5]\d(?:\.\d*)?)")
WRITINGS = {
    SECONDS: "write it as 90 or 90s, 15m, 2h, 1d, 1h30m or 1:30:00; a bare number is seconds",
    GIGABYTES: "write it as 4 or 4GB, 512MB; a bare number is GB",
    MEGABYTES: "write it as 200 or 200MB, 1.5GB; a bare number is MB",
}


def parse_number(text: str, unit: str) -> float:
    """A number as people write it.

    Args:
        text: such as "90", "90m", "1h30m", "1:30:00" or "512MB".
        unit: of a bare number: "seconds", "GB", "megabytes", or another, of which bare numbers alone are
            understood.

    Raises:
        ValueError: it is none; says how it is written.
    """
    typed = text.strip().lower()
    try:
        return _finite(float(typed))
    except ValueError:
        pass
    clock = _CLOCK.fullmatch(typed)
    if unit == SECONDS and clock:
        return 3600 * int(clock[1] or 0) + 60 * int(clock[2]) + float(clock[3])
    scale = _SCALES.get(unit, {})
    parts = _PART.findall(typed)
    if not parts or _PART.sub("", typed) or any(name not in scale for _, name in parts):
        raise ValueError(WRITINGS.get(unit, "it must be a number"))
    return sum(float(number) * scale[name] for number, name in parts)


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("it must be a number")
    return number
