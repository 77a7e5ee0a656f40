"""What a film is: container, streams, and the meaning of its picture's codes."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

from archivecolor.archive.atomic import FULL_ERRNOS
from archivecolor.errors import DEVICE_ERRNOS, ItemError, Reason
from archivecolor.film.clocks import NO_RESTARTS, Restarts
from archivecolor.film.pixels import PixelLayout, SampleFormat, is_full_range, is_rgb, layout_of, matrix_for

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.sidedata.sidedata import SideData
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MAX_MEGAPIXELS = 100.0
# Containers that hold their own picture. A playlist or a list to concatenate, whatever its name, would
# make FFmpeg read other files, and is none of these.
_DEMUXERS = "mov matroska avi mpeg mpegvideo mpegts mxf dv ogg asf flv m4v h264 hevc ivf nut yuv4mpegpipe"
_SAFE_OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS.replace(" ", ",")}
# Containers that tell how long each stream is; of others FFmpeg gives the longest for all.
MOV = "mov,mp4,m4a,3gp,3g2,mj2"
_OWN_DURATIONS = frozenset({MOV, "avi", "mxf"})
# FFmpeg's numbers for the order of fields; the last two are coded in another order than shown.
PROGRESSIVE, TOP_FIRST, BOTTOM_FIRST = 1, 2, 3
BOTTOM_ORDERS = (3, 4)


@dataclass(frozen=True)
class StreamFacts:
    """One stream of a container besides its picture.

    Attributes:
        index: place in the container.
        kind: video, audio, subtitle, data, attachment or unknown.
        codec: FFmpeg's name, empty where it knows none.
        cover: an attached picture.
        rewritten: a timecode or chapter track, which a container writes anew from tags and chapters.
        complete: enough of it was read to know what it is.
    """

    index: int
    kind: str
    codec: str
    cover: bool
    rewritten: bool
    complete: bool = True


@dataclass(frozen=True)
class FilmFacts:
    """What a film is.

    Attributes:
        path: the file.
        container: FFmpeg's name of the container, such as `matroska,webm`.
        nbytes: size of the file.
        codec: codec of the picture.
        picture: index of the picture's stream.
        streams: all other streams.
        width: samples per line, as coded and before rotation.
        height: lines.
        layout: how samples are read.
        sample_format: what luma codes mean (of `layout`, RGB sources as full range BT.601).
        matrix: H.273 code point of Cb and Cr; for untagged films the one players assume.
        primaries: H.273 code point, 2 where there is none.
        transfer: H.273 code point, 2 where there is none.
        aspect: sample aspect ratio.
        display_matrix: nine numbers that turn the picture for display, None where it stands upright.
        quarter_turns: by how many quarter turns, counter-clockwise, frames are turned for display.
        time_base: unit of presentation times, in seconds.
        rate: nominal frames per second, as stored.
        field_order: FFmpeg's number: 0 unknown, 1 progressive, above that interlaced.
        seconds: duration the container promises, None where it promises none.
        seconds_of_picture: the promise is one of the picture, not of all streams together.
        frames: frames the container promises, None where it promises none.
        fields: what is done to fields as the film is read: keep, bwdif, fieldmatch or ivtc.
        parity: which field comes first as they are undone: tff, bff, or auto for what each frame says.
        probe_bytes: how much of the file is read to find its streams, as for `open_film`.
        restarts: where its clock starts again.
        notes: what was put in order of its streams, for people.
        copied_bytes: of all streams but the picture.
        hidden_sound: streams of sound of which an edit hides more than their coder's start, by index.
        end_of_others: time in seconds at which the last of the other streams ends.
        cut_pictures, cut_others: packets of the picture, and of the rest, behind the file's end by its index.
    """

    path: Path
    container: str
    nbytes: int
    codec: str
    picture: int
    streams: tuple[StreamFacts, ...]
    width: int
    height: int
    layout: PixelLayout
    sample_format: SampleFormat
    matrix: int
    primaries: int
    transfer: int
    aspect: Fraction
    display_matrix: tuple[int, ...] | None
    quarter_turns: int
    time_base: Fraction
    rate: Fraction
    field_order: int
    seconds: float | None
    seconds_of_picture: bool
    frames: int | None
    fields: str = "keep"
    parity: str = "auto"
    probe_bytes: int = 0
    restarts: Restarts = NO_RESTARTS
    notes: tuple[str, ...] = ()
    copied_bytes: int = 0
    hidden_sound: frozenset[int] = frozenset()
    end_of_others: float = 0.0
    cut_pictures: int = 0
    cut_others: int = 0

    @property
    def megapixels(self) -> float:
        """Of a frame."""
        return self.width * self.height / 1e6

    @property
    def read_rate(self) -> Fraction:
        """Nominal frames per second as read: to take pulldown out is to drop one frame of five."""
        return self.rate * Fraction(4, 5) if self.fields == "ivtc" else self.rate

    @property
    def can_seek(self) -> bool:
        """Whether frames read from the middle have the times they have when read from the start."""
        return self.fields == "keep" and self.container != "avi" and not self.restarts

    @property
    def expected_frames(self) -> int | None:
        """Frames by the container's count, or by its duration and rate."""
        if self.frames:
            return self.frames
        return None if self.seconds is None else round(self.seconds * self.rate)


