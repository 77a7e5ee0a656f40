"""Sound that no container takes as it is, written as PCM: the samples as they are decoded, all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from archivecolor.film.probe import film_errors, open_film

if TYPE_CHECKING:
    from pathlib import Path

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream

# The PCM that holds what a decoder gives, by FFmpeg's name of the samples' packed format.
_PCM = {"u8": "pcm_u8", "s16": "pcm_s16le", "s32": "pcm_s32le", "flt": "pcm_f32le", "dbl": "pcm_f64le"}


def sound_stream(container: InputContainer, index: int) -> AudioStream:
    """A stream of sound by its index."""
    return next(stream for stream in container.streams.audio if stream.index == index)


def pcm_for(path: Path, index: int, probe_bytes: int) -> str | None:
    """The PCM codec that holds a stream's samples exactly; None where it does not decode."""
    import av

    try:
        with open_film(path, probe_bytes) as container:
            frame = next(container.decode(sound_stream(container, index)), None)
    except (av.error.FFmpegError, NotImplementedError):
        return None
    return None if frame is None else _PCM.get(frame.format.packed.name)


class PcmEncoder:
    """Writes a stream of sound as PCM.

    Args:
        out: the container.
        source: the stream.
        codec: FFmpeg's name of the PCM.
    """

    def __init__(self, out: OutputContainer, source: AudioStream, codec: str) -> None:
        from av.audio.stream import AudioStream

        stream = out.add_stream(codec, rate=source.sample_rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = source.codec_context.layout.name
        self.stream = stream

    def encode(self, packet: Packet[Stream] | None) -> Iterator[Packet[Stream]]:
        """What a packet of the source becomes; the rest of it after the last, for None."""
        from av.audio.frame import AudioFrame

        if packet is None:
            yield from self.stream.encode(None)
            return
        for frame in packet.decode():
            if isinstance(frame, AudioFrame):
                yield from self.stream.encode(frame)


def sample_digest(path: Path, index: int, probe_bytes: int = 0) -> str:
    """SHA-256 of all samples of a stream as they are decoded, channel by channel in turn."""
    digest = hashlib.sha256()
    with open_film(path, probe_bytes) as container, film_errors():
        for frame in container.decode(sound_stream(container, index)):
            digest.update(_packed(frame))
    return digest.hexdigest()


def _packed(frame: AudioFrame) -> bytes:
    samples = frame.to_ndarray()
    return (samples.T if frame.format.is_planar else samples).tobytes()
