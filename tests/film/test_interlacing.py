"""Interlaced and telecined film."""

from dataclasses import replace

import av
import numpy as np
import pytest
from synthetic_films import film_from, run_ffmpeg

from archivecolor.errors import ItemError, Reason
from archivecolor.film.encode import choose_target
from archivecolor.film.first_pass import run_first_pass
from archivecolor.film.frames import FrameReader
from archivecolor.film.interlacing import (
    FieldStats,
    check_pulldown,
    field_order_of,
    field_parity,
    is_progressive,
)
from archivecolor.film.probe import probe
from archivecolor.film.segment_plan import WorkFolder, plan_segments
from archivecolor.film.segments import SegmentContext, make_segments
from archivecolor.jobs.film_setup import choose_field_handling
from archivecolor.settings import VideoSettings

MOVING = "testsrc2=s=320x480:r={rate}:d={seconds},format=gray,format=yuv420p"


@pytest.fixture(scope="module")
def interlaced(tmp_path_factory):
    path = tmp_path_factory.mktemp("fields") / "interlaced.mkv"
    graph = MOVING.format(rate=50, seconds=1) + ",interlace=scan=bff"
    run_ffmpeg("-f", "lavfi", "-i", graph, "-c:v", "libx264", "-flags", "+ildct+ilme", path)
    return path


FILM_RATE = 24000 / 1001
# Name of the tape: how its fields are laid and coded, frames missing at its start, and what coding costs.
TAPES = {
    "unflagged.mkv": (("telecine",), ("-c:v", "ffv1"), 0.0),
    "unflagged-bottom-first.mkv": (("telecine=first_field=bottom",), ("-c:v", "ffv1"), 0.0),
    "begun-in-mid-cycle.mkv": (
        ("telecine", "trim=start_frame=3", "setpts=PTS-STARTPTS"),
        ("-c:v", "ffv1"),
        0.0,
    ),
    "top-first.mpg": (("telecine",), ("-c:v", "mpeg2video", "-q:v", 2, "-flags", "+ildct+ilme"), 2.0),
    "bottom-first.mp4": (
        ("telecine=first_field=bottom",),
        ("-c:v", "libx264", "-crf", 10, "-flags", "+ildct+ilme", "-x264-params", "bff=1"),
        2.0,
    ),
}


@pytest.fixture(scope="module")
def film_frames(tmp_path_factory):
    """The film that is put on tape, 24 frames a second."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    run_ffmpeg("-f", "lavfi", "-i", MOVING.format(rate="24000/1001", seconds=1.25), "-c:v", "ffv1", path)
    return path


@pytest.fixture(scope="module")
def own(film_frames):
    """The luma of its frames."""
    return [frame.luma.astype(np.int16) for frame in FrameReader(probe(film_frames))]


@pytest.fixture(scope="module")
def telecined(film_frames):
    return tape_of(film_frames, "unflagged.mkv")


def tape_of(film, name):
    """The film on tape, 30 frames a second by 3:2 pulldown."""
    filters, codec, _ = TAPES[name]
    path = film.with_name(name)
    if not path.exists():
        run_ffmpeg("-i", film, "-vf", ",".join(filters), *codec, path)
    return path


def looked_at(path, fields="keep", parity="auto"):
    facts = replace(probe(path), fields=fields, parity=parity)
    return facts, run_first_pass(facts, lambda count: None)


def test_interlaced_film_is_seen_and_its_order_too(interlaced):
    facts, found = looked_at(interlaced)
    assert found.fields.interlaced
    assert not is_progressive(facts, found.fields)
    assert found.fields.bottom_first > found.fields.top_first


def test_progressive_film_is_not_taken_for_it(tmp_path):
    path = tmp_path / "film.mkv"
    run_ffmpeg("-f", "lavfi", "-i", MOVING.format(rate=25, seconds=1), "-c:v", "ffv1", path)
    facts, found = looked_at(path)
    assert is_progressive(facts, found.fields)


@pytest.mark.parametrize("name", TAPES)
def test_pulldown_is_seen_and_taken_out_again(film_frames, own, name):
    """Out come the film's own frames, evenly spaced from the tape's first moment to its last."""
    tape = tape_of(film_frames, name)
    facts, found = looked_at(tape)
    assert found.fields.telecined
    assert not is_progressive(facts, found.fields)
    check_pulldown(found.fields, found.pts)
    undone = replace(facts, fields="ivtc", parity=field_parity(facts, found.fields))
    frames = list(FrameReader(undone))
    first = nearest(own, frames[1]) - 1
    assert len(frames) == pytest.approx(len(own) - first, abs=1)
    assert all(
        np.abs(frame.luma - luma).mean() <= TAPES[name][2]
        for frame, luma in zip(frames[1:-1], own[first + 1 :], strict=False)
    )
    times = np.array([float(frame.pts * facts.time_base) for frame in frames])
    start, end = float(found.pts[0] * facts.time_base), float(found.pts[-1] * facts.time_base)
    assert np.abs(times - start - np.arange(len(times)) / FILM_RATE).max() < 0.0011
    assert times[-1] + 1 / FILM_RATE == pytest.approx(end + 0.8 / FILM_RATE, abs=1 / FILM_RATE)


@pytest.mark.parametrize("name", TAPES)
def test_parted_fields_are_put_together_and_no_frame_goes(film_frames, own, name):
    tape = tape_of(film_frames, name)
    facts, found = looked_at(tape)
    whole = replace(facts, fields="fieldmatch", parity=field_parity(facts, found.fields))
    frames = list(FrameReader(whole))
    assert [frame.pts for frame in frames] == found.pts.tolist()
    assert all(
        np.abs(own[nearest(own, frame)] - frame.luma).mean() <= TAPES[name][2] for frame in frames[1:-1]
    )


def nearest(own, frame):
    """Number of the film's frame that looks most like this one."""
    some = np.s_[::3, ::4]  # lines of both fields
    return int(np.argmin([np.abs(luma[some] - frame.luma[some]).mean() for luma in own]))


