"""The light of old film swings: a camera cranked by hand, a printer's lamp. Colour does not swing with it."""

from dataclasses import replace

import numpy as np
from skimage import data
from synthetic_films import film_from, write_film

from archivecolor.film.film import network_lumas, read_from
from archivecolor.film.frames import geometry_of
from archivecolor.film.keyframes import KEYFRAME_INTERVAL, select_keyframes
from archivecolor.film.temporal_smoothing import SmootherInput, smooth_chroma
from archivecolor.inference.predictor import open_predictor
from archivecolor.settings import NetworkOptions

SWING, PERIOD = 0.3, 11


def pan(count):
    """A camera that moves over a photograph, with grain."""
    random = np.random.default_rng(1)
    grey = data.astronaut()[60:220, 100:400].mean(axis=2) / 255
    frames = [grey[:, number : number + 192] * 0.8 + 0.05 for number in range(count)]
    return [np.asarray(frame + random.normal(0, 0.01, frame.shape), np.float32) for frame in frames]


def smoothed_chromas(lumas, predictor):
    features = list(select_keyframes(lumas, KEYFRAME_INTERVAL))
    answers = iter(predictor.predict([one.luma for one in features if one.is_keyframe]))
    inputs = [SmootherInput.of(one, next(answers) if one.is_keyframe else None) for one in features]
    return features, [frame.cbcr for frame in smooth_chroma(inputs, 0.7)]


def flicker(features, chromas):
    """Mean change of chroma from frame to frame along motion, fractions of full scale."""
    changes = []
    for one, before, after in zip(features[1:], chromas, chromas[1:], strict=False):
        warp = one.motion.from_before
        changes.append(np.abs(after - warp.warp(before))[warp.trust > 0.7].mean())
    return float(np.mean(changes))


def read(path, lumas):
    """What the network sees of a film of these lumas."""
    film = film_from(write_film(path, [np.rint(luma * 255).astype(np.uint8) for luma in lumas]))
    film = replace(film, geometry=geometry_of(film.facts, min(lumas[0].shape)))
    return list(network_lumas(film, read_from(film, 0)))


def test_colour_is_as_steady_where_brightness_swings_by_a_third(tmp_path):
    predictor = open_predictor(None, NetworkOptions(device="cpu", precision="fp32"))
    steady = pan(40)
    swinging = [
        np.clip(luma * np.float32(1 + SWING / 2 * np.sin(2 * np.pi * number / PERIOD)), 0, 1)
        for number, luma in enumerate(steady)
    ]
    features, calm = smoothed_chromas(read(tmp_path / "calm.mkv", steady), predictor)
    _, pumped = smoothed_chromas(read(tmp_path / "pumped.mkv", swinging), predictor)
    assert len({round(float(luma.mean()), 2) for luma in swinging}) > 5
    # The same but for what rounding to codes leaves.
    assert flicker(features, pumped) < 1.015 * flicker(features, calm)
    assert np.abs(np.stack(pumped) - np.stack(calm)).mean() < 0.0004


def test_light_that_hardly_swings_is_left_as_it_is(tmp_path):
    lumas = [
        np.clip(luma * np.float32(1 + 0.08 * np.sin(2 * np.pi * number / PERIOD)), 0, 1)
        for number, luma in enumerate(pan(30))
    ]
    seen = read(tmp_path / "film.mkv", lumas)
    assert np.abs(np.stack(seen) - np.stack([np.rint(luma * 255) / 255 for luma in lumas])).max() < 1e-6
