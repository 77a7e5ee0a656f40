"""Interlaced and telecined film: found by flags and by looking, and undone where asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from archivecolor.errors import ItemError, Reason
from archivecolor.film.frames import Frame, graph_for, pulled
from archivecolor.film.probe import BOTTOM_FIRST, BOTTOM_ORDERS, PROGRESSIVE, TOP_FIRST, FilmFacts

# Shares of judged frames from which a film counts as interlaced or telecined.
INTERLACED_SHARE, TELECINED_SHARE = 0.5, 0.15
LEAST_JUDGED = 8
# No interlaced format has fewer lines; combing seen in smaller pictures is something else.
LEAST_LINES = 400
# Frames are evenly spaced where no step is longer than this many usual ones.
LONGEST_STEP = 1.5


@dataclass(frozen=True)
class Fields:
    """What is known of a film's fields.

    Attributes:
        flagged: frames the decoder says are interlaced.
        top_first: frames that look interlaced, top field first.
        bottom_first: frames that look interlaced, bottom field first.
        progressive: frames that look progressive.
        repeated: frames with a field repeated from their neighbour.
    """

    flagged: int
    top_first: int
    bottom_first: int
    progressive: int
    repeated: int

    @property
    def interlaced(self) -> bool:
        """Most frames that could be judged are made of two moments."""
        combed = self.top_first + self.bottom_first
        judged = combed + self.progressive
        if judged < LEAST_JUDGED:
            return self.flagged > 0
        return combed > INTERLACED_SHARE * judged

    @property
    def telecined(self) -> bool:
        """Some frames are combed and some not, and fields repeat, as pulldown leaves it."""
        combed = self.top_first + self.bottom_first
        judged = combed + self.progressive
        repeats = self.repeated > TELECINED_SHARE * max(1, judged)
        return judged >= LEAST_JUDGED and repeats and TELECINED_SHARE * judged < combed

    @property
    def order(self) -> int:
        """FFmpeg's number for the field order that was seen."""
        return BOTTOM_FIRST if self.bottom_first > self.top_first else TOP_FIRST


class FieldFinder:
    """Judges frames by FFmpeg's `idet`, in order."""

    def __init__(self, facts: FilmFacts) -> None:
        self._graph: Any = None
        self._flagged = 0
        self._last: dict[str, str] = {}
        self._facts = facts

    def look(self, frame: Frame) -> None:
        """Take one frame in."""
        self._flagged += bool(frame.picture.interlaced_frame)
        if self._graph is None:
            self._graph = graph_for(frame.picture, (("idet", ""),), self._facts)
        self._graph.push(frame.picture)
        self._pull()

    def found(self) -> Fields:
        """What was seen of all frames."""
        if self._graph is not None:
            self._graph.push(None)
            self._pull()
        count = {
            name: round(float(self._last.get(f"lavfi.idet.multiple.{name}", 0)))
            for name in ("tff", "bff", "progressive")
        }
        repeated = sum(
            round(float(self._last.get(f"lavfi.idet.repeated.{name}", 0))) for name in ("top", "bottom")
        )
        if self._facts.height < LEAST_LINES:
            return Fields(self._flagged, 0, 0, sum(count.values()), 0)
        return Fields(self._flagged, count["tff"], count["bff"], count["progressive"], repeated)

    def _pull(self) -> None:
        for picture in pulled(self._graph):
            self._last = dict(picture.metadata)


def order_of(facts: FilmFacts, found: Fields) -> int:
    """FFmpeg's number for the order of fields: as seen, or as flagged where too little moves to tell."""
    if found.interlaced and found.top_first + found.bottom_first >= LEAST_JUDGED:
        return found.order
    return max(facts.field_order, TOP_FIRST)


def is_progressive(facts: FilmFacts, found: Fields) -> bool:
    """Whether the film has no fields worth keeping apart."""
    if facts.field_order > PROGRESSIVE and found.flagged:
        return False
    return not (found.interlaced or found.telecined)


def parity_of(facts: FilmFacts, found: Fields) -> str:
    """Which field comes first as they are undone: as each frame says, unless what is seen says otherwise."""
    seen = order_of(facts, found)
    flagged = max(facts.field_order, TOP_FIRST)
    if (seen in BOTTOM_ORDERS) == (flagged in BOTTOM_ORDERS):
        return "auto"
    return "bff" if seen in BOTTOM_ORDERS else "tff"


def check_pulldown(found: Fields, pts: npt.NDArray[np.int64]) -> None:
    """See that pulldown can be taken out: each fifth frame goes, and the others are spaced evenly.

    Args:
        found: what is known of the fields.
        pts: int64 (n,), presentation times.

    Raises:
        ItemError: `UNSUPPORTED`, where that would lose frames of the film or the sound's time.
    """
    if not found.telecined:
        raise ItemError(
            Reason.UNSUPPORTED,
            "no pulldown is seen in its fields, so ivtc would drop frames; deinterlace with auto, keep or "
            "bwdif",
        )
    steps = np.diff(pts)
    if steps.max() > LONGEST_STEP * np.median(steps):
        raise ItemError(
            Reason.UNSUPPORTED,
            "its frames are not evenly spaced, so ivtc would lose the sound's time; deinterlace with auto, "
            "keep or bwdif",
        )
