"""Frames of a film: exact luma and times from the decoder, and small upright luma for the network."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ItemError, Reason
from archivecolor.film.clocks import PacketClock
from archivecolor.film.pixels import RANGE_FULL, RANGE_LIMITED, Plane, plane_view
from archivecolor.film.probe import FilmFacts, film_errors, open_again, picture_stream

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.filter import Graph
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_MAX_CONSECUTIVE_ERRORS = 1000
# Containers that say when packets are due and not when frames are shown.
_WITHOUT_PTS = frozenset({"avi"})


@dataclass(frozen=True)
class Frame:
    """One decoded frame.

    Attributes:
        pts: presentation time in the film's time base.
        luma: uint8 or uint16 (h, w) codes, as they came out of the decoder.
        picture: the decoder's frame in the planar format of the film's layout; None where only its luma is
            still wanted.
        damaged: the decoder had to guess parts of it.
    """

    pts: int
    luma: Plane
    picture: VideoFrame | None
    damaged: bool


class _DecodeTimes:
    """Presentation times where a container has none: the decode times of the packets, in order.

    A packet holds a frame, and frames are shown at the times at which packets are due; only which frame at
    which of them is for the decoder to say.
    """

    def __init__(self) -> None:
        self._waiting: list[int] = []
        self._newest: int | None = None

    def add(self, packet: Packet[VideoStream]) -> None:
        """Take the time of a packet that is about to be decoded."""
        if packet.dts is not None:
            heapq.heappush(self._waiting, packet.dts)
            self._newest = packet.dts

    def forget(self) -> None:
        """Drop the time of the packet that was taken last: it did not decode."""
        if self._newest in self._waiting:
            self._waiting.remove(self._newest)
            heapq.heapify(self._waiting)

    def give(self, picture: VideoFrame) -> None:
        """Give a decoded picture its time."""
        picture.pts = heapq.heappop(self._waiting) if self._waiting else None


class _Repeats:
    """Pictures shown again: an empty packet has a time and no picture, and the one before stays for it.

    Decoders hold pictures back, so each waits for the first picture behind its time.
    """

    def __init__(self) -> None:
        self._waiting: list[int] = []
        self._last: VideoFrame | None = None

    def add(self, pts: int) -> None:
        """Take the time of an empty packet."""
        heapq.heappush(self._waiting, pts)

    def before(self, picture: VideoFrame | None) -> Iterator[VideoFrame]:
        """What is shown again before a picture, or before the end."""
        while self._waiting and (picture is None or picture.pts is None or self._waiting[0] < picture.pts):
            pts = heapq.heappop(self._waiting)
            if self._last is not None:
                self._last.pts = pts
                yield self._last
        self._last = picture


class Watcher(Protocol):
    """What looks at frames as they were decoded; see `frame_facts.FrameWatcher`."""

    def watch(self, picture: VideoFrame, pts: int, aspect: Fraction | None) -> None:
        """Take one frame in, fields and all; those that go with pulldown too."""

    def watch_alpha(self, picture: VideoFrame) -> None:
        """Take one frame in that has alpha."""


class FrameReader:
    """Decodes a film from its start, or from near a wanted time; iterate over it for `Frame`s.

    Frames without a time, or whose time does not go forward, get the time one step after the frame
    before; `repaired` counts them. `errors` counts packets that did not decode.
    """

    def __init__(self, facts: FilmFacts, from_pts: int | None = None, watcher: Watcher | None = None) -> None:
        self._facts = facts
        self._watcher = watcher
        self._aspect: Fraction | None = None
        self._from_pts = from_pts
        self.repaired = 0
        self.errors = 0
        self.step = max(1, round(1 / (facts.read_rate * facts.time_base)))

    def __iter__(self) -> Iterator[Frame]:
        last: int | None = None
        with open_again(self._facts) as container:
            pictures = _deinterlaced(self._watched(self._pictures(container)), self._facts)
            for picture in pictures:
                pts = self._forward(picture, last)
                last = pts
                frame = to_frame(picture, pts, self._facts)
                if self._watcher is not None and self._facts.layout.drops_alpha:
                    self._watcher.watch_alpha(picture)
                yield frame

    def _watched(self, pictures: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """Decoded pictures, shown to the watcher before fields are undone, which may drop some."""
        pts = -self.step
        for picture in pictures:
            pts = pts + self.step if picture.pts is None else picture.pts
            if self._watcher is not None:
                self._watcher.watch(picture, pts, self._aspect)
            yield picture

    def _forward(self, picture: VideoFrame, last: int | None) -> int:
        pts = picture.pts if picture.pts is not None else picture.dts
        if pts is not None and (last is None or pts > last):
            return int(pts)
        self.repaired += 1
        return 0 if last is None else last + self.step

    def _pictures(self, container: InputContainer) -> Iterator[VideoFrame]:
        import av

        stream = picture_stream(container, self._facts)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = 0
        if self._from_pts is not None:
            container.seek(self._from_pts, stream=stream, backward=True, any_frame=False)
        in_a_row = 0
        clock = PacketClock(self._facts.restarts, stream)
        times = _DecodeTimes() if self._facts.container in _WITHOUT_PTS else None
        packets, repeats = container.demux(stream), _Repeats()
        while in_a_row < _MAX_CONSECUTIVE_ERRORS:
            try:
                packet = next(packets, None)
                if packet is None:
                    yield from repeats.before(None)
                    return
                if packet.size:
                    clock.set_right(packet, forward=False)
                    if times is not None:
                        times.add(packet)
                elif (repeated := clock.time_of_empty(packet)) is not None:
                    # To the decoder it would be the end.
                    repeats.add(repeated)
                    continue
                for picture in packet.decode():
                    if times is not None:
                        times.give(picture)
                    self._aspect = stream.codec_context.sample_aspect_ratio
                    yield from repeats.before(picture)
                    yield picture
                in_a_row = 0
            except (av.error.InvalidDataError, av.error.EOFError):
                self.errors += 1
                in_a_row += 1
                if times is not None:
                    times.forget()
            except av.error.FFmpegError:
                with film_errors():
                    raise


def _deinterlace_filters(facts: FilmFacts) -> tuple[tuple[str, str], ...]:
    """What undoes fields.

    Either each frame keeps lines of its own and the others are made anew, or the fields of one moment are
    put together again, and what pulldown has added is taken out or left in.
    """
    deinterlace = f"mode=send_frame:parity={facts.parity}:deint="
    if facts.fields == "bwdif":
        return (("bwdif", deinterlace + "all"),)
    matched = (("fieldmatch", f"order={facts.parity}"), ("bwdif", deinterlace + "interlaced"))
    return matched if facts.fields == "fieldmatch" else (*matched, ("decimate", ""))


def _deinterlaced(pictures: Iterable[VideoFrame], facts: FilmFacts) -> Iterator[VideoFrame]:
    """Pictures with their fields undone as `facts.fields` says, times in the film's time base."""
    if facts.fields == "keep":
        yield from pictures
        return
    graph: Graph | None = None
    start = 0
    for picture in pictures:
        if graph is None:
            graph = graph_for(picture, _deinterlace_filters(facts), facts)
            # The filter that drops frames counts times in frames from 0: others it would round.
            start = picture.pts or 0
        if picture.pts is not None:
            picture.pts -= start
        graph.push(picture)
        yield from _rescale_times(pull_frames(graph), facts.time_base, start)
    if graph is not None:
        graph.push(None)
        yield from _rescale_times(pull_frames(graph), facts.time_base, start)


