"""How far a coloured picture or film is from the true one, and how colourful it is.

scikit-image computes what it has; CIEDE2000 is our own, because scikit-image's takes a second per
megapixel. Tests hold both to the same figures.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32, Numbers, UInt8

# Pixels worked on at once: the temporary arrays then stay in the processor's cache.
BLOCK_PIXELS = 1 << 14
_POW25_7 = np.float32(25.0**7)
_CDC_DISTANCES = (1, 2, 4)


def ciede2000(lab: Numbers, other: Numbers) -> Float32:
    """CIEDE2000 colour difference, kL = kC = kH = 1.

    Formula: Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes,
    supplementary test data, and mathematical observations", Color Research & Application 30 (2005).

    Args:
        lab: L*, a*, b* (..., 3).
        other: the same shape.

    Returns:
        float32 (...), within 0.001 of the formula in float64.

    Raises:
        ValueError: where the shapes differ.
    """
    if lab.shape != other.shape:
        raise ValueError(f"shapes {lab.shape} and {other.shape} differ")
    first = np.asarray(lab, np.float32).reshape(-1, 3)
    second = np.asarray(other, np.float32).reshape(-1, 3)
    difference = np.empty(len(first), np.float32)
    for start in range(0, len(first), BLOCK_PIXELS):
        block = slice(start, start + BLOCK_PIXELS)
        difference[block] = _ciede2000_block(first[block].T, second[block].T)
    return difference.reshape(lab.shape[:-1])


def ciede2000_mean(lab: Numbers, other: Numbers) -> float:
    """Mean CIEDE2000 over all pixels of two L*, a*, b* pictures (..., 3)."""
    return float(ciede2000(lab, other).mean(dtype=np.float64))


def _ciede2000_block(lab: Float32, other: Float32) -> Float32:
    """CIEDE2000 of planes (3, n)."""
    lightness, a_1, b_1 = lab
    other_lightness, a_2, b_2 = other
    power = ((np.hypot(a_1, b_1) + np.hypot(a_2, b_2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(power / (power + _POW25_7))
    a_1, a_2 = a_1 * stretch, a_2 * stretch
    chroma_1, chroma_2 = np.hypot(a_1, b_1), np.hypot(a_2, b_2)
    chroma = (chroma_1 + chroma_2) / 2
    hue, hue_step = _hues(np.arctan2(b_1, a_1), np.arctan2(b_2, a_2), chroma_1 * chroma_2)

    from_middle = ((lightness + other_lightness) / 2 - 50) ** 2
    lightness_term = (lightness - other_lightness) / (1 + 0.015 * from_middle / np.sqrt(20 + from_middle))
    chroma_term = (chroma_1 - chroma_2) / (1 + 0.045 * chroma)
    hue_term = 2 * np.sqrt(chroma_1 * chroma_2) * np.sin(hue_step / 2)
    hue_term /= 1 + 0.015 * chroma * _hue_weight(hue)
    rotation = _rotation(chroma, hue)
    total = lightness_term**2 + chroma_term**2 + hue_term**2 + rotation * chroma_term * hue_term
    return np.asarray(np.sqrt(np.maximum(total, 0)), np.float32)


def _hues(hue_1: Float32, hue_2: Float32, chroma_product: Float32) -> tuple[Float32, Float32]:
    """Mean hue and hue step (from second to first) the short way round, radians; 0 step for a grey."""
    turn = np.float32(2 * np.pi)
    step = hue_1 - hue_2
    step -= turn * np.rint(step / turn)
    grey = chroma_product == 0
    step[grey] = 0
    # Where one of the two is grey its hue is 0 by definition, and the mean is the sum.
    mean = np.where(grey, hue_1 + hue_2, hue_2 + step / 2)
    return np.asarray(mean, np.float32), step


def _hue_weight(hue: Float32) -> Float32:
    """T of the formula."""
    return np.asarray(
        1
        - 0.17 * np.cos(hue - np.float32(np.pi / 6))
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + np.float32(np.pi / 30))
        - 0.20 * np.cos(4 * hue - np.float32(np.deg2rad(63))),
        np.float32,
    )


def _rotation(chroma: Float32, hue: Float32) -> Float32:
    """R_T of the formula: the blue region's tilt."""
    degrees = np.mod(np.rad2deg(hue), np.float32(360))
    tilt = np.float32(np.deg2rad(60)) * np.exp(-(((degrees - 275) / 25) ** 2))
    power = chroma**7
    return np.asarray(-2 * np.sqrt(power / (power + _POW25_7)) * np.sin(tilt), np.float32)


def psnr(rgb: UInt8, truth: UInt8) -> float:
    """Peak signal-to-noise ratio of uint8 pictures (h, w, 3) in dB; infinite where they are equal."""
    error = np.mean((rgb.astype(np.float32) - truth.astype(np.float32)) ** 2, dtype=np.float64)
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))


def ssim(rgb: UInt8, truth: UInt8) -> float:
    """Structural similarity (Wang et al. 2004, Gaussian window) of uint8 (h, w, 3), mean of channels.

    Raises:
        ValueError: where a side is under the window's 11 pixels.
    """
    from skimage.metrics import structural_similarity

    return float(
        structural_similarity(
            rgb,
            truth,
            channel_axis=-1,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def colourfulness(rgb: UInt8) -> float:
    """Colourfulness M3 of a uint8 picture (..., 3); 0 for grey, above 80 for vivid ones.

    Formula: Hasler and Suesstrunk, "Measuring colourfulness in natural images" (2003).
    """
    red, green, blue = np.moveaxis(rgb.astype(np.float32), -1, 0)
    red_green = red - green
    yellow_blue = (red + green) / 2 - blue
    spread = np.hypot(red_green.std(dtype=np.float64), yellow_blue.std(dtype=np.float64))
    mean = np.hypot(red_green.mean(dtype=np.float64), yellow_blue.mean(dtype=np.float64))
    return float(spread + 0.3 * mean)


def channel_histograms(rgb: UInt8) -> npt.NDArray[np.int64]:
    """Histograms (3, 256) of the channels of a uint8 frame (h, w, 3)."""
    return np.stack([np.bincount(rgb[..., channel].reshape(-1), minlength=256) for channel in range(3)])


def cdc(histograms: Numbers) -> float:
    """Colour distribution consistency of a film: the mean of JS1, JS2 and JS4 over its channels.

    JSt is the mean Jensen-Shannon divergence (nats) of one channel's histograms t frames apart. Lower is
    steadier; a grey film is the steadiest of all, so never read it without the colourfulness.
    Distances longer than the film are left out.

    Source: Liu et al., "Temporally consistent video colorization with deep feature propagation and
    self-regularization learning" (2021).

    Args:
        histograms: counts (frames, channels, bins).

    Raises:
        ValueError: with fewer than two frames.
    """
    from scipy.spatial.distance import jensenshannon

    frames = len(histograms)
    if frames < 2:
        raise ValueError("colour distribution consistency needs at least two frames")
    # What scipy gives is the square root of the divergence.
    distances = [
        jensenshannon(histograms[:-gap], histograms[gap:], axis=-1) for gap in _CDC_DISTANCES if gap < frames
    ]
    return float(np.mean([np.mean(distance**2) for distance in distances]))
