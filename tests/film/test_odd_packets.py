"""Packets that are not plain: empty ones, and texts that a cut went through."""

import struct
import subprocess

import av
import numpy as np
import pytest
from synthetic_films import run_ffmpeg

TEXTS = """1
00:00:00,200 --> 00:00:01,500
The first words

2
00:00:01,700 --> 00:00:03,500
And the second ones

"""


def ogg_packets(data):
    """The packets of an Ogg file of one stream (RFC 3533)."""
    at, packet, found = 0, b"", []
    while at < len(data):
        sizes = data[at + 27 : at + 27 + data[at + 26]]
        at += 27 + len(sizes)
        for size in sizes:
            packet += data[at : at + size]
            at += size
            if size < 255:
                found.append(packet)
                packet = b""
    return found


def ogg_page(number, last, granule, packet):
    """A page with one packet; its checksum as RFC 3533 has it."""
    sizes = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    flags = (2 if number == 0 else 0) | (4 if last else 0)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, 7, number, 0, len(sizes))
    page, check = bytearray(head + sizes + packet), 0
    for byte in page:
        check ^= byte << 24
        for _ in range(8):
            check = (check << 1 ^ (0x04C11DB7 if check & 0x80000000 else 0)) & 0xFFFFFFFF
    page[22:26] = struct.pack("<I", check)
    return bytes(page)


def with_repeats(path, repeated):
    """Empty these packets of a Theora film, which says that the frame before is shown again."""
    packets = ogg_packets(path.read_bytes())
    head, frames = packets[:3], packets[3:]
    shift = (head[0][40] & 3) << 3 | head[0][41] >> 5  # bits of a granule for frames since the last key frame
    granules, key = [0, 0, 0], 0
    for number, frame in enumerate(frames):
        key = key if frame[0] & 0x40 else number
        granules.append(key + 1 << shift | number - key)
    packets = [*head, *(b"" if number in repeated else frame for number, frame in enumerate(frames))]
    last = len(packets) - 1
    pages = [ogg_page(n, n == last, *page) for n, page in enumerate(zip(granules, packets, strict=True))]
    path.write_bytes(b"".join(pages))


def lumas(path):
    """Time and luma of each frame."""
    with av.open(str(path)) as film:
        return [(float(frame.time), frame.to_ndarray(format="gray")) for frame in film.decode(video=0)]


@pytest.mark.parametrize("repeated", [{10, 11, 30}, {49}, {1}])
def test_a_frame_that_is_shown_again_is_there_twice(tmp_path, colour, repeated):
    film = tmp_path / "film.ogv"
    grey = "testsrc2=s=96x64:r=25:d=2,hue=s=0,format=yuv420p"
    run_ffmpeg("-f", "lavfi", "-i", grey, "-c:v", "libtheora", "-q:v", "7", "-g", "12", film)
    with_repeats(film, repeated)
    # The program leaves a frame that is shown again out, and the one before stays for longer.
    run_ffmpeg("-i", film, "-c:v", "ffv1", "-vsync", "passthrough", tmp_path / "seen.mkv")
    shown = dict(lumas(tmp_path / "seen.mkv"))
    assert len(shown) == 50 - len(repeated)
    record, made = colour(film, "--codec", "ffv1")
    assert record["lost"] == []
    assert "missing" not in record["detail"]
    frames = lumas(made)
    assert len(frames) == 50
    last = None
    for number, (time, luma) in enumerate(frames):
        assert time == pytest.approx(number / 25, abs=0.0011)
        last = next((own for at, own in shown.items() if abs(at - number / 25) < 0.01), last)
        assert np.array_equal(luma, last)


def texts_of(path):
    """What the ffmpeg program makes of the subtitles, as a player shows them."""
    words = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:s", "-f", "srt", "-"]
    return subprocess.run(words, capture_output=True, check=True, text=True).stdout


@pytest.mark.parametrize(
    ("start", "suffix"), [(0.25, "mp4"), (0.8, "mp4"), (1.6, "mp4"), (1.8, "mp4"), (1.6, "mov")]
)
def test_an_mp4_cut_through_a_text(tmp_path, colour, start, suffix):
    (tmp_path / "texts.srt").write_text(TEXTS)
    whole, film = tmp_path / "whole.mp4", tmp_path / f"film.{suffix}"
    grey = "testsrc2=s=96x64:r=25:d=4,hue=s=0,format=yuv420p"
    codecs = ["-c:v", "libx264", "-g", "25", "-c:s", "mov_text"]
    run_ffmpeg("-f", "lavfi", "-i", grey, "-i", tmp_path / "texts.srt", *codecs, whole)
    run_ffmpeg("-ss", start, "-i", whole, "-t", 2, "-map", 0, "-c", "copy", film)
    record, made = colour(film)
    assert record["lost"] == []
    own, kept = texts_of(film), texts_of(made)
    for words in ("The first words", "And the second ones"):
        assert own.count(words) == kept.count(words)
    if start == 1.6:
        assert "1 packets of stream 1 (subtitle) that were due before the film begins" in record["detail"]
        assert own == kept


def test_texts_of_an_mp4_that_was_cut_last_as_long_in_matroska(tmp_path, colour):
    (tmp_path / "texts.srt").write_text(TEXTS)
    whole, film = tmp_path / "whole.mp4", tmp_path / "film.mp4"
    grey = "testsrc2=s=96x64:r=25:d=4,hue=s=0,format=yuv420p"
    codecs = ["-c:v", "libx264", "-g", "25", "-c:s", "mov_text"]
    run_ffmpeg("-f", "lavfi", "-i", grey, "-i", tmp_path / "texts.srt", *codecs, whole)
    run_ffmpeg("-ss", 1.6, "-i", whole, "-t", 2, "-map", 0, "-c", "copy", film)
    _, made = colour(film, "--codec", "ffv1")
    assert made.suffix == ".mkv"
    assert texts_of(made) == texts_of(film)


@pytest.mark.parametrize(
    "codec", [("mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"), ("png", "-pix_fmt", "gray")]
)
def test_a_sample_of_a_mov_without_bytes_is_the_frame_before(tmp_path, colour, codec):
    film = tmp_path / "film.mov"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=1,hue=s=0", "-c:v", *codec, film)
    plain = lumas(film)
    with av.open(str(film)) as source:
        places = [(packet.pos, packet.size) for packet in source.demux(video=0) if packet.size]
    data = bytearray(film.read_bytes())
    (place, size), end = places[10], sum(places[-1])
    # The samples of its one chunk lie one behind the other: those that follow move up.
    data[place : end - size] = data[place + size : end]
    entry = data.index(b"stsz") + 16 + 4 * 10
    data[entry : entry + 4] = bytes(4)
    film.write_bytes(data)
    record, made = colour(film, "--codec", "ffv1")
    assert record["lost"] == []
    frames = [luma for _, luma in lumas(made)]
    expected = [plain[9 if number == 10 else number][1] for number in range(25)]
    assert all(np.array_equal(luma, own) for luma, own in zip(frames, expected, strict=True))
