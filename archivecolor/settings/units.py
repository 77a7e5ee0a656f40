"""Numbers as people write them: 90m, 2h, 1:30:00 for times, 4GB for sizes; a bare number is in the unit."""

from __future__ import annotations

import math
import re

SECONDS, GIGABYTES = "seconds", "GB"
_SECONDS_OF: dict[str, float] = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_GIGABYTES_OF = {"b": 1e-9, "kb": 1e-6, "mb": 1e-3, "gb": 1.0, "tb": 1e3, "g": 1.0, "m": 1e-3}
_GIGABYTES_OF |= {"mib": 2**20 / 1e9, "gib": 2**30 / 1e9, "tib": 2**40 / 1e9}
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_PART = re.compile(rf"({_NUMBER})\s*([a-z]+)\s*")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):([0-5]\d(?:\.\d*)?)")
WRITINGS = {
    SECONDS: "write it as 90 or 90s, 15m, 2h, 1d, 1h30m or 1:30:00; a bare number is seconds",
    GIGABYTES: "write it as 4 or 4GB, 512MB; a bare number is GB",
}


def parse_number(text: str, unit: str) -> float:
    """A number as people write it.

    Args:
        text: such as "90", "90m", "1h30m", "1:30:00" or "512MB".
        unit: of a bare number: "seconds", "GB", or another, of which bare numbers alone are understood.

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
    scale: dict[str, float] = {SECONDS: _SECONDS_OF, GIGABYTES: _GIGABYTES_OF}.get(unit, {})
    parts = _PART.findall(typed)
    if not parts or _PART.sub("", typed) or any(name not in scale for _, name in parts):
        raise ValueError(WRITINGS.get(unit, "it must be a number"))
    return sum(float(number) * scale[name] for number, name in parts)


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("it must be a number")
    return number
