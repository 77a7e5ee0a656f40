"""`archivecolor video` as people type it: whole films, real files, real kills."""

import contextlib
import csv
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from in_process import run_here

COMMAND = [sys.executable, "-m", "archivecolor", "video"]
SUBTITLES = (
    "1\n00:00:00,100 --> 00:00:00,900\nHello <i>world</i>\n\n2\n00:00:01,000 --> 00:00:01,400\nAgain\n"
)
CHAPTERS = """;FFMETADATA1
title=The film
artist=Someone
[CHAPTER]
TIMEBASE=1/1000
START=0
END=800
title=One
[CHAPTER]
TIMEBASE=1/1000
START=800
END=1600
title=Two
"""


def ffmpeg(*words):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, words)], check=True, timeout=120)


def grey_film(path, *, seconds=1.6, size="96x64", rate="25", more=()):
    """A moving grey test picture, two shots long."""
    half = seconds / 2
    first = f"testsrc2=s={size}:r={rate}:d={half},format=gray,format=yuv420p"
    second = f"mandelbrot=s={size}:r={rate},trim=duration={half},format=gray,format=yuv420p"
    graph = f"{first}[a];{second}[b];[a][b]concat=n=2:v=1"
    ffmpeg("-filter_complex", graph, "-c:v", "libx264", "-bf", "2", *more, path)
    return path


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """What films are put together from."""
    folder = tmp_path_factory.mktemp("parts")
    (folder / "subs.srt").write_text(SUBTITLES)
    (folder / "meta.txt").write_text(CHAPTERS)
    (folder / "font.ttf").write_bytes(os.urandom(2000))
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", "1", folder / "cover.jpg")
    grey_film(folder / "picture.mp4")
    return folder


@pytest.fixture
def video(checkpoint):
    """Runs the command in this process: `video(film, "-o", out)`; `expect` is the exit code."""
    settings = ["--working-size", "64", "--device", "cpu", "--checkpoint", checkpoint, "--threads", "2"]

    def run(*words, expect=0, cwd=None):
        done = run_here("video", *settings, *words, cwd=cwd)
        assert done.returncode == expect, done.stderr
        return done

    run.words = lambda *words: [*COMMAND, *map(str, settings), *words]
    return run


def packets(path, kind):
    """Bytes of all packets of the streams of a kind, joined per stream."""
    with av.open(f"file:{path}") as film:
        streams = [stream for stream in film.streams if stream.type == kind]
        data = {stream.index: hashlib.sha256() for stream in streams}
        for packet in film.demux(streams):
            if packet.size:
                data[packet.stream_index].update(bytes(packet))
        return [digest.hexdigest() for digest in data.values()]


def times(path):
    """Presentation times of all frames, in seconds."""
    with av.open(f"file:{path}") as film:
        return [float(frame.pts * frame.time_base) for frame in film.decode(video=0)]


def luma_digests(path):
    with av.open(f"file:{path}") as film:
        return [
            hashlib.sha256(
                np.frombuffer(f.planes[0], np.uint8).reshape(f.height, -1)[:, : f.width].tobytes()
            ).digest()
            for f in film.decode(video=0)
        ]


