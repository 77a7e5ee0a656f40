"""A coloured film at one look: a frame of every shot, and a strip that shows how steady its colour is."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archivecolor.colour.arrays import UInt8
from archivecolor.film.film import changed_error
from archivecolor.film.frames import Frame, FrameReader, Geometry
from archivecolor.film.grey_shots import GreyShotDetector
from archivecolor.film.probe import FilmFacts, probe
from archivecolor.film.shots import Shot

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_STRIP_ROWS, _COLUMN_WIDTH = 24, 4
_MAX_STRIP_COLUMNS = 1200


@dataclass(frozen=True)
class FilmSheet:
    """A film at one look.

    Attributes:
        facts: of the film.
        shots: in their order.
        starts: when each begins, in seconds from the first frame.
        strip: uint8 (24, n, 3), a column for each frame: the colours of a frame from top to bottom. What
            flickers makes it striped.
        seconds: how long the film is.
    """

    facts: FilmFacts
    shots: tuple[Shot, ...]
    starts: tuple[float, ...]
    strip: UInt8
    seconds: float


@dataclass(frozen=True)
class ShotPicture:
    """A shot and one frame of it.

    Attributes:
        shot: which.
        seconds: when it begins.
        rgb: uint8 (h, w, 3), the frame in its middle, upright.
    """

    shot: Shot
    seconds: float
    rgb: UInt8


def film_sheet(path: Path) -> FilmSheet:
    """Look at a film from end to end.

    Args:
        path: of a film that was coloured.

    Raises:
        ItemError: it cannot be read.
    """
    facts = probe(path)
    detector = GreyShotDetector(facts.read_rate)
    columns, times = bytearray(), array("q")
    for frame in FrameReader(facts):
        assert frame.picture is not None
        detector.add(frame.luma, facts.sample_format)
        times.append(frame.pts)
        columns += _column(frame.picture, facts).tobytes()
    shots = detector.shots()
    return FilmSheet(
        facts=facts,
        shots=shots,
        starts=tuple(float((times[shot.first] - times[0]) * facts.time_base) for shot in shots),
        strip=_strip(columns),
        seconds=float((times[-1] - times[0]) * facts.time_base) if times else 0.0,
    )


def shot_pictures(sheet: FilmSheet, long_side: int) -> Iterator[ShotPicture]:
    """A frame of every shot, one after the other: the film is read again, so that none need be kept.

    Args:
        sheet: of the film.
        long_side: of the frames, pixels.

    Raises:
        ItemError: it cannot be read, or is no longer what it was.
    """
    frames = _middle_frames(sheet.facts, sheet.shots)
    for shot, seconds, frame in zip(sheet.shots, sheet.starts, frames, strict=True):
        yield ShotPicture(shot, seconds, shown_rgb(frame, sheet.facts, long_side))


def _middle_frames(facts: FilmFacts, shots: Iterable[Shot]) -> Iterator[Frame]:
    """The frame in the middle of every shot; raises as `shot_pictures`."""
    frames = enumerate(FrameReader(facts))
    for shot in shots:
        wanted = (shot.first + shot.last) // 2
        frame = next((frame for number, frame in frames if number == wanted), None)
        if frame is None:
            raise changed_error()
        yield frame


def shown_rgb(frame: Frame, facts: FilmFacts, long_side: int) -> UInt8:
    """A frame as it is seen, small: uint8 (h, w, 3), upright."""
    assert frame.picture is not None
    shown = shown_geometry(facts, long_side)
    small = frame.picture.reformat(shown.width, shown.height, format="rgb24", src_colorspace=facts.matrix)
    return np.ascontiguousarray(np.rot90(small.to_ndarray(), shown.quarter_turns))


def shown_geometry(facts: FilmFacts, long_side: int) -> Geometry:
    """A small frame of the shape that the picture is shown in."""
    wide, high = float(facts.width * facts.aspect), float(facts.height)
    scale = min(1.0, long_side / max(wide, high))
    return Geometry(max(2, round(wide * scale)), max(2, round(high * scale)), facts.quarter_turns)


def _column(picture: VideoFrame, facts: FilmFacts) -> UInt8:
    """The colours of a frame from top to bottom, (24, 1, 3)."""
    from av.video.reformatter import Interpolation

    # On the side, where the frame is shown turned: what is wanted is one column of the upright picture.
    upright = facts.quarter_turns % 2 == 0
    size = (_COLUMN_WIDTH, _STRIP_ROWS) if upright else (_STRIP_ROWS, _COLUMN_WIDTH)
    small = picture.reformat(
        *size, format="rgb24", src_colorspace=facts.matrix, interpolation=Interpolation.AREA
    ).to_ndarray()
    column = np.rot90(small, facts.quarter_turns).mean(axis=1, keepdims=True)
    return np.asarray(np.rint(column), np.uint8)


def _strip(columns: bytes | bytearray) -> UInt8:
    """One column for each frame, or for as many as there is room for; a black one where there is no frame."""
    strip = np.frombuffer(columns, np.uint8).reshape(-1, _STRIP_ROWS, 3)
    if len(strip) == 0:
        return np.zeros((_STRIP_ROWS, 1, 3), np.uint8)
    step = max(1, -(-len(strip) // _MAX_STRIP_COLUMNS))
    return np.ascontiguousarray(strip[::step].transpose(1, 0, 2))
