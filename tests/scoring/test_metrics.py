import numpy as np
import pytest
from skimage import color, data, metrics

from archivecolor.scoring.metrics import (
    cdc,
    channel_histograms,
    ciede2000,
    ciede2000_mean,
    colourfulness,
    psnr,
    ssim,
)

# Sharma, Wu and Dalal (2005), table 1: the pairs that wrong programs get wrong.
SHARMA = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
    ((50.0, -0.001, 2.49), (50.0, 0.0011, -2.49), 4.7461),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
    ((90.8027, -2.0831, 1.441), (91.1528, -1.6435, 0.0447), 1.4441),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("lab", "other", "expected"), SHARMA)
def test_ciede2000_is_that_of_its_paper(lab, other, expected):
    first, second = np.array([lab], np.float32), np.array([other], np.float32)
    assert ciede2000(first, second)[0] == pytest.approx(expected, abs=2e-4)
    assert ciede2000(second, first)[0] == pytest.approx(expected, abs=2e-4)


def test_ciede2000_is_that_of_scikit_image():
    rng = np.random.default_rng(0)
    lab = rng.uniform([0, -100, -100], [100, 100, 100], (50_000, 3))
    other = lab + rng.normal(size=lab.shape) * rng.choice([0, 0.1, 5, 40], (50_000, 1))
    lab[:500, 1:] = 0
    other[250:750, 1:] = 0
    ours = ciede2000(lab, other)
    assert np.abs(ours - color.deltaE_ciede2000(lab, other)).max() < 1e-3
    assert ciede2000_mean(lab, other) == pytest.approx(ours.mean(), rel=1e-5)


def test_ciede2000_refuses_two_rasters():
    with pytest.raises(ValueError, match="differ"):
        ciede2000(np.zeros((2, 3)), np.zeros((3, 3)))


def test_psnr_and_ssim_are_those_of_scikit_image():
    truth = data.astronaut()[:200, :220]
    rgb = np.clip(truth + np.random.default_rng(0).normal(0, 9, truth.shape), 0, 255).astype(np.uint8)
    assert psnr(rgb, truth) == pytest.approx(metrics.peak_signal_noise_ratio(truth, rgb), abs=1e-4)
    assert psnr(truth, truth) == float("inf")
    assert ssim(truth, truth) == pytest.approx(1)
    assert 0.3 < ssim(rgb, truth) < 0.95


def test_psnr_by_hand():
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert psnr(black, white) == 0
    # An error of 51 everywhere: 20 log10(255 / 51)
    assert psnr(np.full((4, 4, 3), 51, np.uint8), black) == pytest.approx(13.9794, abs=1e-4)


def test_colourfulness_by_hand():
    assert colourfulness(np.full((5, 5, 3), 77, np.uint8)) == 0
    # One colour has no spread: 0.3 * hypot(R - G, (R + G) / 2 - B) = 0.3 * hypot(60, 80)
    even = np.full((5, 5, 3), (110, 50, 0), np.uint8)
    assert colourfulness(even) == pytest.approx(30)
    # Half red, half green (100 each): rg = +-100, yb = 50: 100 + 0.3 * 50
    halves = np.array([[[100, 0, 0]], [[0, 100, 0]]], np.uint8)
    assert colourfulness(halves) == pytest.approx(115)


def test_cdc_by_hand():
    even, other = np.array([[1, 0]]), np.array([[0, 1]])
    assert cdc(np.stack([even] * 6)) == 0
    # Flips every frame: a full step at distance 1, none at 2 and 4.
    assert cdc(np.stack([even, other] * 3)) == pytest.approx(np.log(2) / 3)
    # Three frames hold no pair four apart.
    assert cdc(np.stack([even, other, even])) == pytest.approx(np.log(2) / 2)
    with pytest.raises(ValueError, match="two frames"):
        cdc(even[None])


def test_histograms_count_every_pixel():
    rgb = data.astronaut()
    counts = channel_histograms(rgb)
    assert counts.shape == (3, 256)
    assert (counts.sum(axis=1) == rgb.shape[0] * rgb.shape[1]).all()
    assert counts[1, 200] == (rgb[..., 1] == 200).sum()
