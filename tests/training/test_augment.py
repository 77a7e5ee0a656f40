"""Faults strike the network's input alone, harder with their strength, and alike with the same numbers."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from skimage.data import astronaut

from archivecolor.networks.lab_tensors import lightness_from_linear
from archivecolor.training.augment import (
    DEGRADATIONS,
    PANCHROMATIC,
    AugmentationRng,
    film_response,
    make_batch,
    scratches,
)
from archivecolor.training.tensors import photographs_to_linear

CROP = astronaut()[60:380:5, 60:380:5]
CROPS = torch.from_numpy(np.repeat(CROP[None], 8, 0).copy())


def batch(strength, seed=0):
    return make_batch(CROPS, torch.Generator().manual_seed(seed), strength)


def test_the_truth_is_never_touched():
    degraded, clean = batch(2.0), batch(0.0)
    torch.testing.assert_close(degraded.ab, clean.ab)
    torch.testing.assert_close(degraded.clean, clean.clean)
    torch.testing.assert_close(clean.lightness, clean.clean)
    lab = rgb2lab(CROP)
    np.testing.assert_allclose(clean.ab[0].permute(1, 2, 0).numpy(), lab[..., 1:], atol=0.02)
    np.testing.assert_allclose((clean.clean[0, 0].numpy() + 1) * 50, lab[..., 0], atol=0.02)
    assert not torch.equal(degraded.lightness, degraded.clean)


def test_the_same_numbers_give_the_same_faults():
    assert torch.equal(batch(1.0, seed=5).lightness, batch(1.0, seed=5).lightness)
    assert not torch.equal(batch(1.0, seed=5).lightness, batch(1.0, seed=6).lightness)


def test_input_stays_in_range_and_differs_from_picture_to_picture():
    for strength in (0.3, 1.0, 2.0):
        lightness = batch(strength).lightness
        assert -1 <= float(lightness.min()) <= float(lightness.max()) <= 1
        assert len({one.numpy().tobytes() for one in lightness}) > 4


TONE = (
    lightness_from_linear(photographs_to_linear(CROPS).mul(torch.tensor(PANCHROMATIC)[:, None, None]).sum(1))
    + 1
) / 2
TONE = TONE[:, None]


@pytest.mark.parametrize(
    "degradation",
    [degradation for _, degradation in DEGRADATIONS],
    ids=lambda degradation: degradation.__name__,
)
def test_a_fault_grows_with_its_strength(degradation):
    def change(strength):
        after = degradation(TONE, AugmentationRng(8, torch.Generator().manual_seed(2), strength))
        assert after.shape == TONE.shape
        return float((after - TONE).abs().mean())

    assert 0 < change(0.5) < change(1.0) < change(2.0)


def test_orthochromatic_film_sees_red_dark():
    red = torch.tensor([0.6, 0.05, 0.05]).view(1, 3, 1, 1).expand(64, 3, 8, 8)
    response = film_response(red, AugmentationRng(64, torch.Generator().manual_seed(0), 1.0)).mean(
        dim=(1, 2, 3)
    )
    panchromatic = float((torch.tensor(PANCHROMATIC) * red[0, :, 0, 0]).sum())
    degraded = response[(response - panchromatic).abs() > 1e-6]
    assert 10 < len(degraded) < 35
    assert float(degraded.mean()) < 0.85 * panchromatic


def test_scratches_are_long_upright_lines():
    grey = torch.full((64, 1, 64, 64), 0.5)
    degraded = (
        scratches(grey, AugmentationRng(64, torch.Generator().manual_seed(1), 1.0)) - grey
    ).abs() > 0.05
    runs_down = (degraded[:, :, 1:] & degraded[:, :, :-1]).sum()
    runs_across = (degraded[..., 1:] & degraded[..., :-1]).sum()
    assert int(runs_down) > 1.5 * int(runs_across)
