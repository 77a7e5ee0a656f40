"""How our colour is told from true colour, learned anew from photographs."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

import archivecolor
from archivecolor.colour.luma import luma_codes
from archivecolor.datasets.collection import list_members
from archivecolor.evaluation.fit_recognition import (
    OTHERS,
    OURS,
    TRUE,
    Example,
    bar_of,
    cut_at,
    examples,
    fit,
    halved,
    out_of_fold,
    report,
    saved,
    with_contrast,
)


def test_a_photograph_is_looked_at_in_each_colour_after_each_change(tmp_path):
    Image.fromarray(data.astronaut()).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    predictor = archivecolor.load_predictor(device="cpu")
    looks = list(examples(predictor, predictor, list_members([tmp_path]).members))
    changes = ("half", "contrast", "cut", "whole")
    assert [(one.change, one.colour) for one in looks] == [
        (c, k) for c in changes for k in (OURS, TRUE, OTHERS)
    ]
    for ours, true, others in zip(looks[::3], looks[1::3], looks[2::3], strict=True):
        assert not np.allclose(ours.figures, true.figures)
        assert np.allclose(ours.figures, others.figures), "the same weights give the same colour"


def test_changes_are_what_they_are_called():
    rgb = data.astronaut()
    assert saved(rgb).shape == rgb.shape
    assert halved(rgb).shape == (256, 256, 3)
    assert cut_at(rgb, np.array([1.0, 0.0])).shape == (418, 418, 3)
    corner = rgb[512 - 418 :, :418].astype(int)
    assert np.abs(cut_at(rgb, np.array([1.0, 0.0])).astype(int) - corner).mean() < 5
    assert luma_codes(with_contrast(rgb)).std() > 1.1 * luma_codes(rgb).std()


def made(random, count=240):
    """Looks of which the second figure alone tells ours from the rest."""
    for number in range(count):
        for colour in (OURS, TRUE, OTHERS):
            told = random.normal(5.0 if colour == OURS else 0.0)
            yield Example(number, colour, "half", np.array([random.normal(0, 100), told]))


def test_a_line_is_learned_and_its_bar_keeps_true_colour_out():
    looks = list(made(np.random.default_rng(3)))
    line = fit(looks)
    assert line.weights[1] > 0.5
    assert abs(line.weights[0]) < 0.01
    odds = out_of_fold(looks)
    true = np.array([one.colour == TRUE for one in looks])
    bar = bar_of(odds[true])
    assert (odds[true] >= bar).mean() <= 0.01
    told = list(report(looks, odds - bar))
    assert [line.split(":")[0] for line in told] == ["# half, others", "# half, ours", "# half, true"]
    assert int(told[1].split()[3]) > 0.95 * 240


def test_no_look_is_judged_by_a_line_that_saw_its_photograph():
    random = np.random.default_rng(5)
    looks = list(made(random, 24))
    odds = out_of_fold(looks)
    changed = [
        one if one.photograph % 8 else Example(one.photograph, one.colour, "half", one.figures * 50)
        for one in looks
    ]
    again = out_of_fold(changed)
    same = np.array([one.photograph % 8 == 0 for one in looks])
    by_hand = fit([one for one in looks if one.photograph % 8])
    assert again[same] == pytest.approx(
        [one.figures @ by_hand.weights + by_hand.offset for one in changed if one.photograph % 8 == 0]
    )
    assert not np.allclose(odds[~same], again[~same])
