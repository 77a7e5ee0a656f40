"""Films coloured from end to end: what is in the file of the source is in the new one, or is named."""

import av
import numpy as np
import pytest
from synthetic_films import run_ffmpeg

import archivecolor
from archivecolor.errors import StoppedError, UsageError

GREY = "testsrc2=s=96x64:r=25:d={seconds},hue=s=0,format=yuv420p"


def picture(seconds=1.0):
    return ["-f", "lavfi", "-i", GREY.format(seconds=seconds)]


def flash_and_beep(at, seconds=1.6, rate=25):
    """Picture and sound of a film that is white for one frame as it beeps."""
    frame = round(at * rate)
    white = f"drawbox=0:0:96:64:white:fill:enable='eq(n,{frame})'"
    grey = f"color=gray:s=96x64:r={rate}:d={seconds},format=yuv420p,{white}"
    beep = f"aevalsrc='if(between(t,{at},{at + 0.04}),0.8*sin(2*PI*1000*t),0)':d={seconds}:s=48000"
    return ["-f", "lavfi", "-i", grey, "-f", "lavfi", "-i", beep]


def flashes_and_beeps(path):
    """Times of white frames and of the first samples of beeps, in seconds."""
    with av.open(str(path)) as film:
        flashes = [
            frame.time for frame in film.decode(video=0) if frame.to_ndarray(format="gray").mean() > 200
        ]
    beeps, last = [], -1.0
    with av.open(str(path)) as film:
        for frame in film.decode(audio=0):
            samples = np.abs(frame.to_ndarray().astype(np.float64)).max(axis=0)
            loud = np.flatnonzero(samples > samples.max() * 0.2) if samples.max() > 0.2 * top(frame) else []
            for sample in loud[:1]:
                time = frame.time + sample / frame.sample_rate
                if time > last + 0.2:
                    beeps.append(time)
                last = time
    return flashes, beeps


def top(frame):
    return 1.0 if frame.format.name.startswith("flt") else 32767.0


@pytest.mark.parametrize("suffix", ["ts", "vob"])
def test_two_recordings_put_end_to_end_stay_in_step(tmp_path, colour, suffix):
    parts = []
    for number, at in enumerate((0.4, 0.8)):
        part = tmp_path / f"part{number}.{suffix}"
        codecs = ["-c:v", "mpeg2video", "-q:v", "3", "-bf", "2", "-c:a", "mp2", "-b:a", "192k"]
        run_ffmpeg(*flash_and_beep(at), *codecs, part)
        parts.append(part.read_bytes())
    film = tmp_path / f"spliced.{suffix}"
    film.write_bytes(b"".join(parts))
    record, made = colour(film)
    assert "starts again in 1 place" in record["detail"]
    with av.open(str(made)) as copy:
        times = sorted(frame.time for frame in copy.decode(video=0))
    assert len(times) == 80
    assert np.diff(times) == pytest.approx(0.04, abs=0.0011)
    flashes, beeps = flashes_and_beeps(made)
    assert flashes[1] - flashes[0] == pytest.approx(1.6 + 0.4, abs=0.002)
    assert np.subtract(beeps, flashes) == pytest.approx(np.subtract(beeps[0], flashes[0]), abs=0.026)
    assert abs(beeps[0] - flashes[0]) < 0.03


@pytest.mark.parametrize("start", [95442.5, 95441.0])
def test_a_clock_that_comes_round_to_zero_loses_nothing(tmp_path, colour, start):
    """33 bits of a transport stream's clock last for 95443.7 seconds."""
    film = tmp_path / "film.ts"
    codecs = ["-c:v", "mpeg2video", "-q:v", "3", "-bf", "2", "-c:a", "mp2", "-b:a", "192k"]
    run_ffmpeg(*flash_and_beep(1.2, seconds=4), *codecs, "-output_ts_offset", start, film)
    _, made = colour(film)
    with av.open(str(made)) as copy:
        assert sum(1 for _ in copy.decode(video=0)) == 100
    flashes, beeps = flashes_and_beeps(made)
    assert len(flashes) == 1
    assert beeps == pytest.approx(flashes, abs=0.026)


