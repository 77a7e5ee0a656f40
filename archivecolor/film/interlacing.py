"""Interlaced and telecined film: found by flags and by looking, and undone where asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from archivecolor.errors import ItemError, Reason
from archivecolor.film.frames import graph_for, pull_frames
from archivecolor.film.probe import BOTTOM_FIRST, BOTTOM_ORDERS, PROGRESSIVE, TOP_FIRST, FilmFacts

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.frame import VideoFrame

# Shares of judged frames from which a film counts as interlaced or telecined.
_INTERLACED_SHARE, _TELECINED_SHARE = 0.5, 0.15
MIN_CLASSIFIED = 8
# No interlaced format has fewer lines; combing seen in smaller pictures is something else.
_MIN_LINES = 400
# Frames are evenly spaced where no step is longer than this many usual ones.
_MAX_STEP = 1.5


@dataclass(frozen=True)
class FieldStats:
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
        interlaced_count = self.top_first + self.bottom_first
        classified = interlaced_count + self.progressive
        if classified < MIN_CLASSIFIED:
            return self.flagged > 0
        return interlaced_count > _INTERLACED_SHARE * classified

    @property
    def telecined(self) -> bool:
        """Some frames are combed and some not, and fields repeat, as pulldown leaves it."""
        interlaced_count = self.top_first + self.bottom_first
        classified = interlaced_count + self.progressive
        repeats = self.repeated > _TELECINED_SHARE * max(1, classified)
        return classified >= MIN_CLASSIFIED and repeats and _TELECINED_SHARE * classified < interlaced_count

    @property
    def order(self) -> int:
        """FFmpeg's number for the field order that was seen."""
        return BOTTOM_FIRST if self.bottom_first > self.top_first else TOP_FIRST


class InterlaceDetector:
    """Judges frames by FFmpeg's `idet`, in order."""

    def __init__(self, facts: FilmFacts) -> None:
        self._graph: Graph | None = None
        self._flagged = 0
        self._last: dict[str, str] = {}
        self._facts = facts

    def add(self, picture: VideoFrame) -> None:
        """Take one frame in."""
        self._flagged += bool(picture.interlaced_frame)
        if self._graph is None:
            self._graph = graph_for(picture, (("idet", ""),), self._facts)
        self._graph.push(picture)
        self._pull(self._graph)

    def result(self) -> FieldStats:
        """What was seen of all frames."""
        if self._graph is not None:
            self._graph.push(None)
            self._pull(self._graph)
        count = {
            name: round(float(self._last.get(f"lavfi.idet.multiple.{name}", 0)))
            for name in ("tff", "bff", "progressive")
        }
        repeated = sum(
            round(float(self._last.get(f"lavfi.idet.repeated.{name}", 0))) for name in ("top", "bottom")
        )
        if self._facts.height < _MIN_LINES:
            return FieldStats(self._flagged, 0, 0, sum(count.values()), 0)
        return FieldStats(self._flagged, count["tff"], count["bff"], count["progressive"], repeated)

    def _pull(self, graph: Graph) -> None:
        for picture in pull_frames(graph):
            self._last = dict(picture.metadata)


def field_order_of(facts: FilmFacts, found: FieldStats) -> int:
    """FFmpeg's number for the order of fields: as seen, or as flagged where too little moves to tell."""
    if found.interlaced and found.top_first + found.bottom_first >= MIN_CLASSIFIED:
        return found.order
    return max(facts.field_order, TOP_FIRST)


def is_progressive(facts: FilmFacts, found: FieldStats) -> bool:
    """Whether the film has no fields worth keeping apart."""
    if facts.field_order > PROGRESSIVE and found.flagged:
        return False
    return not (found.interlaced or found.telecined)


def field_parity(facts: FilmFacts, found: FieldStats) -> str:
    """Which field comes first as they are undone: as each frame says, unless what is seen says otherwise."""
    seen = field_order_of(facts, found)
    flagged = max(facts.field_order, TOP_FIRST)
    if (seen in BOTTOM_ORDERS) == (flagged in BOTTOM_ORDERS):
        return "auto"
    return "bff" if seen in BOTTOM_ORDERS else "tff"


def check_pulldown(found: FieldStats, pts: npt.NDArray[np.int64]) -> None:
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
    if steps.max() > _MAX_STEP * np.median(steps):
        raise ItemError(
            Reason.UNSUPPORTED,
            "its frames are not evenly spaced, so ivtc would lose the sound's time; deinterlace with auto, "
            "keep or bwdif",
        )
