import numpy as np
import pytest

from archivecolor.scoring.matched_colourfulness import PixelSample, find_gain, scores_at_shares
from archivecolor.scoring.photo_score import ReferencePhoto


def samples(photographs, gain):
    truths = [ReferencePhoto.of(name, rgb, 96) for name, rgb in photographs.items()]
    return [PixelSample.of(truth, truth.lab[..., 1:] * np.float32(gain)) for truth in truths]


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0, 2.5])
def test_the_gain_is_found_where_colour_grows_with_it(share):
    assert find_gain(share, lambda gain: 0.5 * gain) == pytest.approx(2 * share, abs=1e-3)
    assert find_gain(share, lambda gain: 3 * gain / (1 + gain / 4)) == pytest.approx(
        share / (3 - share / 4), abs=1e-3
    )


def test_no_gain_brings_colour_to_grey(photographs):
    for at in scores_at_shares(samples(photographs, 0)):
        assert at.gain is None
        assert at.mean is None


def test_half_the_truth_is_the_truth_at_twice_the_gain(photographs):
    at = {at.share: at for at in scores_at_shares(samples(photographs, 0.5))}
    assert at[1.0].gain == pytest.approx(2, rel=0.03)
    assert at[1.0].mean < 0.5
    assert at[0.6].gain < at[0.8].gain < at[1.0].gain
    assert at[0.6].mean > at[0.8].mean > at[1.0].mean
    assert len(at[0.8].ciede2000) == len(photographs)


def test_a_wrong_colour_is_worse_the_more_there_is_of_it(photographs):
    at = {at.share: at for at in scores_at_shares(samples(photographs, -0.5))}
    assert at[0.6].mean < at[0.8].mean < at[1.0].mean


def test_timid_and_vivid_are_told_apart_by_hue_alone(photographs):
    timid, vivid = (scores_at_shares(samples(photographs, gain))[1] for gain in (0.4, 1.3))
    assert timid.mean == pytest.approx(vivid.mean, abs=0.3)