def ffmpeg_url(path: Path) -> str:
    """`path` as FFmpeg takes it for a file whatever characters it has."""
    return f"file:{path}"


@contextlib.contextmanager
def open_film(path: Path, probe_bytes: int = 0) -> Iterator[InputContainer]:
    """Open a film for reading.

    Args:
        path: the film.
        probe_bytes: how much of it is read to find its streams; 0 for as much as FFmpeg thinks fit.

    Raises:
        ItemError: `EMPTY`, `VANISHED`, `PERMISSION`, `UNREADABLE`.
    """
    import av

    with film_errors():
        if path.stat().st_size == 0:
            raise ItemError(Reason.EMPTY, "the file has no bytes")
        container = av.open(
            ffmpeg_url(path), metadata_errors="surrogateescape", options=open_options(probe_bytes)
        )
    try:
        yield container
    finally:
        container.close()


def open_options(probe_bytes: int) -> dict[str, str]:
    """FFmpeg's options for opening a film, as for `open_film`."""
    if not probe_bytes:
        return dict(_SAFE_OPEN_OPTIONS)
    # By bytes alone: a stream may begin after any time.
    return _SAFE_OPEN_OPTIONS | {"probesize": str(probe_bytes), "analyzeduration": str(2**40)}


def open_again(facts: FilmFacts) -> contextlib.AbstractContextManager[InputContainer]:
    """Open a film that was looked at before, in the same way."""
    return open_film(facts.path, facts.probe_bytes)


@contextlib.contextmanager
def film_errors() -> Iterator[None]:
    """Turn what FFmpeg and the file system say of a source into `ItemError`s."""
    import av

    try:
        yield
    except FileNotFoundError as error:
        raise vanished_error() from error
    except PermissionError as error:
        raise ItemError(Reason.PERMISSION, "the film may not be read") from error
    except av.error.DecoderNotFoundError as error:
        raise ItemError(Reason.UNSUPPORTED, "there is no decoder for its picture") from error
    except av.error.EOFError as error:
        raise ItemError(Reason.UNREADABLE, "it ends before its first frame") from error
    except av.error.FFmpegError as error:
        if error.errno in FULL_ERRNOS:
            raise  # a full disk is no fault of the film
        if error.errno in DEVICE_ERRNOS:
            raise read_error(error.strerror) from error
        raise ItemError(Reason.UNREADABLE, f"not a film that can be read ({error.strerror})") from error
    except OSError as error:
        if error.errno in DEVICE_ERRNOS:
            raise read_error(error.strerror) from error
        raise


def read_error(why: str | None) -> ItemError:
    """The error for a film that its disk does not give."""
    return ItemError(Reason.READ_ERROR, f"its disk does not give it ({why})")


def vanished_error() -> ItemError:
    """The error for a film that is gone."""
    return ItemError(Reason.VANISHED, "the film is no longer there")


def probe(path: Path, probe_bytes: int = 0, max_megapixels: float = MAX_MEGAPIXELS) -> FilmFacts:
    """Look at a film: opens it and decodes its first frame.

    Args:
        path: the film.
        probe_bytes: as for `open_film`.
        max_megapixels: films of larger frames are refused before one is decoded.

    Raises:
        ItemError: where it is no film, has no picture, or one that cannot be read exactly.
    """
    with open_film(path, probe_bytes) as container:
        stream = main_video_stream(container)
        _check_size(stream, max_megapixels)
        with film_errors():
            frame = first_frame(container, stream)
        return replace(_film_facts(path, container, stream, frame), probe_bytes=probe_bytes)


def _check_size(stream: VideoStream, max_megapixels: float) -> None:
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > max_megapixels * 1e6:
        raise ItemError(
            Reason.TOO_LARGE,
            f"its frames of {width} x {height} pixels are over the limit of {max_megapixels:g} megapixels "
            "(--max-megapixels)",
        )