def records(output):
    lines = (Path(output) / "_archivecolor" / "manifest.jsonl").read_bytes().splitlines()
    return {record["path"]: record for record in map(json.loads, lines)}


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_a_matroska_film_comes_back_whole(tmp_path, parts, video):
    film = tmp_path / "film.mkv"
    inputs = [
        "-i",
        parts / "picture.mp4",
        "-f",
        "lavfi",
        "-i",
        "sine=d=1.6",
        "-f",
        "lavfi",
        "-i",
        "sine=f=900:d=1.6",
    ]
    inputs += ["-i", parts / "subs.srt", "-i", parts / "meta.txt"]
    maps = ["-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map_metadata", "4", "-map_chapters", "4"]
    codecs = ["-c:v", "copy", "-c:a:0", "flac", "-c:a:1", "libvorbis", "-c:s", "srt"]
    tags = [
        "-metadata:s:a:0",
        "language=deu",
        "-metadata:s:a:1",
        "language=fra",
        "-metadata:s:s:0",
        "language=spa",
    ]
    font = ["-attach", parts / "font.ttf", "-metadata:s:t", "mimetype=application/x-truetype-font"]
    cover = [
        "-attach",
        parts / "cover.jpg",
        "-metadata:s:t:1",
        "mimetype=image/jpeg",
        "-metadata:s:t:1",
        "filename=cover.jpg",
    ]
    ffmpeg(*inputs, *maps, *codecs, *tags, "-disposition:a:1", "comment", *font, *cover, film)
    before = sha256(film)
    video(film, "-o", tmp_path / "out")

    made = tmp_path / "out" / "film.mkv"
    assert times(made) == times(film)
    assert packets(made, "audio") == packets(film, "audio")
    assert packets(made, "subtitle") == packets(film, "subtitle")
    with av.open(str(film)) as source, av.open(str(made)) as copy:
        languages = [(s.type, s.language) for s in copy.streams if s.type in ("audio", "subtitle")]
        assert languages == [("audio", "deu"), ("audio", "fra"), ("subtitle", "spa")]
        assert copy.streams.audio[1].disposition == source.streams.audio[1].disposition
        assert [c["metadata"]["title"] for c in copy.chapters()] == ["One", "Two"]
        assert copy.metadata["title"] == "The film"
        attached = {s.metadata.get("filename"): s for s in copy.streams if s.type == "attachment"}
        assert attached["font.ttf"].data == (parts / "font.ttf").read_bytes()
        assert json.loads(attached["archivecolor.json"].data)["source_sha256"] == before
        assert "trained" in copy.metadata["DIGITAL_SOURCE_TYPE"].lower()
        assert any(s.metadata.get("filename") == "cover.jpg" for s in copy.streams)
    assert sha256(film) == before
    record = records(tmp_path / "out")["film.mkv"]
    assert (record["status"], record["kind"], record["film"]["frames"]) == ("done", "film", 40)
    assert record["output"]["sha256"] == sha256(made)
    assert record["film"]["second_opinion"].endswith("finds all 3 copied streams unchanged")
    assert not list((tmp_path / "out" / "_archivecolor").glob("work/*/*"))


def test_an_mp4_film_comes_back_whole_and_goes_into_matroska_where_it_must(tmp_path, parts, video):
    film = tmp_path / "film.mp4"
    inputs = ["-i", parts / "picture.mp4", "-f", "lavfi", "-i", "sine=d=1.6", "-i", parts / "subs.srt"]
    inputs += ["-i", parts / "meta.txt", "-i", parts / "cover.jpg"]
    maps = ["-map", "0", "-map", "1", "-map", "2", "-map", "4", "-map_metadata", "3", "-map_chapters", "3"]
    codecs = [
        "-c:v:0",
        "copy",
        "-c:a",
        "aac",
        "-c:s",
        "mov_text",
        "-c:v:1",
        "copy",
        "-disposition:v:1",
        "attached_pic",
    ]
    ffmpeg(*inputs, *maps, *codecs, "-metadata:s:a:0", "language=deu", "-timecode", "01:00:00:00", film)
    video(film, "-o", tmp_path / "out")
    video(film, "-o", tmp_path / "archive", "--codec", "ffv1")

    made, kept = tmp_path / "out" / "film.mp4", tmp_path / "archive" / "film.mkv"
    assert times(made) == times(film)
    assert packets(made, "audio") == packets(film, "audio") == packets(kept, "audio")
    assert packets(made, "subtitle") == packets(film, "subtitle")
    assert luma_digests(kept) == luma_digests(film)
    with av.open(str(made)) as copy, av.open(str(kept)) as matroska:
        assert "colour" in copy.metadata["comment"].lower()
        assert [c["metadata"]["title"] for c in copy.chapters()] == ["One", "Two"]
        assert copy.streams.audio[0].language == "deu"
        assert [s.metadata["timecode"] for s in copy.streams if s.type == "data" and "timecode" in s.metadata]
        assert len(copy.streams.video) == 2
        texts = [bytes(packet) for packet in matroska.demux(subtitles=0) if packet.size]
        assert texts == [b"Hello world", b"Again"]
        assert matroska.streams.video[0].metadata["TIMECODE"] == "01:00:00:00"
    assert records(tmp_path / "archive")["film.mp4"]["luma"] == "exact"
    # In Matroska the subtitles are text of another kind: the sound alone can be compared.
    opinions = {
        folder: records(tmp_path / folder)["film.mp4"]["film"]["second_opinion"]
        for folder in ("out", "archive")
    }
    assert opinions["out"].endswith("finds all 2 copied streams unchanged")
    assert opinions["archive"].endswith("finds all 1 copied streams unchanged")


