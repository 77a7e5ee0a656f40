"""A few frames of a film as a file of their own, to try on them what takes long for all."""

from __future__ import annotations

from pathlib import Path

from archivecolor.film.probe import FilmFacts, ffmpeg_url, film_errors, open_again, picture_stream


def cut_clip(facts: FilmFacts, target: Path, frames: int) -> int:
    """Copy some packets of a film's picture from the middle of it, without sound, into a Matroska file.

    Args:
        facts: of the film.
        target: the new file.
        frames: how many packets at most.

    Returns:
        How many there are.

    Raises:
        ItemError: the film cannot be read.
        av.error.FFmpegError, ValueError: Matroska does not hold its picture.
    """
    import av

    written = 0
    with (
        open_again(facts) as container,
        av.open(ffmpeg_url(target), "w", format="matroska") as clip,
    ):
        stream = picture_stream(container, facts)
        copy = clip.add_stream_from_template(stream)
        if facts.seconds and facts.can_seek:
            with film_errors():
                container.seek(int(facts.seconds / 2 * av.time_base))
        start: int | None = None
        for packet in container.demux(stream):
            # The clip begins with a picture that needs no other, as a film does.
            if packet.dts is None or packet.pts is None or (start is None and not packet.is_keyframe):
                continue
            start = packet.dts if start is None else start
            packet.pts, packet.dts, packet.stream = packet.pts - start, packet.dts - start, copy
            clip.mux(packet)
            written += 1
            if written == frames:
                break
    return written


def count_frames(facts: FilmFacts) -> int:
    """How many frames a film has: by its container, else by its packets, which are all read then.

    Raises:
        ItemError: it cannot be read.
    """
    if facts.expected_frames:
        return facts.expected_frames
    with open_again(facts) as container, film_errors():
        return sum(packet.size > 0 for packet in container.demux(picture_stream(container, facts)))
