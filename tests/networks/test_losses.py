"""Losses against values by hand, and against the libraries' own."""

import math

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000
from skimage.data import coffee
from skimage.metrics import structural_similarity

from archivecolor.networks import losses
from archivecolor.networks.classic.ms_ssim import ms_ssim_loss, ssim_terms
from archivecolor.scoring import metrics


def test_chroma_distance_is_near_ciede2000_of_equal_lightness():
    rng = np.random.default_rng(0)
    truth = rng.uniform(-40, 40, (500, 2))
    ours = truth + rng.normal(0, 6, (500, 2))
    lab = np.full((2, 500, 3), 50.0)
    lab[0, :, 1:], lab[1, :, 1:] = ours, truth
    exact = deltaE_ciede2000(lab[0], lab[1])
    near = losses.chroma_distance(as_maps(ours), as_maps(truth)).flatten().numpy()
    # What is left out is the hue weight, 0.6 to 1.5 on the hue's share, and the rotation in the blues.
    assert np.corrcoef(exact, near)[0, 1] > 0.95
    assert near.mean() == pytest.approx(exact.mean(), rel=0.08)


def test_chroma_distance_is_ciede2000_where_hues_agree():
    ours, truth = np.array([[20.0, 20.0]]), np.array([[32.0, 32.0]])
    lab = np.array([[[50.0, *ours[0]]], [[50.0, *truth[0]]]])
    near = float(losses.chroma_distance(as_maps(ours), as_maps(truth)))
    assert near == pytest.approx(float(deltaE_ciede2000(lab[0], lab[1])[0]), rel=0.03)


def test_chroma_distance_has_a_gradient_everywhere():
    ab = torch.zeros(1, 2, 1, 3, requires_grad=True)
    losses.chroma_distance(ab, torch.tensor([[[[0.0, 10.0, 0.0]], [[0.0, 0.0, -90.0]]]])).sum().backward()
    assert torch.isfinite(ab.grad).all()


def test_chroma_beyond_the_truths_is_brought_back_to_it_and_less_is_left():
    ours = np.array([[30.0, 40.0], [3.0, 4.0], [0.0, 0.0], [-12.0, 0.0]])
    truth = np.array([[0.0, 25.0], [0.0, 25.0], [10.0, 0.0], [0.0, 0.0]])
    kept = losses.limit_chroma(as_maps(ours), as_maps(truth))[0, :, 0].T.numpy()
    np.testing.assert_allclose(kept[:3], [[15.0, 20.0], [3.0, 4.0], [0.0, 0.0]], atol=1e-3)
    assert np.abs(kept[3]).max() < 0.02


def test_chroma_brought_back_has_a_gradient_everywhere():
    ab = torch.tensor([[[[0.0, 10.0]], [[0.0, 0.0]]]], requires_grad=True)
    losses.limit_chroma(ab, torch.zeros(1, 2, 1, 2)).sum().backward()
    assert torch.isfinite(ab.grad).all()


def as_maps(colours):
    return torch.from_numpy(colours.T.reshape(1, 2, 1, -1).astype(np.float32))


def test_colourfulness_is_that_of_the_metrics():
    picture = coffee()[::4, ::4]
    tensor = torch.from_numpy(picture.transpose(2, 0, 1)[None].copy()).float() / 255.0
    assert float(losses.colourfulness(tensor)) == pytest.approx(metrics.colourfulness(picture), rel=1e-3)


def test_soft_bins_weigh_the_nearest_most():
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [50.0, 50.0], [-60.0, 0.0]])
    index, weight = losses.soft_bins(torch.tensor([[[[1.0]], [[0.0]]]]), centres, neighbours=2)
    assert index.flatten().tolist() == [0, 1]
    odds = math.exp(-1 / 50.0) / math.exp(-81 / 50.0)
    assert weight.flatten().tolist() == pytest.approx([odds / (1 + odds), 1 / (1 + odds)], rel=1e-5)


def test_bin_cross_entropy_by_hand():
    centres = torch.tensor([[0.0, 0.0], [1000.0, 0.0], [0.0, 1000.0], [-1000.0, 0.0]])
    logits = torch.tensor([1.0, 2.0, 0.0, 0.0]).view(1, 4, 1, 1)
    rebalancing_weights = torch.tensor([3.0, 1.0, 1.0, 1.0])
    loss = losses.bin_cross_entropy(logits, torch.zeros(1, 2, 1, 1), centres, rebalancing_weights)
    assert float(loss) == pytest.approx(3.0 * (math.log(math.e + math.e**2 + 2) - 1.0), rel=1e-5)


def test_duel_losses_by_hand():
    scores = torch.tensor([[2.0], [-1.0]])
    softplus = [math.log1p(math.exp(-2.0)), math.log1p(math.exp(1.0))]
    assert float(losses.binary_cross_entropy(scores, real=True)) == pytest.approx(sum(softplus) / 2)
    assert float(losses.least_squares(scores, real=True)) == pytest.approx((1 + 4) / 2)
    assert float(losses.least_squares(scores, real=False)) == pytest.approx((4 + 1) / 2)
    assert float(losses.hinge(scores, real=True)) == pytest.approx((0 + 2) / 2)
    assert float(losses.hinge(scores, real=False)) == pytest.approx((3 + 0) / 2)


def test_similarity_is_scikit_images():
    truth = coffee()[:64, :64, 0] / 255.0
    ours = np.clip(truth + np.random.default_rng(1).normal(0, 0.05, truth.shape), 0, 1)
    _, full = structural_similarity(
        ours, truth, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, full=True
    )
    luminance, contrast = ssim_terms(*(torch.from_numpy(one)[None, None].float() for one in (ours, truth)))
    np.testing.assert_allclose((luminance * contrast)[0, 0].numpy(), full[5:-5, 5:-5], atol=1e-4)


def test_multi_scale_similarity_is_best_for_the_same_picture():
    truth = torch.from_numpy(coffee()[:192, :192].transpose(2, 0, 1)[None] / 255.0).float()
    noisy = (truth + 0.1 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    assert float(ms_ssim_loss(truth, truth)) == pytest.approx(0.0, abs=1e-5)
    assert 0.05 < float(ms_ssim_loss(noisy, truth)) < float(ms_ssim_loss(1 - truth, truth)) <= 1


def test_multi_scale_similarity_takes_small_pictures_and_gives_gradients():
    ours = torch.full((1, 2, 32, 32), 0.5, requires_grad=True)
    ms_ssim_loss(ours, torch.rand(1, 2, 32, 32)).backward()
    assert torch.isfinite(ours.grad).all()