def main_video_stream(container: InputContainer) -> VideoStream:
    """The stream that is the film: the first video stream that is no cover."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise ItemError(Reason.UNSUPPORTED, "there is no decoder for its picture")
            return stream
    raise ItemError(Reason.UNSUPPORTED, "there is no picture in it, only sound or data")


def picture_stream(container: InputContainer, facts: FilmFacts) -> VideoStream:
    """The stream of a film's picture, in a container opened again."""
    return next(stream for stream in container.streams.video if stream.index == facts.picture)


def first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    """The first frame that decodes."""
    import av

    for packet in container.demux(stream):
        if not packet.size and packet.dts is not None:
            continue  # it shows a picture again
        try:
            for frame in packet.decode():
                return frame
        except av.error.InvalidDataError:
            continue
    raise ItemError(Reason.UNREADABLE, "not one frame of its picture can be decoded")


def _film_facts(path: Path, container: InputContainer, stream: VideoStream, frame: VideoFrame) -> FilmFacts:
    """Facts from an open container and its first frame."""
    layout = layout_of(frame.format.name, is_rgb(frame))
    full = is_full_range(frame, layout)
    turn = _display_matrix(frame)
    return FilmFacts(
        path=path,
        container=container.format.name,
        nbytes=path.stat().st_size,
        codec=stream.codec_context.name,
        picture=stream.index,
        streams=tuple(_stream_facts(other) for other in container.streams if other.index != stream.index),
        width=frame.width,
        height=frame.height,
        layout=layout,
        sample_format=SampleFormat(layout.depth, full),
        matrix=matrix_for(int(frame.colorspace), layout, frame),
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        aspect=stream.sample_aspect_ratio or Fraction(1),
        display_matrix=turn,
        quarter_turns=round(frame.rotation / 90) % 4 if turn else 0,
        time_base=clock_of(stream),
        rate=stream.average_rate or stream.guessed_rate or Fraction(25),
        field_order=int(stream.codec_context.field_order),
        seconds=_container_seconds(container, stream),
        seconds_of_picture=container.format.name in _OWN_DURATIONS or "DURATION" in stream.metadata,
        frames=stream.frames or None,
    )


def clock_of(stream: Stream) -> Fraction:
    """Unit of a stream's times, in seconds: FFmpeg's own where the container tells none."""
    import av

    return stream.time_base or Fraction(1, av.time_base)


def _stream_facts(stream: Stream) -> StreamFacts:
    """Facts of a stream that is copied."""
    from av.audio.stream import AudioStream
    from av.stream import Disposition

    # Without a decoder, sound has not even a name.
    named = stream if stream.codec_context is None else stream.codec_context
    codec = getattr(named, "name", None) or ""
    chapters = len(stream.container.chapters())
    is_chapter_track = codec == "bin_data" and chapters > 0 and stream.frames == chapters
    unknown = isinstance(stream, AudioStream) and stream.codec_context is not None and stream.sample_rate == 0
    return StreamFacts(
        index=stream.index,
        kind=stream.type,
        codec=codec,
        cover=bool(stream.disposition & Disposition.attached_pic),
        complete=not unknown,
        rewritten=stream.type == "data" and ("timecode" in stream.metadata or is_chapter_track),
    )


def _display_matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    """The nine numbers that turn the picture for display, or None."""
    for entry in side_data_of(frame):
        if entry.name == "DISPLAYMATRIX":
            return struct.unpack("=9i", entry.data)
    return None


@dataclass(frozen=True)
class SideDataEntry:
    """Something that a frame carries beside its samples.

    Attributes:
        name: FFmpeg's, empty for a kind that is unknown here.
        data: its bytes.
    """

    name: str
    data: bytes


def side_data_of(frame: VideoFrame) -> Iterator[SideDataEntry]:
    """What a frame carries beside its samples."""
    # PyAV's stubs take side data for a dictionary; it gives its items, not their names.
    for item in cast("Iterator[SideData]", frame.side_data):
        try:
            name = item.type.name
        except ValueError:
            name = ""
        yield SideDataEntry(name, bytes(item))


def _container_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """Duration of the picture as the container says, or of the whole container."""
    import av

    if stream.duration:
        return float(stream.duration * clock_of(stream))
    written = stream.metadata.get("DURATION", "")
    if written.count(":") == 2:
        hours, minutes, seconds = written.split(":")
        return (
            int(hours) * 3600
            + int(minutes) * 60
            + float(seconds)
            - float(stream.start_time or 0) * float(clock_of(stream))
        )
    return container.duration / av.time_base if container.duration else None
