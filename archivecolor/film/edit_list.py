"""A film's shots as editing programs read them: an edit decision list (CMX 3600), and OpenTimelineIO.

Frames are counted at the film's nominal rate, from its own timecode where it has one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.atomic import atomic_write
from archivecolor.film.first_pass import FirstPass
from archivecolor.film.probe import FilmFacts, open_again
from archivecolor.film.shots import Shot
from archivecolor.printable import printable

if TYPE_CHECKING:
    from opentimelineio.opentime import RationalTime
    from opentimelineio.schema import Timeline

LIBRARIES = ("opentimelineio", "otio_cmx3600_adapter")
# What is written ends in, or holds, its own digest, so that a list which somebody edited is known for one.
_EDL_MARK, _OTIO_MARK = "* ARCHIVECOLOR SHA256 ", "archivecolor"
MAX_BYTES = 64 << 20


def can_write_edit_lists() -> bool:
    """Whether the libraries for it are installed."""
    return all(find_spec(name) is not None for name in LIBRARIES)


def timeline_of(facts: FilmFacts, found: FirstPass, shots: Sequence[Shot]) -> Timeline:
    """All shots of a film, one after the other, each a clip of its file.

    Args:
        facts: of the film.
        found: what it holds.
        shots: all of them.
    """
    from opentimelineio.opentime import RationalTime, TimeRange
    from opentimelineio.schema import Clip, ExternalReference, Timeline, Track, TrackKind

    rate = float(facts.read_rate)
    ends = [frame_number(facts, found, shot.first) for shot in shots[1:]]
    ends.append(frame_number(facts, found, len(found) - 1) + 1)
    start, name = first_timecode(facts, rate), printable(facts.path.name)
    track = Track(name, kind=TrackKind.Video)
    begin = 0
    for number, (shot, end) in enumerate(zip(shots, ends, strict=True), start=1):
        media = ExternalReference(
            target_url=facts.path.absolute().as_uri(),
            available_range=TimeRange(start, RationalTime(ends[-1], rate)),
        )
        clip = Clip(
            f"shot {number}",
            media_reference=media,
            source_range=TimeRange(start + RationalTime(begin, rate), RationalTime(end - begin, rate)),
            metadata={"archivecolor": {"begins": shot.begins}},
        )
        track.append(clip)
        begin = end
    timeline = Timeline(name)
    timeline.tracks.append(track)
    return timeline


def write_otio(path: Path, timeline: Timeline) -> None:
    """Write a timeline as OpenTimelineIO's JSON."""
    values = json.loads(timeline.to_json_string())
    values["metadata"][_OTIO_MARK] = {"sha256": _digest_of(values)}
    with atomic_write(path) as part:
        part.write_text(json.dumps(values, indent=4) + "\n", encoding="utf-8")


def is_otio_as_written(path: Path) -> bool:
    """Whether a file is a timeline of ours that nobody has edited."""
    try:
        values = json.loads(_text_of(path))
        mark = values["metadata"].pop(_OTIO_MARK)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return bool(mark == {"sha256": _digest_of(values)})


def write_edl(path: Path, timeline: Timeline, rate: Fraction) -> bool:
    """Write a timeline as CMX 3600; False where timecode has no such rate, and nothing is written."""
    from opentimelineio.opentime import RationalTime
    from otio_cmx3600_adapter import cmx_3600

    if not RationalTime.is_smpte_timecode_rate(float(rate)):
        return False
    text = cmx_3600.write_to_string(timeline, rate=float(rate), style="premiere")
    text = text if text.endswith("\n") else f"{text}\n"
    with atomic_write(path) as part:
        part.write_text(f"{text}{_EDL_MARK}{_sha256(text)}\n", encoding="utf-8")
    return True


def is_edl_as_written(path: Path) -> bool:
    """Whether a file is an edit decision list of ours that nobody has edited."""
    try:
        text, mark, digest = _text_of(path).rpartition(_EDL_MARK)
    except ValueError:
        return False
    return bool(mark) and digest == f"{_sha256(text)}\n"


def _text_of(path: Path) -> str:
    """A small text file. Raises `ValueError` where it is none, `OSError` where it cannot be read."""
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} is no file of text")
    return path.read_text(encoding="utf-8")


def _digest_of(values: object) -> str:
    return _sha256(json.dumps(values, sort_keys=True))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def frame_number(facts: FilmFacts, found: FirstPass, frame: int) -> int:
    """The place of a frame at the nominal rate, counted from the first."""
    ticks = int(found.pts[frame]) - int(found.pts[0])
    return round(ticks * facts.time_base * facts.read_rate)


def first_timecode(facts: FilmFacts, rate: float) -> RationalTime:
    """The timecode of the first frame; 0 where the film has none that can be read."""
    from opentimelineio.opentime import RationalTime, from_timecode

    with open_again(facts) as container:
        tags = [container.metadata, *(stream.metadata for stream in container.streams)]
    written = next((one["timecode"] for one in tags if "timecode" in one), None)
    if written is None or not RationalTime.is_smpte_timecode_rate(rate):
        return RationalTime(0, rate)
    try:
        return from_timecode(written, rate)
    except ValueError:  # of another rate, or no timecode at all
        return RationalTime(0, rate)
