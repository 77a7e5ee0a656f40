"""Time by the clock beside time of processors: on a busy machine the first is longer, the second is not."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Duration:
    """How long something takes.

    Attributes:
        seconds: by the clock.
        processor_seconds: of all cores together, in this process.
    """

    seconds: float = 0.0
    processor_seconds: float = 0.0

    def __add__(self, other: Duration) -> Duration:
        return Duration(self.seconds + other.seconds, self.processor_seconds + other.processor_seconds)

    def __sub__(self, other: Duration) -> Duration:
        return self + other * -1

    def __mul__(self, factor: float) -> Duration:
        return Duration(self.seconds * factor, self.processor_seconds * factor)


NO_TIME = Duration()


def now() -> Duration:
    """This moment, to be taken from a later one."""
    return Duration(time.monotonic(), time.process_time())