def graph_for(picture: VideoFrame, filters: tuple[tuple[str, str], ...], facts: FilmFacts) -> Graph:
    """A chain of FFmpeg's filters for pictures like this one."""
    from av.filter import Graph

    graph = Graph()
    about = {
        "video_size": f"{picture.width}x{picture.height}",
        "pix_fmt": picture.format.name,
        "time_base": str(facts.time_base),
        "frame_rate": str(facts.rate),
        "colorspace": str(int(picture.colorspace)),
        "range": str(int(picture.color_range)),
    }
    last = graph.add("buffer", ":".join(f"{name}={value}" for name, value in about.items()))
    for name, options in (*filters, ("buffersink", "")):
        following = graph.add(name, options) if options else graph.add(name)
        last.link_to(following)
        last = following
    graph.configure()
    return graph


def pull_frames(graph: Graph) -> Iterator[VideoFrame]:
    """Pictures a filter graph has ready."""
    import av

    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _rescale_times(pictures: Iterable[VideoFrame], time_base: Fraction, start: int) -> Iterator[VideoFrame]:
    """The same pictures with their times, which count from `start`, in `time_base`."""
    for picture in pictures:
        if picture.pts is not None and picture.time_base is not None:
            picture.pts = start + round(picture.pts * picture.time_base / time_base)
            picture.time_base = time_base
        yield picture


