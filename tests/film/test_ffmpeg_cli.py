"""The ffmpeg program: names, hostile files, digests that agree, sound that PyAV refuses."""

import hashlib
import os

import av
import pytest
from synthetic_films import film_from, run_ffmpeg

from archivecolor.errors import ItemError, Reason, UnavailableError
from archivecolor.film.containers import (
    ContainerPlan,
    plan_container,
)
from archivecolor.film.ffmpeg_cli import MuxPatch, add_streams, can_mux, stream_digests
from archivecolor.film.probe import probe
from archivecolor.film.verify_output import cross_check

NAMES = [
    b"plain.mkv",
    b"-y.mkv",
    b"a: b:c.mkv",
    b"concat:x|y.mkv",
    b"100% %05d.mkv",
    b"two words 'and' \"quotes\".mkv",
    "naïve \u202e 電影.mkv".encode(),
    b"new\nline.mkv",
    b"latin1 \xe9\xff.mkv",
]


def sound_packets(path, number=0):
    """SHA-256 of all packets of a track of sound, as PyAV reads them."""
    digest = hashlib.sha256()
    with av.open(f"file:{path}") as film:
        for packet in film.demux(audio=number):
            digest.update(bytes(packet))
    return digest.hexdigest()


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "film.mkv"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x48:d=1")
    run_ffmpeg(*picture, "-f", "lavfi", "-i", "sine=d=1", "-c:v", "libx264", "-bf", 2, "-c:a", "flac", path)
    return path


@pytest.fixture(scope="module")
def wmv(tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "film.wmv"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x48:d=1")
    sound = ("-f", "lavfi", "-i", "sine=d=1", "-f", "lavfi", "-i", "sine=f=900:d=1")
    maps = ("-map", 0, "-map", 1, "-map", 2)
    run_ffmpeg(*picture, *sound, *maps, "-c:v", "wmv2", "-c:a:0", "wmav2", "-c:a:1", "libmp3lame", path)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_a_file_and_nothing_else(film, tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(film.read_bytes())
    assert stream_digests(path, ["a"]) == [sound_packets(film)]
    assert can_mux(path, 1, tmp_path / os.fsdecode(b"trial " + name))


def test_sound_of_a_transport_stream_is_compared_without_its_headers(tmp_path):
    there, here = tmp_path / "film.ts", tmp_path / "film.mkv"
    run_ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", there)
    run_ffmpeg("-i", there, "-c", "copy", here)
    assert stream_digests(there, ["0"]) != stream_digests(here, ["0"])
    assert stream_digests(there, ["0"], [0]) == stream_digests(here, ["0"])


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile other.mkv\n",
        "#EXTM3U\n#EXTINF:1,\nother.mkv\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/other.mkv\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_list_that_names_other_files_is_not_followed(film, tmp_path, playlist):
    (tmp_path / "other.mkv").write_bytes(film.read_bytes())
    hostile = tmp_path / "film.mkv"
    hostile.write_text(playlist)
    with pytest.raises(ItemError, match="the ffmpeg program gave up"):
        stream_digests(hostile, ["a"])


def test_a_machine_without_the_program_is_told_of(film, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="install it"):
        stream_digests(film, ["a"])
    assert not can_mux(film, 1, tmp_path / "trial.mkv")


def test_sound_that_pyav_refuses_is_put_in_by_the_program(wmv, film, tmp_path):
    facts, trial = probe(wmv), tmp_path / "trial.mkv"
    (tmp_path / "victim").write_text("precious")
    trial.symlink_to(tmp_path / "victim")
    plan = plan_container(facts, "keep", "h264", trial)
    assert plan.container == "mkv"
    assert plan.ffmpeg_audio == (1,)
    assert (tmp_path / "victim").read_text() == "precious"
    assert "stream 1 was put in by the ffmpeg program" in plan.notes
    part = tmp_path / "part"
    add_streams(film, part, MuxPatch(wmv, (1, None), None))
    with av.open(str(part)) as made:
        assert [stream.codec_context.name for stream in made.streams.audio] == ["wmav2", "flac"]
    assert [sound_packets(part, number) for number in (0, 1)] == [sound_packets(wmv), sound_packets(film)]
    assert picture_times(part) == picture_times(film)


def picture_times(path):
    with av.open(str(path)) as film:
        return [frame.time for frame in film.decode(video=0)]


def test_without_the_program_such_sound_is_written_as_it_is_decoded_and_told_of(wmv, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    plan = plan_container(probe(wmv), "keep", "h264", tmp_path / "trial.mkv")
    assert plan.pcm == {1: "pcm_f32le"}
    assert plan.notes == ("stream 1 was written as pcm_f32le, sample for sample",)


def test_the_second_opinion_finds_other_sound(film, tmp_path):
    same, other = tmp_path / "same.mkv", tmp_path / "other.mkv"
    run_ffmpeg("-i", film, "-c", "copy", same)
    run_ffmpeg("-i", film, "-c:v", "copy", "-af", "volume=0.5", "-c:a", "flac", other)
    source, plan = film_from(film), ContainerPlan("mkv")
    assert cross_check(source, plan, same).endswith("finds all 1 copied streams unchanged")
    with pytest.raises(ItemError) as error:
        cross_check(source, plan, other)
    assert error.value.reason is Reason.INCOMPLETE


def test_why_there_is_no_second_opinion_is_said(film, monkeypatch, tmp_path):
    source = film_from(film)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cross_check(source, ContainerPlan("mkv"), film) == "none: the ffmpeg program is not installed"