def test_sound_that_pyav_refuses_comes_along_all_the_same(tmp_path, parts, video):
    film = tmp_path / "wedding.wmv"
    sound = ["-f", "lavfi", "-i", "sine=d=1.6", "-f", "lavfi", "-i", "sine=f=900:d=1.6"]
    maps = ["-map", "0", "-map", "1", "-map", "2", "-metadata", "title=The wedding"]
    codecs = ["-c:v", "wmv2", "-c:a:0", "wmav2", "-c:a:1", "libmp3lame"]
    ffmpeg("-i", parts / "picture.mp4", *sound, *maps, *codecs, film)
    video(film, "-o", tmp_path / "out")

    made = tmp_path / "out" / "wedding.mkv"
    assert times(made) == times(film)
    assert packets(made, "audio") == packets(film, "audio")
    with av.open(str(made)) as copy:
        assert copy.metadata["title"] == "The wedding"
        assert "archivecolor.json" in {s.metadata.get("filename") for s in copy.streams}
    record = records(tmp_path / "out")["wedding.wmv"]
    assert "stream 1 was put in by the ffmpeg program" in record["detail"]
    assert record["film"]["second_opinion"].endswith("finds all 2 copied streams unchanged")
    first = sha256(made)
    video(film, "-o", tmp_path / "out", "--overwrite")
    assert sha256(made) == first


def test_variable_rate_aspect_rotation_and_colour_tags_stay(tmp_path, parts, video):
    film = tmp_path / "film.mp4"
    drop = [
        "-vf",
        "select='not(eq(mod(n,5),2))',setsar=16/15",
        "-fps_mode",
        "vfr",
        "-video_track_timescale",
        "12800",
    ]
    tags = ["-color_range", "pc", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    ffmpeg("-i", parts / "picture.mp4", *drop, *tags, "-c:v", "libx264", tmp_path / "upright.mp4")
    ffmpeg("-i", tmp_path / "upright.mp4", "-c", "copy", "-metadata:s:v:0", "rotate=90", film)
    video(film, "-o", tmp_path / "out")
    made = tmp_path / "out" / "film.mp4"
    assert times(made) == times(film)
    with av.open(str(film)) as source, av.open(str(made)) as copy:
        one, other = (next(container.decode(video=0)) for container in (source, copy))
        assert one.rotation == other.rotation != 0
        assert copy.streams.video[0].sample_aspect_ratio == source.streams.video[0].sample_aspect_ratio
        for tag in ("color_range", "colorspace", "color_primaries", "color_trc"):
            assert getattr(one, tag) == getattr(other, tag)


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [
        ("pal.mp4", "ffv1", "mkv"),
        ("pal.mov", "ffv1", "mkv"),
        ("pal.mp4", "prores", "mov"),
        ("pal.mkv", "prores", "mkv"),
        ("pal.mkv", "dnxhr", "mov"),
        ("pal.mp4", "h265", "mp4"),
    ],
)
def test_each_codec_finds_its_container_and_keeps_the_shape_of_samples(
    tmp_path, parts, video, name, codec, container
):
    film, made = tmp_path / name, tmp_path / "out" / f"pal.{container}"
    # QuickTime's list of languages has German by its other name.
    german = "ger" if film.suffix == ".mov" else "deu"
    sound = ["-f", "lavfi", "-i", "sine=d=1.6", "-c:a", "aac", "-metadata:s:a:0", f"language={german}"]
    ffmpeg("-i", parts / "picture.mp4", *sound, "-vf", "scale=256:128,setsar=16/15", "-c:v", "libx264", film)
    video(film, "-o", tmp_path / "out", "--codec", codec)
    with av.open(str(made)) as copy:
        assert float(copy.streams.video[0].sample_aspect_ratio) == pytest.approx(16 / 15, rel=0.001)
        assert copy.streams.audio[0].language == ("ger" if container == "mov" else german)
    assert packets(made, "audio") == packets(film, "audio")
    assert times(made) == pytest.approx(times(film), abs=0.0006)
    assert ("BT.709" in records(tmp_path / "out")[name]["detail"]) is (codec == "dnxhr")


