"""Where a film's shots begin, read back from lists of editing programs: EDL (CMX 3600) and OpenTimelineIO."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.errors import UsageError
from archivecolor.film.edit_list import (
    MAX_BYTES,
    can_write_edit_lists,
    first_timecode,
    frame_number,
)
from archivecolor.film.first_pass import FirstPass
from archivecolor.film.probe import FilmFacts
from archivecolor.film.shots import Shot, shots_from_starts
from archivecolor.printable import printable, shortened

if TYPE_CHECKING:
    from opentimelineio.schema import Timeline

SUFFIXES = (".edl", ".otio")
# Any timecode that there is can be read at this rate, where the film's is not known yet.
_CHECK_RATE = Fraction(60000, 1001)
_EVENT, _TIMECODE = re.compile(r"\d+\s"), re.compile(r"\d\d:\d\d:\d\d[:;.]\d\d")


def is_edit_list(path: Path) -> bool:
    """Whether a file is called like a list of an editing program."""
    return path.suffix.lower() in SUFFIXES


def check_edit_list(path: Path) -> None:
    """See that a list can be read, before the film is known.

    Raises:
        UsageError: it cannot, has no clip of a picture, or the library for it is not installed.
    """
    _clips(path, _read(path, _CHECK_RATE))


def read_edit_list(path: Path, facts: FilmFacts, found: FirstPass) -> tuple[Shot, ...]:
    """The shots of a film from a list of an editing program: one begins where a clip does, in the source.

    Where clips lie in the programme does not matter, nor where they end. Of several that begin at one frame
    one counts.

    Args:
        path: of the list.
        facts: of the film.
        found: what it holds.

    Raises:
        UsageError: the list cannot be read, or does not fit the film.
    """
    rate = float(facts.read_rate)
    begin = first_timecode(facts, rate)
    places = [frame_number(facts, found, frame) for frame in range(len(found))]
    begins: dict[int, str] = {}
    frame = 0
    clips = [
        _Start(round((start.seconds - begin.to_seconds()) * rate), start.name)
        for start in _clips(path, _read(path, facts.read_rate))
    ]
    for clip in sorted(clips, key=lambda clip: clip.place):
        if not 0 <= clip.place <= places[-1]:
            raise UsageError(
                f"{printable(path)}: {clip.name} begins {clip.place / rate:.3f} s after the film's first "
                f"frame, and {printable(facts.path)} has pictures from 0 to {places[-1] / rate:.3f} s; is it "
                "the list of another film?"
            )
        while places[frame] < clip.place:
            frame += 1
        begins[frame] = "file"
    return shots_from_starts(begins, len(found))


@dataclass(frozen=True)
class _Start:
    """Where a clip begins in the film.

    Attributes:
        place: in frames at the film's nominal rate, since its first.
        name: of the clip, for messages.
    """

    place: int
    name: str


@dataclass(frozen=True)
class _Clip:
    """A clip of a picture: the time at which it begins in its source, and its name for messages."""

    seconds: float
    name: str


def _read(path: Path, rate: Fraction) -> Timeline:
    """A list as a timeline."""
    shown = printable(path)
    if not can_write_edit_lists():
        raise UsageError(
            f"{shown} cannot be read without OpenTimelineIO: pip install 'archivecolor[timeline]'; "
            "a CSV file needs nothing"
        )
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise UsageError(f"the list of shots {shown} is no file of text")
    import opentimelineio
    from opentimelineio.exceptions import OTIOError
    from otio_cmx3600_adapter import cmx_3600

    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".edl":
            _check_events(path, text)
            read = cmx_3600.read_from_string(text, float(rate), ignore_timecode_mismatch=True)
        else:
            read = opentimelineio.adapters.read_from_string(text, adapter_name="otio_json")
    # What the library says of text that is no list: it has no one class for it.
    except (OTIOError, ValueError, RuntimeError, LookupError, TypeError, AttributeError) as error:
        detail = shortened(" ".join(str(error).split()))
        raise UsageError(f"{shown} cannot be read as a list of shots: {detail}") from error
    except OSError as error:
        raise UsageError(f"cannot read the list of shots {shown}: {error.strerror}") from error
    if not isinstance(read, opentimelineio.schema.Timeline):
        raise UsageError(f"{shown} holds no Timeline, which is what editing programs save")
    return read


def _check_events(path: Path, text: str) -> None:
    """Refuse events without four timecodes: the library takes for 0 what it does not understand."""
    for number, line in enumerate(text.splitlines(), start=1):
        if _EVENT.match(line) and not all(map(_TIMECODE.fullmatch, line.split()[-4:])):
            raise UsageError(f"{printable(path)}, line {number}: an event ends with four timecodes")


def _clips(path: Path, timeline: Timeline) -> list[_Clip]:
    """All clips of pictures."""
    clips = list(_picture_clips(timeline))
    if not clips:
        raise UsageError(f"{printable(path)} lists no clip of a picture; --cuts none is for no cuts")
    return clips


def _picture_clips(timeline: Timeline) -> Iterator[_Clip]:
    for track in timeline.video_tracks():
        for number, clip in enumerate(track.find_clips(), start=1):
            name = f"clip {number}" + (f" ({printable(clip.name)})" if clip.name else "")
            span = clip.source_range or clip.available_range()
            yield _Clip(span.start_time.to_seconds(), name)
