"""Captions and HDR data inside the pictures of a film are in those of the coloured one, or are named."""

import av
import pytest
from synthetic_films import run_ffmpeg

GREY = "testsrc2=s=64x48:r=25:d={seconds},hue=s=0,format=yuv420p"
MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"


def odd(byte):
    return byte | 0x80 if bin(byte).count("1") % 2 == 0 else byte


def user_data(body):
    """A message of registered user data as a unit of H.264."""
    payload = bytes((0xB5, 0, 0x31)) + body
    return b"\0\0\0\1\x06" + bytes((4, len(payload))) + payload + b"\x80"


PROGRESSIVE = (GREY.format(seconds=0.8), 25)
# On tape by 3:2 pulldown.
TELECINED = (
    "testsrc2=s=320x480:r=24000/1001:d=1.25,format=gray,format=yuv420p,telecine",
    "30000/1001",
    *("-crf", 10, "-flags", "+ildct+ilme"),
)


def with_messages(path, messages, picture=PROGRESSIVE):
    """An H.264 film whose frames have these messages before their slices."""
    graph, rate, *options = picture
    run_ffmpeg(
        *("-f", "lavfi", "-i", graph, "-c:v", "libx264", "-bf", "2", "-g", "10", *options),
        *("-x264-params", "slices=1:aud=1:bframes=0", "-f", "h264", path.with_suffix(".264")),
    )
    units = path.with_suffix(".264").read_bytes().split(b"\0\0\0\1")[1:]
    units = [part for unit in units for part in unit.split(b"\0\0\1")]
    whole, frame = b"", 0
    for unit in units:
        if unit[0] & 31 in (1, 5):
            whole += messages(frame)
            frame += 1
        whole += b"\0\0\0\1" + unit
    path.with_suffix(".264").write_bytes(whole)
    run_ffmpeg("-r", rate, "-i", path.with_suffix(".264"), "-c", "copy", path)
    path.with_suffix(".264").unlink()
    return path


def captions(frame):
    pair = bytes((0xFC, odd(0x20 + frame), odd(0x41)))
    return user_data(b"GA94\x03" + bytes((0x41, 0xFF)) + pair + b"\xff") + user_data(b"DTG1\x41\xf8")


def numbered_captions(frame):
    """Twenty triplets of a frame, as broadcasts have them, none of them like another."""
    kinds = [0xFC, 0xFD, *[0xFE] * 18]
    body = b"".join(bytes((kind, 0x20 + frame, 0x20 + place)) for place, kind in enumerate(kinds))
    return user_data(b"GA94\x03" + bytes((0x40 | len(kinds), 0xFF)) + body + b"\xff")


def triplets(frames):
    found = (frame.get("A53_CC", b"") for frame in frames)
    return [data[at : at + 3] for data in found for at in range(0, len(data), 3)]


def side_data(path, kinds):
    with av.open(str(path)) as film:
        return [
            {data.type.name: bytes(data) for data in frame.side_data if data.type.name in kinds}
            for frame in film.decode(video=0)
        ]


@pytest.mark.parametrize(
    ("codec", "suffix"), [("h264", "mp4"), ("h264", "ts"), ("h265", "mp4"), ("h265", "mkv")]
)
def test_captions_and_the_active_format_are_carried(tmp_path, colour, codec, suffix):
    film = with_messages(tmp_path / f"film.{suffix}", captions)
    record, made = colour(film, "--codec", codec)
    own = side_data(film, ("A53_CC", "AFD"))
    assert all(len(frame) == 2 for frame in own)
    assert side_data(made, ("A53_CC", "AFD")) == own
    assert record["lost"] == []


def test_captions_are_named_where_the_codec_has_no_place_for_them(tmp_path, colour):
    record, _ = colour(with_messages(tmp_path / "film.mp4", captions), "--codec", "ffv1")
    assert [text.partition(" in ")[0] for text in record["lost"]] == [
        "active format description",
        "closed captions (CEA-608/708)",
    ]


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_hdr_data_is_carried(tmp_path, colour, codec):
    film = tmp_path / "film.mkv"
    hdr = f"log-level=0:repeat-headers=1:hdr10=1:master-display={MASTERING}:max-cll=1000,400"
    run_ffmpeg(
        *("-f", "lavfi", "-i", GREY.format(seconds=0.8), "-c:v", "libx265", "-x265-params", hdr),
        *("-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-color_trc", "smpte2084", film),
    )
    record, made = colour(film, "--codec", codec)
    kinds = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")
    own, now = side_data(film, kinds), side_data(made, kinds)
    assert all(len(frame) == 2 for frame in own)
    # FFmpeg says what holds for all pictures of H.264 with the first one alone.
    assert now[0] == own[0] if codec == "h264" else now == own
    assert record["lost"] == []


def test_hdr_data_that_does_not_fit_costs_itself_alone(tmp_path, colour):
    """A mastering tool's typo: light of 100000 nits, where a message has room for 65535."""
    graph, rate = PROGRESSIVE
    tags = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")
    film = with_messages(tmp_path / "film.mkv", captions, (graph, rate, *tags, "-color_range", "tv"))
    # MaxCLL and MaxFALL of Matroska, in the place of what the codec says too.
    colours = bytes.fromhex("55b1 81 09 55bb 81 09 55b9 81 01")
    assert film.read_bytes().count(colours) == 1
    film.write_bytes(film.read_bytes().replace(colours, bytes.fromhex("55bc 83 0186a0 55bd 81 90 ec 80")))
    light = side_data(film, ("CONTENT_LIGHT_LEVEL",))
    assert {frame["CONTENT_LIGHT_LEVEL"][:4] for frame in light} == {(100_000).to_bytes(4, "little")}
    record, made = colour(film, "--codec", "h265")
    assert record["lost"] == ["HDR light level in 20 frames"]
    assert side_data(made, ("A53_CC", "AFD")) == side_data(film, ("A53_CC", "AFD"))


def test_captions_of_frames_that_go_with_pulldown_join_the_next(tmp_path, colour):
    """Thirty frames a second have captions, and twenty-four keep all of them, in their order."""
    film = with_messages(tmp_path / "film.mp4", numbered_captions, TELECINED)
    own = triplets(side_data(film, ("A53_CC",)))
    assert len(own) == 37 * 20
    for codec in ("h264", "h265"):
        record, made = colour(film, "--codec", codec, "--deinterlace", "ivtc", "--overwrite")
        assert record["film"]["fields"] == "undone by ivtc"
        frames = side_data(made, ("A53_CC",))
        assert len(frames) == record["film"]["frames"] == 30
        for kinds in ((0, 1), (2, 3)):
            of_kind = [
                [triplet for triplet in found if triplet[0] & 3 in kinds] for found in (own, triplets(frames))
            ]
            assert of_kind[0] == of_kind[1]
        assert record["lost"] == []