@pytest.mark.parametrize(("codec", "lost"), [("prores", ("the language of stream 1, yue",)), ("h264", ())])
def test_a_language_that_quicktime_has_no_code_for_is_told_as_lost(tmp_path, parts, video, codec, lost):
    film = tmp_path / "reel.mp4"
    sound = ["-f", "lavfi", "-i", "sine=d=1.6", "-c:a", "aac", "-metadata:s:a:0", "language=yue"]
    ffmpeg("-i", parts / "picture.mp4", *sound, "-c:v", "copy", film)
    video(film, "-o", tmp_path / "out", "--codec", codec)
    assert tuple(records(tmp_path / "out")["reel.mp4"]["lost"]) == lost


def test_a_tape_that_begins_late_keeps_its_times_in_mp4(tmp_path, parts, video):
    tape, made = tmp_path / "tape.mpg", tmp_path / "out" / "tape.mp4"
    sound = ["-f", "lavfi", "-i", "sine=d=1.6", "-c:a", "mp2"]
    ffmpeg("-i", parts / "picture.mp4", *sound, "-c:v", "mpeg2video", "-r", "30000/1001", tape)
    video(tape, "-o", tmp_path / "out", "--container", "mp4")
    assert times(tape)[0] > 0.3
    assert times(made) == pytest.approx(times(tape), abs=1e-5)
    assert packets(made, "audio") == packets(tape, "audio")


def test_telecined_film_gives_back_its_own_frames_and_its_sound(tmp_path, video):
    tape = tmp_path / "tape.mpg"
    picture = "testsrc2=s=320x480:r=24000/1001:d=1.25,format=gray,format=yuv420p,telecine"
    codec = ["-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme", "-c:a", "mp2"]
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=d=1.25", *codec, tape)
    video(tape, "-o", tmp_path / "kept", "--crf", "30")
    video(tape, "-o", tmp_path / "out", "--deinterlace", "ivtc", "--codec", "ffv1")
    assert records(tmp_path / "kept")["tape.mpg"]["film"]["fields"] == "telecined, kept"
    about = records(tmp_path / "out")["tape.mpg"]["film"]
    assert (about["fields"], about["rate"], about["frames"]) == ("undone by ivtc", "24000/1001", 30)
    made, kept = tmp_path / "out" / "tape.mkv", tmp_path / "kept" / "tape.mkv"
    assert packets(made, "audio") == packets(tape, "audio")
    assert [len(times(path)) for path in (made, kept)] == [30, len(times(tape))]
    assert times(made)[0] == pytest.approx(times(tape)[0], abs=0.001)
    assert times(made)[-1] + 1001 / 24000 == pytest.approx(times(tape)[-1] + 1001 / 30000, abs=0.02)
    with av.open(str(made)) as film:
        assert float(film.streams.video[0].average_rate) == pytest.approx(23.976, abs=0.01)
        assert not any(frame.interlaced_frame for frame in film.decode(video=0))


def test_a_mark_is_drawn_where_it_is_asked_for_and_told_of(tmp_path, parts, video):
    film = parts / "picture.mp4"
    for folder, more in (("plain", []), ("marked", ["--badge"])):
        video(film, "-o", tmp_path / folder, "--codec", "ffv1", *more)
    plain, marked = (records(tmp_path / folder)["picture.mp4"] for folder in ("plain", "marked"))
    assert (plain["luma"], marked["luma"]) == ("exact", "re-encoded")
    assert "badge" not in plain["film"]
    assert "a mark is drawn" in marked["detail"]
    assert "a mark" not in plain["detail"]
    box = marked["film"]["badge"]
    inside = np.s_[box["top"] : box["top"] + box["height"], box["left"] : box["left"] + box["width"]]
    with av.open(str(film)) as source, av.open(str(tmp_path / "marked" / "picture.mkv")) as made:
        notes = json.loads(next(s.data for s in made.streams if s.type == "attachment"))["notes"]
        assert any("a mark is drawn" in note for note in notes)
        for one, other in zip(source.decode(video=0), made.decode(video=0), strict=True):
            same = luma(one) == luma(other)
            assert not same[inside].all()
            same[inside] = True
            assert same.all()


