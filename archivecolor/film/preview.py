"""Some frames of a film as the whole film would have them, as a film of their own: the picture alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.film.chroma import FrameRange, frame_chromas
from archivecolor.film.containers import opened_output, timescale_for
from archivecolor.film.encode import PictureEncoder
from archivecolor.film.film import ChromaPredictor, Film, read_from
from archivecolor.film.prefetch import Prefetcher
from archivecolor.film.segments import FRAME_PREFETCH, ComposedPicture, PictureComposer
from archivecolor.film.shots import Shot

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream


@dataclass(frozen=True)
class Part:
    """A run of frames that is shown.

    Attributes:
        first: number of its first frame.
        last: number of its last frame.
    """

    first: int
    last: int


def parts_of(shots: Sequence[Shot], wanted: Sequence[int], first: int, last: int) -> tuple[Part, ...]:
    """The runs of frames to show, in their order.

    Args:
        shots: of the film.
        wanted: numbers of those to show, from 0, in their order.
        first: no frame before this one is shown.
        last: none after this one.
    """
    parts: list[Part] = []
    for shot in (shots[number] for number in wanted):
        part = Part(max(shot.first, first), min(shot.last, last))
        if part.last < part.first:
            continue
        if parts and parts[-1].last + 1 == part.first:
            part = Part(parts.pop().first, part.last)
        parts.append(part)
    return tuple(parts)


@dataclass(frozen=True)
class Preview:
    """What is shown.

    Attributes:
        film: with the guides of the shots in the parts.
        predictor: the network.
        parts: of the film, in their order.
        on_frame: called with the number of each frame that is looked at; may raise to end it.
    """

    film: Film
    predictor: ChromaPredictor
    parts: tuple[Part, ...]
    on_frame: Callable[[int], None]


def write_preview(preview: Preview, path: Path, container: str, tags: Mapping[str, str]) -> None:
    """Write some parts of a film, one behind the other.

    Colour is that of the whole film: each part is looked at from where its first shot begins.

    Args:
        preview: what is shown.
        path: of the file.
        container: mp4, mov or mkv.
        tags: what the file says of itself.

    Raises:
        ItemError: the film cannot be read, or the encoder does not take its picture.
    """
    film = preview.film
    with opened_output(path, container, timescale_for(film.facts)) as out:
        out.metadata.update(tags)
        writer = _PreviewWriter(out, film, container)
        for part in preview.parts:
            for number, picture in _pictures(preview, part):
                writer.write(number, part, picture)
        writer.finish()


def _pictures(preview: Preview, part: Part) -> Iterator[tuple[int, ComposedPicture]]:
    """The frames of a part by their numbers, coloured."""
    film = preview.film
    shot = film.shots[film.shot_at(part.first)]
    begin = part.first if film.is_passthrough(shot) else shot.first
    composer = PictureComposer(film)
    chromas = frame_chromas(film, preview.predictor, FrameRange(begin, part.last, None))
    with Prefetcher(read_from(film, begin), FRAME_PREFETCH) as frames:
        for item, frame_chroma in zip(frames, chromas, strict=False):
            preview.on_frame(item.number)
            if item.number >= part.first:
                yield item.number, composer.compose(item, frame_chroma)
            if item.number == part.last:
                return


class _PreviewWriter:
    """Encodes pictures into an open container, their times without the gaps between parts.

    Args:
        out: the container.
        film: whose pictures they are.
        container: mp4, mov or mkv.
    """

    def __init__(self, out: OutputContainer, film: Film, container: str) -> None:
        self._out, self._film = out, film
        self._encoder = PictureEncoder(out, film.facts, film.target)
        stream = self._encoder.stream
        stream.time_base = film.facts.time_base
        if film.target.codec == "h265" and container != "mkv":
            stream.codec_context.codec_tag = "hvc1"  # the one QuickTime plays
        if film.facts.display_matrix is not None:
            stream.set_display_matrix(film.facts.display_matrix)
        self._begin = 0
        self._part: Part | None = None
        self._next = 0

    def write(self, number: int, part: Part, picture: ComposedPicture) -> None:
        """Encode one frame of a part."""
        times = self._film.first_pass.pts
        if part is not self._part:
            self._part, self._begin = part, self._next - int(times[part.first])
        pts = self._begin + int(times[number])
        self._mux(self._encoder.encode(pts, picture.luma, picture.chroma))
        self._next = pts + self._step(number)

    def finish(self) -> None:
        """Write what is still inside the encoder."""
        self._mux(self._encoder.flush())

    def _step(self, number: int) -> int:
        """How long a frame is shown."""
        times = self._film.first_pass.pts
        at = min(number, len(times) - 2)
        if at < 0:
            return max(1, round(1 / (self._film.facts.read_rate * self._film.facts.time_base)))
        return int(times[at + 1]) - int(times[at])

    def _mux(self, packets: Iterator[Packet[Stream]]) -> None:
        for packet in packets:
            packet.stream = self._encoder.stream
            self._out.mux(packet)
