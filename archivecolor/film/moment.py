"""One frame of a film by its time, and some seconds of it as a clip, as people look at them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.correction import SAME_MOMENT
from archivecolor.colour.arrays import UInt8
from archivecolor.errors import ItemError, Reason
from archivecolor.film.film_sheet import shown_geometry, shown_rgb
from archivecolor.film.frames import Frame, FrameReader
from archivecolor.film.probe import FilmFacts, probe

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

MAX_SIDE = 1 << 15
_CLIP_OPTIONS = {"preset": "veryfast", "crf": "23"}


def frame_at(facts: FilmFacts, seconds: float, check: Callable[[], None] = lambda: None) -> Frame | None:
    """The frame that is shown so long after the first.

    Args:
        facts: of the film.
        seconds: the moment.
        check: called with every frame that is read; may raise to end it.

    Returns:
        None where the film ends before.

    Raises:
        ItemError: it cannot be read.
    """
    wanted = _pts_at(facts, seconds)
    if wanted is None:
        return None
    if facts.can_seek:
        found = _shown(FrameReader(facts, from_pts=wanted), wanted, check)
        if found is not None:
            return found
    return _shown(FrameReader(facts), wanted, check)


def _pts_at(facts: FilmFacts, seconds: float) -> int | None:
    first = next(iter(FrameReader(facts)), None)
    return None if first is None else first.pts + int((seconds + SAME_MOMENT) / float(facts.time_base))


def _shown(reader: FrameReader, wanted: int, check: Callable[[], None]) -> Frame | None:
    """The last frame that is due by then; None where none is, or the film ends before."""
    found: Frame | None = None
    for frame in reader:
        check()
        if frame.pts > wanted:
            return found
        found = frame
    return found if found is not None and wanted < found.pts + reader.step else None


@dataclass(frozen=True)
class Moment:
    """A frame of a film as it is seen.

    Attributes:
        rgb: uint8 (h, w, 3), upright.
        width: of the whole frame as it is shown, pixels.
        height: of the whole frame as it is shown, pixels.
    """

    rgb: UInt8
    width: int
    height: int


def moment(path: Path, seconds: float, long_side: int) -> Moment:
    """A frame of a film as it is seen, never enlarged.

    Args:
        path: of the film.
        seconds: since its first frame.
        long_side: of the frame, pixels.

    Raises:
        ItemError: the film cannot be read, or ends before.
    """
    facts = probe(path)
    frame = frame_at(facts, seconds)
    if frame is None:
        raise ItemError(Reason.UNSUPPORTED, f"it has no picture at {seconds:.3f} s")
    whole = shown_geometry(facts, MAX_SIDE)
    width, height = (whole.height, whole.width) if whole.quarter_turns % 2 else (whole.width, whole.height)
    return Moment(shown_rgb(frame, facts, long_side), width, height)


def clip(path: Path, start: float, end: float, long_side: int) -> bytes:
    """Some seconds of a film as browsers play them: H.264 in MP4, small, without sound.

    Args:
        path: of the film.
        start: of the clip, in seconds since the film's first frame.
        end: of the clip; the frame at this moment is not in it.
        long_side: of its frames, pixels.

    Raises:
        ItemError: the film cannot be read, or there is nothing of it in that time.
    """
    import av

    facts = probe(path)
    frames = _between(facts, start, end)
    stream = None
    contents = io.BytesIO()
    with av.open(contents, "w", format="mp4") as container:
        first = 0
        for frame in frames:
            rgb = shown_rgb(frame, facts, long_side)
            if stream is None:
                stream, first = _stream(container, facts, rgb), frame.pts
            picture = av.VideoFrame.from_ndarray(_even(rgb), format="rgb24")
            picture.pts, picture.time_base = frame.pts - first, facts.time_base
            container.mux(stream.encode(picture))
        if stream is None:
            raise ItemError(Reason.UNSUPPORTED, f"it has no picture from {start:.3f} s to {end:.3f} s")
        container.mux(stream.encode(None))
    return contents.getvalue()


def _between(facts: FilmFacts, start: float, end: float) -> Iterator[Frame]:
    first, last = _pts_at(facts, start), _pts_at(facts, end)
    if first is None or last is None:
        return iter(())
    reader = FrameReader(facts, from_pts=first if facts.can_seek else None)
    before_end = takewhile(lambda frame: frame.pts < last, reader)
    return (frame for frame in before_end if frame.pts >= first)


def _stream(container: OutputContainer, facts: FilmFacts, rgb: UInt8) -> VideoStream:
    stream = container.add_stream("libx264", rate=facts.read_rate, options=_CLIP_OPTIONS)
    stream.height, stream.width = _even(rgb).shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(facts.time_base)
    return stream


def _even(rgb: UInt8) -> UInt8:
    """The same without a last odd row and column, which 4:2:0 cannot have."""
    height, width = rgb.shape[:2]
    return rgb[: height - height % 2, : width - width % 2]