@pytest.mark.parametrize("codec", [("mpeg4", "-q:v", "3", "-bf", "2"), ("libx264", "-bf", "3")])
def test_frames_of_an_avi_that_are_coded_out_of_order_are_at_their_own_times(tmp_path, colour, codec):
    film = tmp_path / "film.avi"
    run_ffmpeg(*flash_and_beep(0.8), "-c:v", *codec, "-c:a", "pcm_s16le", film)
    _, made = colour(film)
    flashes, beeps = flashes_and_beeps(made)
    assert flashes == pytest.approx([0.8], abs=0.001)
    assert beeps == pytest.approx([0.8], abs=0.002)


def test_a_stream_that_begins_late_is_carried(tmp_path, colour):
    film = tmp_path / "late.mpg"
    noise = "nullsrc=s=320x240:r=25:d=6,geq=lum='random(1)*255':cb=128:cr=128,format=yuv420p"
    late = ["-itsoffset", "5.4", "-f", "lavfi", "-i", "sine=f=900:d=0.6:r=48000"]
    sound = ["-f", "lavfi", "-i", "sine=f=300:d=6:r=48000", *late, "-map", "0", "-map", "1", "-map", "2"]
    rate = ["-b:v", "12M", "-maxrate", "14M", "-bufsize", "1800k", "-muxrate", "14000000", "-f", "vob"]
    run_ffmpeg("-f", "lavfi", "-i", noise, *sound, "-c:v", "mpeg2video", "-c:a", "mp2", *rate, film)
    record, made = colour(film)
    assert record["lost"] == []
    with av.open(str(made)) as copy:
        assert [stream.type for stream in copy.streams][:3] == ["video", "audio", "audio"]


@pytest.mark.parametrize(
    ("container", "coder"),
    [("vob", ("pcm_dvd",)), ("ts", ("s302m", "-strict", "-2"))],
)
def test_sound_that_no_container_takes_is_written_sample_for_sample(tmp_path, colour, container, coder):
    film = tmp_path / f"film.{container}"
    tone = ["-f", "lavfi", "-i", "sine=d=1:r=48000", "-ac", "2"]
    run_ffmpeg(*picture(), *tone, "-c:v", "mpeg2video", "-c:a", *coder, film)
    record, made = colour(film)
    assert "stream 1 was written as pcm_s16le, sample for sample" in record["detail"]
    assert samples_of(made) == samples_of(film)


def samples_of(path):
    with av.open(str(path)) as film:
        return b"".join(frame.to_ndarray().tobytes() for frame in film.decode(audio=0))


@pytest.mark.parametrize(("coder", "rate"), [("pcm_u8", 22050), ("pcm_s16be", 11025), ("pcm_mulaw", 8000)])
def test_pcm_whose_packets_are_cut_elsewhere_is_that_of_the_source(tmp_path, colour, coder, rate):
    film = tmp_path / "film.mov"
    tone = ["-f", "lavfi", "-i", "sine=d=1.2:r=48000"]
    run_ffmpeg(*picture(1.2), *tone, "-c:v", "mjpeg", "-c:a", coder, "-ar", rate, film)
    record, made = colour(film)
    assert record["lost"] == []
    assert samples_of(made) == samples_of(film)


def test_what_an_edit_hides_is_not_heard_in_matroska_either(tmp_path, colour):
    whole, film = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    tone = ["-f", "lavfi", "-i", "sine=d=4:r=48000"]
    run_ffmpeg(*picture(4), *tone, "-c:v", "libx264", "-g", "50", "-c:a", "aac", whole)
    run_ffmpeg("-ss", "2.72", "-i", whole, "-t", "1", "-c", "copy", film)
    record, made = colour(film, "--codec", "ffv1")
    with av.open(str(made)) as copy:
        first = next(copy.decode(audio=0)).time
    assert first > -0.03
    assert all("edit" in lost for lost in record["lost"])