def luma(frame):
    """Luma codes of a frame (h, w)."""
    return np.frombuffer(frame.planes[0], np.uint8).reshape(frame.height, -1)[:, : frame.width]


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path, video):
    film = grey_film(tmp_path / "film.mp4", seconds=4)
    options = ["--segment-seconds", "1", "--keep-work"]
    video(film, "-o", tmp_path / "whole", *options)
    whole = sha256(tmp_path / "whole" / "film.mp4")
    assert len(segments_in(tmp_path / "whole")) >= 4

    out = tmp_path / "killed"
    for wanted in (1, 2):
        running = subprocess.Popen(video.words(film, "-o", out, *options), stderr=subprocess.DEVNULL)
        wait_for_segments(out, wanted, running)
        running.kill()
        running.wait()
        assert not (out / "film.mp4").exists()
    before = {path: path.stat().st_mtime_ns for path in segments_in(out)}
    video(film, "-o", out, *options)
    assert sha256(out / "film.mp4") == whole
    assert all(path.stat().st_mtime_ns == made for path, made in before.items())
    again = video(film, "-o", out, *options)
    assert "1 up to date" in again.stderr


def segments_in(output):
    return sorted(Path(output).glob("_archivecolor/work/*/segment-*.mkv"))


def wait_for_segments(output, wanted, running):
    deadline = time.monotonic() + 120
    while len(segments_in(output)) < wanted:
        assert running.poll() is None, "the run ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_ctrl_c_finishes_the_segment_in_hand(tmp_path, video):
    film = grey_film(tmp_path / "film.mp4", seconds=6)
    out = tmp_path / "out"
    running = subprocess.Popen(
        video.words(film, "-o", out, "--segment-seconds", "1"), stderr=subprocess.PIPE, text=True
    )
    wait_for_segments(out, 1, running)
    running.send_signal(signal.SIGINT)
    words = running.communicate(timeout=120)[1]
    assert running.returncode == 130, words
    assert "goes on" in words
    assert not (out / "film.mp4").exists()
    assert not list(out.rglob(".*.archivecolor-part"))
    video(film, "-o", out, "--segment-seconds", "1")
    assert len(times(out / "film.mp4")) == 150


def test_names_that_break_other_tools(tmp_path, parts, video):
    films = tmp_path / "films"
    films.mkdir()
    names = ["a:b.mp4", "-x.MP4", 'it\'s "quoted".mp4', "two\nlines.mp4", "naïve %05d.mp4"]
    names.append(os.fsdecode(b"caf\xe9.mp4"))
    for name in names:
        (films / name).write_bytes((parts / "picture.mp4").read_bytes())
    ffmpeg("-i", parts / "picture.mp4", "-c", "copy", films / "CLIP.MOV")
    ffmpeg("-i", parts / "picture.mp4", "-frames:v", "9", "-c:v", "mjpeg", films / "OLD.AVI")
    video(films, "-o", tmp_path / "out")
    assert all((tmp_path / "out" / name).exists() for name in [*names, "CLIP.MOV", "OLD.mkv"])
    video("--", "-x.MP4", cwd=films)
    assert (films / "-x-colour.MP4").exists()
    assert len(records(tmp_path / "out")) == len(names) + 2


