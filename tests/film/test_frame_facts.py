"""Facts of the first frame, watched to the last."""

import av
import pytest
from synthetic_films import film_from, run_ffmpeg

from archivecolor.errors import ItemError, Reason
from archivecolor.film.limits import check_disk, check_memory, check_name
from archivecolor.film.probe import probe

PICTURE = "testsrc2=s=96x64:r=25:d=0.4,hue=s=0,format={pix_fmt}"


def joined(tmp_path, *parts):
    """Films of one codec, put end to end as they are; each part is words for FFmpeg after the picture."""
    film = tmp_path / "film.ts"
    for number, (pix_fmt, *words) in enumerate(parts):
        source = ["-f", "lavfi", "-i", PICTURE.format(pix_fmt=pix_fmt)]
        offset = ["-output_ts_offset", str(number * 0.4)]
        run_ffmpeg(*source, *words, "-bf", "0", *offset, "-f", "mpegts", tmp_path / "part")
        with film.open("ab") as whole:
            whole.write((tmp_path / "part").read_bytes())
    return film


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (
            ("yuv420p10le", "-c:v", "libx264"),
            "8 bits of limited range to 10 bits of limited range",
        ),
        (("yuv420p", "-c:v", "libx264", "-color_range", "pc"), "to 8 bits of full range at 1.8"),
    ],
)
def test_a_film_whose_luma_comes_to_mean_something_else_is_refused(tmp_path, second, words):
    film = joined(tmp_path, ("yuv420p", "-c:v", "libx264"), second)
    with pytest.raises(ItemError, match=words) as error:
        film_from(film)
    assert error.value.reason is Reason.UNSUPPORTED


def test_a_film_whose_matrix_changes_is_coloured_and_that_is_said(tmp_path):
    parts = [("yuv420p", "-c:v", "libx264", "-colorspace", name) for name in ("bt709", "smpte170m")]
    found = film_from(joined(tmp_path, *parts)).first_pass
    assert len(found) == 20
    assert [note.partition(" at")[0] for note in found.notes] == ["the colour matrix changes"]
    assert found.lost == ()


def test_a_shape_that_the_finished_film_does_not_show_is_lost(tmp_path):
    mpeg = ("-c:v", "mpeg2video", "-q:v", "4")
    wide, narrow = (("yuv420p", *mpeg, "-aspect", aspect) for aspect in ("16:9", "4:3"))
    (lost,) = film_from(joined(tmp_path, narrow, wide)).first_pass.lost
    assert "32:27, written as 8:9" in lost


def test_captions_in_the_picture_are_named(tmp_path):
    film = tmp_path / "film.mkv"
    with av.open(str(film), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(5):
            frame = av.VideoFrame(96, 64, "yuv420p")
            frame.pts = number
            for packet in stream.encode(frame):
                out.mux(with_caption(packet))
        for packet in stream.encode(None):
            out.mux(with_caption(packet))
    assert film_from(film).first_pass.lost == ("closed captions (CEA-608/708) in 5 frames",)


def with_caption(packet):
    """The same picture with a caption in front (ATSC A/53 in SEI, ITU-T T.35), as broadcasts carry it."""
    user_data = b"\xb5\x00\x31GA94\x03\x41\xff\xfc\x94\x20\xff"
    sei = bytes([6, 4, len(user_data)]) + user_data + b"\x80"
    copy = av.Packet(b"\x00\x00\x00\x01" + sei + bytes(packet))
    copy.stream, copy.time_base = packet.stream, packet.time_base
    copy.pts, copy.dts, copy.is_keyframe = packet.pts, packet.dts, packet.is_keyframe
    return copy


def test_a_film_of_too_large_frames_is_refused_before_one_is_decoded(tmp_path):
    film = tmp_path / "film.mkv"
    run_ffmpeg("-f", "lavfi", "-i", "color=gray:s=1200x1000:r=1:d=1", "-c:v", "ffv1", film)
    with pytest.raises(ItemError, match="limit of 1 megapixels") as error:
        probe(film, max_megapixels=1)
    assert error.value.reason is Reason.TOO_LARGE


def test_what_a_machine_has_no_room_for_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "film.mkv"
    run_ffmpeg("-f", "lavfi", "-i", "color=gray:s=96x64:r=25:d=1", "-c:v", "ffv1", path)
    film = film_from(path)
    check_memory(film.facts, film.target)
    check_disk(film.facts, film.target, 25, tmp_path)
    monkeypatch.setattr("archivecolor.film.limits._memory_bytes", lambda: 100_000)
    with pytest.raises(ItemError, match="take about"):
        check_memory(film.facts, film.target)
    with pytest.raises(ItemError, match="too long"):
        check_name(tmp_path / f"{'a' * 252}.mkv")
