import cv2
import numpy as np
import pytest
from footage import film, panned
from oracle import Oracle
from skimage import color

from archivecolor.errors import ItemError
from archivecolor.evaluation.entrants import NetworkEntrant
from archivecolor.evaluation.films import (
    FilmAccumulator,
    FilmEvaluationConfig,
    FrameTransition,
    ReferenceFrame,
    evaluate_film,
    reference_frames,
)
from archivecolor.film.motion import MotionEstimator


def tally(frames, answers):
    found, finder = FilmAccumulator("film", "row"), MotionEstimator()
    for number, (frame, rgb) in enumerate(zip(frames, answers, strict=True)):
        truth, before = ReferenceFrame(frame), ReferenceFrame(frames[number - 1])
        found.add(truth, rgb, FrameTransition.between(finder, before.luma, truth.luma) if number else None)
    return found.score()


def test_a_still_film_with_its_own_colour_is_perfectly_steady(street):
    score = tally([street] * 5, [street] * 5)
    assert score.flicker == 0
    assert score.jitter == 0
    assert score.cdc == pytest.approx(0)
    assert score.ciede2000 < 0.2


def test_colour_that_alternates_is_measured_in_lab_units():
    grey = np.full((64, 64, 3), 119, np.uint8)
    pink = np.full((64, 64, 3), (134, 112, 119), np.uint8)
    score = tally([grey] * 6, [grey, pink] * 3)
    expected = np.hypot(*(color.rgb2lab(pink) - color.rgb2lab(grey))[0, 0, 1:])
    assert score.jitter == pytest.approx(expected, rel=0.01)
    assert score.flicker == pytest.approx(expected, rel=0.01)
    assert score.cdc == pytest.approx(np.log(2) / 3, rel=0.01)


def test_colour_that_creeps_is_drift_and_hardly_flicker(street):
    """A fifth of a unit of a* in every frame."""
    frames = [street] * 60
    lab = [color.rgb2lab(frame) for frame in frames]
    creeping = [
        (np.clip(color.lab2rgb(one + np.array([0, 0.2 * number, 0])), 0, 1) * 255 + 0.5).astype(np.uint8)
        for number, one in enumerate(lab)
    ]
    still, moved = tally(frames, frames), tally(frames, creeping)
    assert (still.drift, still.shot_drift) == (0, 0)
    # In part of the picture the gamut ends before.
    assert 0.6 * 0.2 * 48 < moved.drift < 1.05 * 0.2 * 48
    assert 0.6 * 0.2 * 59 < moved.shot_drift < 1.05 * 0.2 * 59
    assert moved.flicker < 1
    assert tally(frames[:20], creeping[:20]).shot_drift is None


def test_a_camera_that_moves_costs_nothing(street):
    frames = panned(street, 2, 8)
    along = tally(frames, frames)
    fixed = [cv2.applyColorMap(np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1)), cv2.COLORMAP_JET)] * 8
    assert along.flicker < 1
    assert tally(frames, fixed).flicker > 3 * along.flicker


def test_frames_come_back_in_their_colours(street, tmp_path):
    frames = panned(street, 2, 5)
    read = list(reference_frames(film(tmp_path / "pan.mkv", frames), 64))
    assert len(read) == 5
    assert np.abs(read[3].rgb.astype(int) - frames[3]).max() <= 1


def test_a_film_is_judged_row_by_row(street, tmp_path):
    frames = panned(street, 1, 12)
    path = film(tmp_path / "pan.mkv", frames)
    networks = [
        NetworkEntrant("right", Oracle(frames, step=2)),
        NetworkEntrant("timid", Oracle(frames, gain=0.4, step=2)),
    ]
    scores = {
        score.name: score for score in evaluate_film(path, networks, FilmEvaluationConfig(64, smoothing=0.7))
    }
    assert list(scores) == [
        "the true film",
        "right, frame by frame",
        "right, steady",
        "timid, frame by frame",
        "timid, steady",
    ]
    assert {score.frames for score in scores.values()} == {12}
    assert scores["the true film"].ciede2000 < 0.2
    assert scores["right, frame by frame"].ciede2000 < scores["timid, frame by frame"].ciede2000
    assert scores["timid, frame by frame"].colourfulness < 0.6 * scores["the true film"].colourfulness
    few = evaluate_film(path, [], FilmEvaluationConfig(64, smoothing=0.7, frames=3))
    assert few[0].frames == 3


def test_no_film_is_no_film(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a film at all" * 100)
    with pytest.raises(ItemError):
        evaluate_film(broken, [], FilmEvaluationConfig(64, smoothing=0.7))