def test_a_film_without_pulldown_is_not_thinned(interlaced):
    _, found = looked_at(interlaced)
    with pytest.raises(ItemError, match="no pulldown is seen") as refused:
        check_pulldown(found.fields, found.pts)
    assert refused.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    ("film", "codec", "way"),
    [
        ("telecined", "h265", "fieldmatch"),
        ("telecined", "dnxhr", "fieldmatch"),
        ("telecined", "h264", "keep"),
        ("interlaced", "h265", "bwdif"),
        ("interlaced", "prores", "keep"),
    ],
)
def test_auto_undoes_fields_where_the_codec_has_none(request, film, codec, way):
    path = request.getfixturevalue(film)
    facts, found = looked_at(path)
    assert choose_field_handling(VideoSettings(input=(path,), codec=codec), facts, found) == way


def test_a_tape_with_gaps_keeps_its_sound_in_time(telecined):
    _, found = looked_at(telecined)
    gap = found.pts + 400 * (np.arange(len(found)) > 20)
    with pytest.raises(ItemError, match="not evenly spaced"):
        check_pulldown(found.fields, gap)


def test_flags_are_believed_unless_the_picture_says_otherwise(telecined):
    facts, seen = probe(telecined), FieldStats(20, 20, 0, 4, 8)
    assert field_parity(replace(facts, field_order=2), seen) == "auto"
    assert field_parity(replace(facts, field_order=3), seen) == "tff"
    assert field_parity(replace(facts, field_order=1), FieldStats(0, 0, 20, 4, 8)) == "bff"


def test_deinterlaced_film_has_every_frame_at_its_time(interlaced):
    _, kept = looked_at(interlaced)
    facts, undone = looked_at(interlaced, "bwdif")
    assert np.array_equal(kept.pts, undone.pts)
    assert is_progressive(facts, undone.fields) or undone.fields.progressive > undone.fields.bottom_first


def test_kept_fields_are_flagged_in_the_copy(interlaced, tmp_path, network):
    film = film_from(interlaced)
    facts = replace(film.facts, field_order=field_order_of(film.facts, film.first_pass.fields))
    target = choose_target(facts, VideoSettings(input=(interlaced,)), 1, True)
    film = replace(film, target=target)
    segments, work = plan_segments(film, 1000), WorkFolder(tmp_path)
    make_segments(SegmentContext(film, network, work, lambda frame: None, lambda: True), segments)
    with av.open(str(work.segment(segments[0]))) as made:
        assert made.streams.video[0].codec_context.field_order in (3, 4)
        assert all(frame.interlaced_frame for frame in made.decode(video=0))
