"""Colour that stands still inside shots."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
from synthetic_films import HueByLuma, scene

from archivecolor.colour.chroma import Chroma
from archivecolor.film.keyframes import KEYFRAME_INTERVAL, select_keyframes
from archivecolor.film.temporal_smoothing import BLOCK, LOOKAHEAD, SmootherInput, smooth_chroma


def inputs_of(pictures, network, keyframe_interval=1, state=None):
    """Looks at pictures that follow what is remembered; the network is asked about key frames."""
    lumas = ((picture / 255).astype(np.float32) for picture in pictures)
    for features in select_keyframes(lumas, keyframe_interval, None if state is None else state.flow):
        yield SmootherInput.of(
            features, network.predict([features.luma])[0] if features.is_keyframe else None
        )


def flicker(grids):
    """Mean change from frame to frame, in place."""
    return float(np.mean([np.abs(one - other).mean() for one, other in itertools.pairwise(grids)]))


@pytest.fixture(scope="module")
def inputs():
    return list(inputs_of(scene(1, 60, drift=1), HueByLuma(noise=0.05)))


def test_noise_of_the_network_is_taken_out(inputs):
    alone = flicker([smoothed.cbcr for smoothed in smooth_chroma(inputs, 0.0)])
    smooth = flicker([smoothed.cbcr for smoothed in smooth_chroma(inputs, 0.7)])
    assert smooth < 0.25 * alone


def test_no_smoothing_gives_each_frame_its_own_colour(inputs):
    for smoother_input, smoothed in zip(inputs, smooth_chroma(inputs, 0.0), strict=True):
        centre = smoothed.cbcr[8:-8, 8:-8].mean(axis=(0, 1))
        assert np.abs(centre - smoother_input.chroma.cbcr[4:-4, 4:-4].mean(axis=(0, 1))).max() < 0.01


def test_more_smoothing_is_steadier(inputs):
    amounts = [
        flicker([smoothed.cbcr for smoothed in smooth_chroma(inputs, strength)]) for strength in (0, 0.3, 1)
    ]
    assert amounts[0] > amounts[1] > amounts[2]


def test_colour_follows_what_moves():
    """A bright square on dark ground keeps its colour and leaves none behind."""
    pictures, squares = [], []
    for number in range(40):
        picture = np.full((64, 96), 40, np.uint8)
        picture += np.random.default_rng(3).integers(0, 12, picture.shape).astype(np.uint8)
        left = 4 + 2 * number
        picture[20:44, left : left + 14] = 200
        pictures.append(picture)
        squares.append(left)
    inputs = list(inputs_of(pictures, HueByLuma(noise=0.0)))
    own = inputs[0].chroma.cbcr
    ground = np.median(own.reshape(-1, 2), axis=0)
    for left, smoothed in list(zip(squares, smooth_chroma(inputs, 0.7), strict=True))[10:30]:
        inside = smoothed.cbcr[13:19, (left + 4) // 2 : (left + 10) // 2].mean(axis=(0, 1))
        behind = (
            smoothed.cbcr[13:19, (left - 14) // 2 : (left - 8) // 2].mean(axis=(0, 1))
            if left > 16
            else ground
        )
        assert np.abs(behind - ground).max() < 0.03
        assert np.abs(inside - ground).max() > 0.08


class RedOnGreen:
    """Red where it is bright, green where it is not."""

    def predict(self, lumas, guidance=()):
        return [self.answer(luma) for luma in lumas]

    def answer(self, luma):
        small = cv2.resize(luma, (luma.shape[1] // 4, luma.shape[0] // 4), interpolation=cv2.INTER_AREA)
        red = np.where(small > 0.6, 0.2, -0.15)
        return Chroma(
            np.stack([-0.1 * np.ones_like(red), red], -1).astype(np.float32), np.ones_like(small), 1.0
        )


@pytest.mark.parametrize(
    ("keyframe_interval", "speed", "strength"),
    [
        (1, 1, 1.0),
        (1, 6, 0.7),
        (KEYFRAME_INTERVAL, 1, 1.0),
        (KEYFRAME_INTERVAL, 3, 0.7),
        (KEYFRAME_INTERVAL, 6, 1.0),
    ],
)
def test_what_moves_leaves_no_trail(strength, speed, keyframe_interval):
    """A red square crosses green ground: where it was and will be, the colour is that of frame by frame."""
    ground = scene(5, 1, 64, 160, drift=0)[0] * 0.4 + 10
    square = scene(6, 1, 24, 24, drift=0)[0] * 0.2 + 190
    lefts = list(range(8, 128, speed))[:60]
    pictures = []
    for number, left in enumerate(lefts):
        picture = ground + np.random.default_rng(number).normal(0, 3, ground.shape)
        picture[20:44, left : left + 24] = square
        pictures.append(np.clip(picture, 16, 235).astype(np.uint8))
    alone, some = (
        list(inputs_of(pictures, RedOnGreen())),
        inputs_of(pictures, RedOnGreen(), keyframe_interval),
    )
    pairs = zip(lefts, smooth_chroma(alone, 0.0), smooth_chroma(some, strength), strict=True)
    for left, alone, smoothed in pairs:
        astray = np.abs(smoothed.cbcr - alone.cbcr)[..., 1]
        here = slice(max(0, (left - 8) // 2), (left + 32) // 2)
        astray[8:24, here] = 0
        assert astray.max() < 0.05
        assert smoothed.cbcr[13:19, (left + 8) // 2 : (left + 16) // 2, 1].min() > 0.12


@pytest.mark.parametrize("keyframe_interval", [1, KEYFRAME_INTERVAL])
def test_seams_do_not_show(keyframe_interval):
    """A shot that is taken up again from its memory has the same colours, bit for bit."""
    pictures, network = scene(1, 120), HueByLuma(noise=0.05)
    whole = list(smooth_chroma(inputs_of(pictures, network, keyframe_interval), 0.7))
    for seam in (1, BLOCK - 1, BLOCK, BLOCK + LOOKAHEAD + 3):
        state = whole[seam - 1].state
        again = list(smooth_chroma(inputs_of(pictures[seam:], network, keyframe_interval, state), 0.7, state))
        assert len(again) == len(pictures) - seam
        for one, other in zip(whole[seam:], again, strict=True):
            assert np.array_equal(one.cbcr, other.cbcr)


def test_a_frame_needs_no_more_than_a_window_of_the_future(inputs):
    taken = []

    def source():
        # Frames of one size follow each other, whatever they show.
        for number, smoother_input in enumerate([*inputs, *inputs[1:], *inputs[1:]]):
            taken.append(number)
            yield smoother_input

    next(smooth_chroma(source(), 0.7))
    assert len(taken) <= BLOCK + LOOKAHEAD


def test_one_frame_is_a_shot_too(inputs):
    assert len(list(smooth_chroma(iter(inputs[:1]), 0.7))) == 1
    assert list(smooth_chroma(iter(()), 0.7)) == []


def test_a_wild_answer_is_held_near_the_steady_colour(inputs):
    """Five frames in which the network sees red where it never did before."""
    wild = list(inputs)
    for number in range(28, 33):
        chroma = wild[number].chroma
        red = chroma.cbcr + np.array([0.0, 0.4], np.float32)
        wild[number] = replace(wild[number], chroma=Chroma(red, chroma.certainty, chroma.confidence))
    calm, held = (list(smooth_chroma(iter(these), 0.7)) for these in (inputs, wild))
    assert max(np.abs(one.cbcr - other.cbcr).mean() for one, other in zip(calm, held, strict=True)) < 0.12
