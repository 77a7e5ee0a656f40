"""Chroma beside a prediction: a gain is none of its concern, and nothing is certain of little."""

from dataclasses import replace

import numpy as np
import pytest

from archivecolor.colour.recognition import (
    SURE,
    Look,
    figures_of,
    is_grey,
    likeness,
    room_for_chroma,
    score_of,
    strangeness,
)


def scene(seed, strength=0.08):
    """Chroma (64, 80, 2) of several scales, as a picture has it."""
    from archivecolor.opencv import cv2

    rng = np.random.default_rng(seed)
    layers = (cv2.resize(rng.normal(0, 1, (side, side, 2)), (80, 64)) for side in (3, 8, 20, 60))
    whole = sum(layers)
    return np.asarray(whole * strength / np.abs(whole).max(), np.float32)


# As the network usually has it.
CONFIDENCE = 0.58


def look(own, predicted, certainty=CONFIDENCE):
    return Look(own, predicted, np.full((64, 80), certainty, np.float32), np.ones((64, 80), np.float32))


def figures(own, predicted, second=None, confidence=CONFIDENCE):
    """Of two looks, the second at three quarters of the size."""
    from archivecolor.opencv import cv2

    other = cv2.resize(predicted if second is None else second, (60, 48), interpolation=cv2.INTER_AREA)
    small = cv2.resize(own, (60, 48), interpolation=cv2.INTER_AREA)
    seen = Look(small, other, np.full((48, 60), CONFIDENCE, np.float32), np.ones((48, 60), np.float32))
    return figures_of(look(own, predicted), seen, confidence)


def score(*compared, **told):
    return score_of(figures(*compared, **told))


@pytest.mark.parametrize("gain", [0.3, 1.0, 2.0])
def test_the_same_colour_of_any_strength_is_sure(gain):
    own = scene(1)
    assert score(own * np.float32(gain), own) > SURE
    assert likeness(look(own * np.float32(gain), own)) == pytest.approx(1, abs=1e-4)
    assert strangeness(look(own * np.float32(gain), own)).max() < 1e-3


def test_other_colour_is_not():
    assert score(scene(1), scene(2)) < 0.1
    assert score(scene(1) + scene(2), scene(1)) < SURE


def test_either_answer_may_be_the_nearer():
    own = scene(1)
    assert score(own, scene(2), second=own) > score(own, scene(2), second=scene(3))
    explained, across = (figures(own, scene(2), second=own)[index] for index in (1, 4))
    assert min(np.tanh(explained), np.tanh(across)) > 0.9


def test_likeness_where_the_network_is_sure_says_less():
    own = scene(1) + scene(2) * np.float32(0.5)
    scores = [score(own, scene(1), confidence=confidence) for confidence in (0.45, 0.58, 0.7)]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("end", ["luma", "channel"])
def test_where_the_gamut_leaves_no_room_nothing_is_compared(end):
    own, luma, clipped = scene(1), np.full((64, 80), 0.5, np.float32), np.zeros((64, 80), np.float32)
    changed = own.copy()
    changed[:20] = 0
    if end == "luma":
        luma[:20] = 1
    else:
        clipped[:20] = 1
    seen = look(changed, own)
    assert likeness(seen) < 0.97
    roomy = replace(seen, room=room_for_chroma(luma, clipped))
    assert likeness(roomy) > 0.999
    assert strangeness(roomy)[:20].max() < 0.01


def test_a_picture_without_room_has_a_score():
    seen = replace(look(scene(1), scene(2)), room=np.zeros((64, 80), np.float32))
    assert np.isfinite(figures_of(seen, seen, CONFIDENCE)).all()


def test_nearness_says_more_where_the_network_is_unsure():
    own, other = scene(1), scene(1) + scene(2) * np.float32(0.3)
    unsure, sure = (
        score_of(figures_of(look(other, own, certainty), look(other, own, certainty), CONFIDENCE))
        for certainty in (0.3, 0.9)
    )
    assert unsure > sure


def test_faint_chroma_is_grey():
    assert is_grey(np.full((8, 8, 2), 0.001, np.float32))
    assert not is_grey(scene(1))