TAGS = {
    "com.apple.quicktime.make": "Arri",
    "com.apple.quicktime.location.ISO6709": "+48.2+016.3/",
    "reel_number": "A12",
    "title": "Reel",
}


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_tags_of_any_name_come_along(tmp_path, colour, suffix):
    film = tmp_path / f"film.{suffix}"
    words = [word for name, value in TAGS.items() for word in ("-metadata", f"{name}={value}")]
    flags = [] if suffix == "mkv" else ["-movflags", "use_metadata_tags"]
    run_ffmpeg(*picture(0.4), *words, "-c:v", "libx264", *flags, film)
    record, made = colour(film)
    with av.open(str(made)) as copy:
        kept = {name.lower(): value for name, value in copy.metadata.items()}
    assert {name: kept[name.lower()] for name in TAGS} == TAGS
    assert record["lost"] == []


def test_a_tag_that_has_no_place_is_named(tmp_path, colour):
    film, cover = tmp_path / "film.mkv", tmp_path / "cover.png"
    run_ffmpeg(*picture(0.1), "-frames:v", "1", cover)
    attached = ["-attach", cover, "-metadata:s:t", "mimetype=image/png"]
    run_ffmpeg(*picture(0.4), *attached, "-metadata", "reel_number=A12", "-c:v", "libx264", film)
    record, _ = colour(film, "--container", "mp4")
    assert record["lost"] == ["the tag REEL_NUMBER: A12"]


def test_sound_that_goes_on_behind_the_picture_is_no_picture_that_is_missing(tmp_path, colour):
    film = tmp_path / "film.flv"
    run_ffmpeg(*picture(1), "-f", "lavfi", "-i", "sine=d=4:r=44100", "-c:v", "flv", "-c:a", "mp3", film)
    record, _ = colour(film)
    assert "less than the container promises" not in record["detail"]


def test_a_film_may_have_the_longest_name_that_its_disk_takes(tmp_path, colour):
    film = tmp_path / f"{'ä' * 124}abc.mp4"
    run_ffmpeg(*picture(0.2), "-c:v", "libx264", film)
    assert len(film.name.encode()) == 255
    record, made = colour(film)
    assert record["output"]["path"] == film.name
    assert made.exists()


def test_work_files_of_an_earlier_state_of_a_film_go_with_the_next(tmp_path, colour):
    film, work = tmp_path / "film.mkv", tmp_path / "out" / "_archivecolor" / "work"
    for seconds, words in ((0.2, ["--keep-work"]), (0.4, [])):
        run_ffmpeg(*picture(seconds), "-c:v", "ffv1", film)
        colour(film, *words)
        assert len(list(work.iterdir())) == len(words)


def test_an_output_that_is_the_source_is_refused_before_the_film_is_read(tmp_path, colour, monkeypatch):
    film = tmp_path / "film.mkv"
    run_ffmpeg(*picture(0.2), "-c:v", "ffv1", film)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "film.mkv").symlink_to(film)
    monkeypatch.setattr("archivecolor.jobs.film_reading.run_first_pass", None)
    record, _ = colour(film, expect=3)
    assert record["reason"] == "name-collision"


@pytest.mark.parametrize(("name", "saturation"), [("film.mkv", 0), ("film.avi", 1)])
def test_a_film_that_no_run_made_is_never_written_over(tmp_path, colour, name, saturation):
    film, theirs = tmp_path / name, tmp_path / "out" / name
    graph = f"testsrc2=s=96x64:r=25:d=0.4,hue=s={saturation}"
    run_ffmpeg("-f", "lavfi", "-i", graph, "-c:v", "ffv1", film)
    theirs.parent.mkdir()
    theirs.write_bytes(b"somebody's")
    # A film in colour is copied under its own name, whatever one that is coloured would be called.
    record, _ = colour(film, "--colour", "copy", expect=3)
    assert record["reason"] == "name-collision"
    assert theirs.read_bytes() == b"somebody's"


def test_a_film_that_is_not_taken_or_not_reached_is_no_success(tmp_path, checkpoint):
    film = tmp_path / "film.mkv"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:d=0.4,hue=s=0", "-c:v", "ffv1", film)
    options = {"checkpoint": checkpoint, "working_size": 64}
    with pytest.raises(UsageError, match="leaves it out"):
        archivecolor.colour_film(film, tmp_path / "out", min_age=3600.0, **options)
    archivecolor.colour_film(film, tmp_path / "out", **options)
    stop = archivecolor.Stop(max_runtime=0.0)
    with pytest.raises(StoppedError):
        archivecolor.colour_film(film, tmp_path / "out", stop=stop, overwrite=True, **options)