def to_frame(picture: VideoFrame, pts: int, facts: FilmFacts) -> Frame:
    """A `Frame` from the decoder's frame.

    Raises:
        ItemError: `UNSUPPORTED` where size or sample format are no longer the film's.
    """
    if (picture.width, picture.height) != (facts.width, facts.height):
        was, now = f"{facts.width} x {facts.height}", f"{picture.width} x {picture.height}"
        raise ItemError(
            Reason.UNSUPPORTED,
            f"the picture changes from {was} to {now} at {float(pts * facts.time_base):.2f} s",
        )
    planar = (
        picture
        if picture.format.name == facts.layout.read_as
        else picture.reformat(format=facts.layout.read_as)
    )
    return Frame(pts, _exact_luma(planar, facts), planar, bool(picture.is_corrupt))


def _exact_luma(planar: VideoFrame, facts: FilmFacts) -> Plane:
    """Exact luma codes: the Y plane, or BT.601 luma of R, G and B at their own depth."""
    if facts.layout.family != "rgb":
        luma: Plane = plane_view(planar, 0, facts.layout.depth).copy()
        return luma
    green, blue, red = (plane_view(planar, number, facts.layout.depth) for number in range(3))
    return luma_codes(np.stack([red, green, blue], axis=-1))


def convert_source_chroma(
    picture: VideoFrame, facts: FilmFacts, pix_fmt: str, matrix: int, full: bool
) -> VideoFrame:
    """The frame with the source's own chroma as it is written, for shots that stay as they are.

    Args:
        picture: a frame of the film, as decoded.
        facts: of the film.
        pix_fmt: pixel format.
        matrix: H.273 code point.
        full: whether samples are of full range.
    """
    if (picture.format.name, facts.matrix, facts.sample_format.full) == (pix_fmt, matrix, full):
        return picture
    return picture.reformat(
        format=pix_fmt,
        src_colorspace=None if facts.layout.family == "rgb" else facts.matrix,
        dst_colorspace=matrix,
        src_color_range=RANGE_FULL if facts.sample_format.full else RANGE_LIMITED,
        dst_color_range=RANGE_FULL if full else RANGE_LIMITED,
    )


@dataclass(frozen=True)
class Geometry:
    """The way from a coded frame to the small upright luma of the network, and back.

    Attributes:
        width: of the small luma before it is turned.
        height: of the small luma before it is turned.
        quarter_turns: counter-clockwise, from coded to upright.
    """

    width: int
    height: int
    quarter_turns: int

    def small_luma(self, frame: Frame, facts: FilmFacts) -> Float32:
        """Upright luma of the network's size, float32 (h, w), 0..1, square samples."""
        from archivecolor.opencv import cv2

        shrinks = self.width <= facts.width and self.height <= facts.height
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        small = cv2.resize(frame.luma, (self.width, self.height), interpolation=method)
        return np.ascontiguousarray(np.rot90(facts.sample_format.luma_fraction(small), self.quarter_turns))

    def as_coded(self, grid: Float32) -> Float32:
        """A grid over the upright picture (h, w, c), turned back as the frame is coded."""
        return np.ascontiguousarray(np.rot90(grid, -self.quarter_turns))


def geometry_of(facts: FilmFacts, short_side: int) -> Geometry:
    """Small size with `short_side` samples on the short side, of the shape the picture is shown in."""
    wide, high = facts.width * facts.aspect, Fraction(facts.height)
    scale = short_side / min(wide, high)
    return Geometry(max(1, round(wide * scale)), max(1, round(high * scale)), facts.quarter_turns)
