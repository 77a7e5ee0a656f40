"""A coloured film at one look: a frame of every shot, and a strip that shows how steady its colour is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from archivecolor.film.frames import FrameReader
from archivecolor.film.probe import FilmFacts, probe
from archivecolor.film.shots import ShotDetector

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Rgb = npt.NDArray[np.uint8]

STRIP_ROWS, COLUMN_WIDTH = 24, 4
MAX_STRIP_COLUMNS = 1200
# Frames a second that a shot's picture is chosen among.
LOOKS_PER_SECOND = 2


@dataclass(frozen=True)
class ShotPicture:
    """A shot and one frame of it.

    Attributes:
        first: its first frame, counting from 0.
        last: its last frame.
        seconds: when it begins.
        rgb: uint8 (h, w, 3), a frame near its middle, upright.
    """

    first: int
    last: int
    seconds: float
    rgb: Rgb


@dataclass(frozen=True)
class FilmSheet:
    """A film at one look.

    Attributes:
        shots: in their order.
        strip: uint8 (24, n, 3), a column for each frame: the colours of a frame from top to bottom. What
            flickers makes it striped.
        seconds: how long the film is.
    """

    shots: tuple[ShotPicture, ...]
    strip: Rgb
    seconds: float


@dataclass(frozen=True)
class _Look:
    frame: int
    rgb: Rgb


def film_sheet(path: Path, long_side: int) -> FilmSheet:
    """Read a film once.

    Args:
        path: of a film that was coloured.
        long_side: of the frames, pixels.

    Raises:
        ItemError: it cannot be read.
    """
    facts = probe(path)
    size = _shown_size(facts, long_side)
    interval = max(1, round(facts.read_rate / LOOKS_PER_SECOND))
    detector = ShotDetector(facts.read_rate)
    looks: list[_Look] = []
    columns: list[Rgb] = []
    times: list[int] = []
    for number, frame in enumerate(FrameReader(facts)):
        detector.add(frame.luma, facts.sample_format)
        times.append(frame.pts)
        if frame.picture is None:
            continue
        columns.append(_column(frame.picture, facts))
        if number % interval == 0:
            small = frame.picture.reformat(*size, format="rgb24", src_colorspace=facts.matrix).to_ndarray()
            looks.append(_Look(number, np.ascontiguousarray(np.rot90(small, facts.quarter_turns))))
    seconds = [float((pts - times[0]) * facts.time_base) for pts in times]
    middles = ((shot, (shot.first + shot.last) // 2) for shot in detector.shots())
    shots = tuple(
        ShotPicture(
            shot.first, shot.last, seconds[shot.first], _nearest(looks, middle, shot.first, shot.last)
        )
        for shot, middle in middles
    )
    return FilmSheet(shots, _strip(columns), seconds[-1] if seconds else 0.0)


def _shown_size(facts: FilmFacts, long_side: int) -> tuple[int, int]:
    """Width and height of a small frame as it is coded, of the shape that the picture is shown in."""
    wide, high = float(facts.width * facts.aspect), float(facts.height)
    scale = min(1.0, long_side / max(wide, high))
    return max(2, round(wide * scale)), max(2, round(high * scale))


def _nearest(looks: list[_Look], middle: int, first: int, last: int) -> Rgb:
    """The look nearest to the middle of a shot, one of its own where it has one."""
    inside = [look for look in looks if first <= look.frame <= last]
    return min(inside or looks, key=lambda look: abs(look.frame - middle)).rgb


def _column(picture: VideoFrame, facts: FilmFacts) -> Rgb:
    """The colours of a frame from top to bottom, (24, 1, 3)."""
    from av.video.reformatter import Interpolation

    # On the side, where the frame is shown turned: what is wanted is one column of the upright picture.
    upright = facts.quarter_turns % 2 == 0
    size = (COLUMN_WIDTH, STRIP_ROWS) if upright else (STRIP_ROWS, COLUMN_WIDTH)
    small = picture.reformat(
        *size, format="rgb24", src_colorspace=facts.matrix, interpolation=Interpolation.AREA
    ).to_ndarray()
    column = np.rot90(small, facts.quarter_turns).mean(axis=1, keepdims=True)
    return np.asarray(np.rint(column), np.uint8)


def _strip(columns: list[Rgb]) -> Rgb:
    """One column for each frame, or for as many as there is room for."""
    step = max(1, -(-len(columns) // MAX_STRIP_COLUMNS))
    return np.ascontiguousarray(np.concatenate(columns[::step], axis=1))