def test_bad_films_cost_themselves_alone(tmp_path, parts, video):
    films = tmp_path / "films"
    films.mkdir()
    good = (parts / "picture.mp4").read_bytes()
    (films / "good.mp4").write_bytes(good)
    (films / "empty.mkv").write_bytes(b"")
    (films / "no moov.mp4").write_bytes(good[: len(good) // 2])
    (films / "text.avi").write_text("this is no film\n" * 100)
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "flac", films / "sound.mkv")
    out = tmp_path / "out"
    done = video(films, "-o", out, expect=3)
    found = {name: (record["status"], record["reason"]) for name, record in records(out).items()}
    assert found == {
        "good.mp4": ("done", "coloured"),
        "empty.mkv": ("failed", "empty"),
        "no moov.mp4": ("failed", "unreadable"),
        "text.avi": ("failed", "unreadable"),
        "sound.mkv": ("failed", "unsupported"),
    }
    assert "4 failed" in done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["_archivecolor", "good.mp4"]


def test_a_film_that_somebody_worked_on_stays_until_it_is_taken_back(tmp_path, parts, video):
    film, out = tmp_path / "film.mp4", tmp_path / "out"
    shutil.copy(parts / "picture.mp4", film)
    video(film, "-o", out)
    cut = (out / "film.mp4").read_bytes()[:-1]
    (out / "film.mp4").write_bytes(cut)
    said = video(film, "-o", out, "--saturation", "0.5").stderr
    assert "1 skipped (by-hand 1)" in said
    assert "->" not in said
    assert "1 by-hand; --take-back PATH" in video(film, "-o", out, "--overwrite").stderr
    assert (out / "film.mp4").read_bytes() == cut
    assert records(out)["film.mp4"]["output"]["sha256"] == sha256(out / "film.mp4")
    assert run_here("verify", out).returncode == 0
    video(film, "-o", out, "--take-back", film)
    (aside,) = out.glob("film.mp4.by-hand-*")
    assert aside.read_bytes() == cut
    assert len(times(out / "film.mp4")) == len(times(film))
    assert run_here("verify", out).returncode == 0


def test_a_film_that_is_gone_is_made_anew_and_the_list_is_right(tmp_path, parts, video):
    out = tmp_path / "out"
    video(parts / "picture.mp4", "-o", out)
    before = sha256(out / "picture.mp4")
    (out / "picture.mp4").write_bytes(b"damaged")
    assert run_here("verify", out).returncode == 6
    (out / "picture.mp4").unlink()
    video(parts / "picture.mp4", "-o", out)
    assert sha256(out / "picture.mp4") == before
    assert run_here("verify", out).returncode == 0


def test_a_truncated_film_is_coloured_up_to_the_damage(tmp_path, parts, video):
    ffmpeg("-i", parts / "picture.mp4", "-c", "copy", tmp_path / "whole.mkv")
    data = (tmp_path / "whole.mkv").read_bytes()
    film = tmp_path / "half.mkv"
    film.write_bytes(data[: len(data) // 2])
    video(film, "-o", tmp_path / "out")
    record = records(tmp_path / "out")["half.mkv"]
    assert record["status"] == "done"
    assert "less than the container promises" in record["detail"]
    assert 0 < len(times(tmp_path / "out" / "half.mkv")) < 40
    video(film, "-o", tmp_path / "strict", "--strict", expect=3)
    assert records(tmp_path / "strict")["half.mkv"]["reason"] == "truncated"


def test_shots_in_colour_keep_their_own(tmp_path, video):
    film = tmp_path / "film.mkv"
    size = "s=160x120:r=25:d=1"
    grey = "mandelbrot=s=160x120:r=25,trim=duration=1,format=gray,format=yuv420p[a]"
    graph = f"{grey};testsrc2={size},format=yuv420p[b];[a][b]concat=n=2:v=1"
    ffmpeg("-filter_complex", graph, "-c:v", "ffv1", film)
    video(film, "-o", tmp_path / "out", "--codec", "ffv1", "--keep-work")
    made = tmp_path / "out" / "film.mkv"
    with av.open(str(film)) as source, av.open(str(made)) as copy:
        pairs = list(zip(source.decode(video=0), copy.decode(video=0), strict=True))
    assert len(pairs) == 50
    grey = np.concatenate([np.frombuffer(frame.planes[1], np.uint8) for _, frame in pairs[:25]])
    assert (grey != 128).mean() > 0.5
    for own, kept in pairs[26:]:
        expected = own.reformat(format="yuv444p")
        assert np.array_equal(expected.to_ndarray(), kept.to_ndarray())
    with next((tmp_path / "out").rglob("shots.csv")).open() as file:
        assert [int(row["first_frame"]) for row in csv.DictReader(file)] == [0, 25]
    ffmpeg("-f", "lavfi", "-i", f"testsrc2={size}", "-c:v", "ffv1", tmp_path / "colour.mkv")
    video(tmp_path / "colour.mkv", "-o", tmp_path / "out")
    assert records(tmp_path / "out")["colour.mkv"]["reason"] == "already-colour"


def test_an_edited_list_of_shots_is_used(tmp_path, parts, video):
    listed = tmp_path / "mine.csv"
    listed.write_text("first_frame\n0\n7\n31\n")
    video(parts / "picture.mp4", "-o", tmp_path / "out", "--cuts", listed)
    assert records(tmp_path / "out")["picture.mp4"]["film"]["shots"] == 3
    listed.write_text("first_frame\n0\n7\n400\n")
    refused = video(parts / "picture.mp4", "-o", tmp_path / "other", "--cuts", listed, expect=2)
    assert "line 4" in refused.stderr
    assert "below the 40 frames of" in refused.stderr


def test_what_was_made_beside_its_source_is_no_source_of_another_run(tmp_path, parts, video):
    reels = tmp_path / "reels"
    reels.mkdir()
    shutil.copy(parts / "picture.mp4", reels / "reel.mp4")
    shutil.copy(parts / "picture.mp4", reels / "mine-colour.mp4")
    video(reels / "reel.mp4")
    said = video(reels, "-o", tmp_path / "out").stderr
    assert "1 coloured by this program passed over" in said
    assert sorted(records(tmp_path / "out")) == ["mine-colour.mp4", "reel.mp4"]
    passed_over = (tmp_path / "out" / "_archivecolor" / "passed-over.jsonl").read_text()
    assert "reel-colour.mp4" in passed_over


def test_a_list_of_shots_is_for_one_film_and_is_read_before_any_work(tmp_path, parts, video):
    listed, reels = tmp_path / "mine.csv", tmp_path / "reels"
    listed.write_text("first_frame\n0\n7\n")
    reels.mkdir()
    for name in ("one.mp4", "two.mp4"):
        shutil.copy(parts / "picture.mp4", reels / name)
    for given in ([reels], [reels / "one.mp4", reels / "two.mp4"]):
        refused = video(*given, "-o", tmp_path / "out", "--cuts", listed, expect=2)
        assert "--cuts is for one film" in refused.stderr
    listed.write_text("0\n7\n")
    refused = video(reels / "one.mp4", "-o", tmp_path / "out", "--cuts", listed, expect=2)
    assert "has no column first_frame" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_a_dry_run_counts_frames_and_measures_on_some_of_them(tmp_path, parts, video):
    said = video(parts / "picture.mp4", "-o", tmp_path / "out", "--dry-run").stdout
    assert "picture.mp4: 40 frames, " in said
    assert re.search(
        r"expected time: \d+ s \(measured on \d+ frames here and now; \d+ s of processor time", said
    )
    assert not (tmp_path / "out").exists()


def test_a_dry_run_of_films_like_those_done_before_loads_no_network(tmp_path, parts, video):
    films = tmp_path / "films"
    films.mkdir()
    for name in ("done.mp4", "new.mp4"):
        shutil.copyfile(parts / "picture.mp4", films / name)
    video(films / "done.mp4", "-o", tmp_path / "out")
    words = video.words(films, "-o", tmp_path / "out", "--dry-run")[len(COMMAND) - 1 :]
    code = (
        "import sys\nfrom archivecolor.cli.main import main\n"
        f"answer = main({[str(word) for word in words]!r})\n"
        "assert not {'torch', 'cv2'} & set(sys.modules), 'heavy'\nsys.exit(answer)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "new.mp4: 40 frames, " in done.stdout
    assert "as fast as the last run" in done.stdout
    assert "1 up to date" in done.stdout


def test_beside_each_film_without_an_output(tmp_path, parts, video):
    film = tmp_path / "films" / "reel.mp4"
    film.parent.mkdir()
    film.write_bytes((parts / "picture.mp4").read_bytes())
    video(film.parent)
    assert (film.parent / "reel-colour.mp4").exists()
    again = video(film.parent)
    assert "1 up to date" in again.stderr
    assert not (film.parent / "reel-colour-colour.mp4").exists()


def test_wrong_options_do_nothing(tmp_path, parts, video):
    video(parts / "picture.mp4", "-o", tmp_path / "out", "--codec", "ffv1", "--crf", "20", expect=2)
    video(tmp_path / "nothing.mp4", "-o", tmp_path / "out", expect=2)
    video(parts / "picture.mp4", "--dry-run", "--cuts", tmp_path / "nothing.csv", expect=2)
    video(parts / "picture.mp4", "-o", tmp_path / "out", "--encoder", "nosuch", expect=2)
    video(parts / "picture.mp4", "-o", tmp_path / "out", "--encoder", "nvenc", "--codec", "ffv1", expect=2)
    with contextlib.suppress(FileNotFoundError):
        assert not [path for path in (tmp_path / "out").iterdir() if path.name != "_archivecolor"]
