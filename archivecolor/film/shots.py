"""What shots are, and what finds them: a protocol, so that others may.

`grey_shots` is the one that films are cut by unless another one is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from archivecolor.film.pixels import Plane, SampleFormat


@dataclass(frozen=True)
class Shot:
    """A run of frames that share one memory of colour.

    Attributes:
        first: its first frame, counting from 0.
        last: its last frame.
        begins: why it begins: start, cut, flash, after-flash, dissolve, fade or file.
    """

    first: int
    last: int
    begins: str

    def __len__(self) -> int:
        return self.last - self.first + 1


class ShotDetector(Protocol):
    """Looks at every frame of a film once, in order, and says where shots begin.

    Thresholds are its own affair, in seconds where they are times: films have 12 to 120 frames a second.
    """

    def add(self, luma: Plane, sample_format: SampleFormat) -> None:
        """Take one frame in.

        Args:
            luma: uint8 or uint16 (h, w), the codes of its luma plane as it is stored. It is not to be kept.
            sample_format: what the codes mean; `sample_format.luma_fraction(luma)` is float32, 0..1.
        """

    def shots(self) -> tuple[Shot, ...]:
        """All shots of the frames so far, in order, without gaps; `shots_from_starts` makes them.

        May be called once all frames were taken in.
        """


def shots_from_starts(begins: dict[int, str], count: int) -> tuple[Shot, ...]:
    """Shots from their first frames and reasons."""
    if count == 0:
        return ()
    starts = sorted({0, *(frame for frame in begins if 0 < frame < count)})
    ends = [*(start - 1 for start in starts[1:]), count - 1]
    reasons = [begins.get(start, "start") if start else "start" for start in starts]
    return tuple(Shot(*shot) for shot in zip(starts, ends, reasons, strict=True))
