"""Interlaced and telecined film."""

from dataclasses import replace

import av
import numpy as np
import pytest
from reels import film_from, run_ffmpeg

from archivecolor.film.encode import choose_target
from archivecolor.film.fields import is_progressive, order_of
from archivecolor.film.probe import probe
from archivecolor.film.segments import Making, WorkFolder, make_segments, plan_segments
from archivecolor.film.survey import survey
from archivecolor.settings import VideoSettings

MOVING = "testsrc2=s=320x480:r={rate}:d={seconds},format=gray,format=yuv420p"


@pytest.fixture(scope="module")
def interlaced(tmp_path_factory):
    path = tmp_path_factory.mktemp("fields") / "interlaced.mkv"
    graph = MOVING.format(rate=50, seconds=1) + ",interlace=scan=bff"
    run_ffmpeg("-f", "lavfi", "-i", graph, "-c:v", "libx264", "-flags", "+ildct+ilme", path)
    return path


@pytest.fixture(scope="module")
def telecined(tmp_path_factory):
    path = tmp_path_factory.mktemp("fields") / "telecined.mkv"
    graph = MOVING.format(rate="24000/1001", seconds=3) + ",telecine"
    run_ffmpeg("-f", "lavfi", "-i", graph, "-c:v", "ffv1", path)
    return path


def looked_at(path, fields="keep"):
    facts = replace(probe(path), fields=fields)
    return facts, survey(facts, lambda count: None)


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


def test_telecined_film_is_seen_and_its_pulldown_comes_out(telecined):
    facts, found = looked_at(telecined)
    assert not is_progressive(facts, found.fields)
    _, undone = looked_at(telecined, "ivtc")
    assert len(undone) == pytest.approx(0.8 * len(found), abs=2)
    steps = np.diff(undone.pts)
    assert steps.min() >= 40
    assert is_progressive(facts, undone.fields)


def test_deinterlaced_film_has_every_frame_at_its_time(interlaced):
    _, kept = looked_at(interlaced)
    facts, undone = looked_at(interlaced, "bwdif")
    assert np.array_equal(kept.pts, undone.pts)
    assert is_progressive(facts, undone.fields) or undone.fields.progressive > undone.fields.bottom_first


def test_kept_fields_are_flagged_in_the_copy(interlaced, tmp_path, network):
    film = film_from(interlaced)
    facts = replace(film.facts, field_order=order_of(film.facts, film.survey.fields))
    target = choose_target(facts, VideoSettings(input=(interlaced,)), 1, True)
    film = replace(film, target=target)
    segments, work = plan_segments(film, 1000), WorkFolder(tmp_path)
    make_segments(Making(film, network, work, lambda frame: None, lambda: True), segments)
    with av.open(str(work.segment(segments[0]))) as made:
        assert made.streams.video[0].codec_context.field_order in (3, 4)
        assert all(frame.interlaced_frame for frame in made.decode(video=0))
