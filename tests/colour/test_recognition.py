"""Agreement of chroma with a prediction: a gain is none of its concern, and nothing is certain of little."""

import numpy as np
import pytest

from archivecolor.colour.recognition import SURE, agreement, is_grey, room_for_chroma, score_of, strangeness


def scene(seed, strength=0.08):
    """Chroma (64, 80, 2) of several scales, as a picture has it."""
    from archivecolor.opencv import cv2

    rng = np.random.default_rng(seed)
    layers = (cv2.resize(rng.normal(0, 1, (side, side, 2)), (80, 64)) for side in (3, 8, 20, 60))
    whole = sum(layers)
    return np.asarray(whole * strength / np.abs(whole).max(), np.float32)


ROOM = np.ones((64, 80), np.float32)
# As the network usually has it.
CONFIDENCE = 0.58
CERTAINTY = np.full((64, 80), CONFIDENCE, np.float32)


@pytest.mark.parametrize("gain", [0.3, 1.0, 2.0])
def test_the_same_colour_of_any_strength_is_sure(gain):
    own = scene(1)
    seen = agreement(own * np.float32(gain), own, CERTAINTY, ROOM)
    assert seen.explained == pytest.approx(1, abs=1e-4)
    assert score_of([seen, seen], CONFIDENCE) > SURE
    assert strangeness(own * np.float32(gain), own, ROOM).max() < 1e-3


def test_other_colour_is_not():
    seen = agreement(scene(1), scene(2), CERTAINTY, ROOM)
    assert score_of([seen, seen], CONFIDENCE) < 0.1
    mixed = agreement(scene(1) + scene(2), scene(1), CERTAINTY, ROOM)
    assert score_of([mixed, mixed], CONFIDENCE) < SURE


def test_likeness_where_the_network_is_sure_says_less():
    seen = agreement(scene(1) + scene(2), scene(1), CERTAINTY, ROOM)
    scores = [score_of([seen, seen], confidence) for confidence in (0.45, 0.58, 0.7)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 2 * scores[2]


@pytest.mark.parametrize("end", ["luma", "channel"])
def test_where_the_gamut_leaves_no_room_nothing_is_compared(end):
    own, luma, clipped = scene(1), np.full((64, 80), 0.5, np.float32), np.zeros((64, 80), np.float32)
    changed = own.copy()
    changed[:20] = 0
    if end == "luma":
        luma[:20] = 1
    else:
        clipped[:20] = 1
    room = room_for_chroma(luma, clipped)
    assert agreement(changed, own, CERTAINTY, ROOM).explained < 0.9
    assert agreement(changed, own, CERTAINTY, room).explained > 0.999
    assert strangeness(changed, own, room)[:20].max() < 0.01


def test_nearness_says_more_where_the_network_is_unsure():
    own, other = scene(1), scene(1) + scene(2) * np.float32(0.3)
    unsure, sure = (
        agreement(other, own, np.full((64, 80), certainty, np.float32), ROOM) for certainty in (0.3, 0.9)
    )
    assert all(little < much for little, much in zip(unsure.surprise, sure.surprise, strict=True))
    assert score_of([unsure, unsure], CONFIDENCE) > score_of([sure, sure], CONFIDENCE)
    everywhere = agreement(own, own, CERTAINTY, ROOM * np.float32(0.1))
    assert everywhere.surprise == agreement(own, own, CERTAINTY, ROOM).surprise, (
        "no place has room: all count"
    )


def test_faint_chroma_is_grey():
    assert is_grey(np.full((8, 8, 2), 0.001, np.float32))
    assert not is_grey(scene(1))
