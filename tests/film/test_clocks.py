"""Packets put in order, one after the other."""

from pathlib import Path

import av
import pytest
from synthetic_films import run_ffmpeg

from archivecolor.film.clocks import NO_RESTARTS, PacketClock


@pytest.fixture(params=["truehd", "flac"])
def sound(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"{request.param}.mkv"
    source = ("-f", "lavfi", "-i", "sine=d=0.5:r=48000", "-ac", "2", "-strict", "-2")
    run_ffmpeg(*source, "-c:a", request.param, path)
    return path


def test_sound_in_order_is_not_moved_however_short_its_packets(sound: Path) -> None:
    with av.open(str(sound)) as container:
        stream = container.streams.audio[0]
        clock = PacketClock(NO_RESTARTS, stream)
        packets = [packet for packet in container.demux(stream) if packet.size]
        times = [packet.pts for packet in packets]
        for packet in packets:
            clock.set_right(packet)
    assert [packet.pts for packet in packets] == times
    assert (clock.corrected, clock.most) == (0, 0.0)
    # The test is of something: milliseconds are too coarse for 40 samples.
    assert (len(set(times)) < len(times)) is (sound.stem == "truehd")
