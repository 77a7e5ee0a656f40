"""Agreement of chroma with a prediction: a gain is none of its concern, and nothing is certain of little."""

import numpy as np
import pytest

from archivecolor.colour.recognition import SURE, agreement, is_grey, score_of, strangeness


def scene(seed, strength=0.08):
    """Chroma (64, 80, 2) of several scales, as a picture has it."""
    from archivecolor.opencv import cv2

    rng = np.random.default_rng(seed)
    layers = (cv2.resize(rng.normal(0, 1, (side, side, 2)), (80, 64)) for side in (3, 8, 20, 60))
    whole = sum(layers)
    return np.asarray(whole * strength / np.abs(whole).max(), np.float32)


LUMA = np.full((64, 80), 0.5, np.float32)
# As the network usually has it.
CONFIDENCE = 0.58


@pytest.mark.parametrize("gain", [0.3, 1.0, 2.0])
def test_the_same_colour_of_any_strength_is_sure(gain):
    own = scene(1)
    seen = agreement(own * np.float32(gain), own, LUMA)
    assert seen.explained == pytest.approx(1, abs=1e-4)
    assert score_of([seen, seen], CONFIDENCE) > SURE
    assert strangeness(own * np.float32(gain), own, LUMA).max() < 1e-3


def test_other_colour_is_not():
    seen = agreement(scene(1), scene(2), LUMA)
    assert score_of([seen, seen], CONFIDENCE) < 0.1
    mixed = agreement(scene(1) + scene(2), scene(1), LUMA)
    assert score_of([mixed, mixed], CONFIDENCE) < SURE


def test_likeness_where_the_network_is_sure_says_less():
    seen = agreement(scene(1) + scene(2), scene(1), LUMA)
    scores = [score_of([seen, seen], confidence) for confidence in (0.45, 0.58, 0.7)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 2 * scores[2]


def test_where_the_gamut_leaves_no_room_nothing_is_compared():
    own, luma = scene(1), LUMA.copy()
    changed = own.copy()
    changed[:20], luma[:20] = 0, 1
    assert agreement(changed, own, luma).explained > 0.999
    assert strangeness(changed, own, luma)[:20].max() == 0


def test_faint_chroma_is_grey():
    assert is_grey(np.full((8, 8, 2), 0.001, np.float32))
    assert not is_grey(scene(1))
