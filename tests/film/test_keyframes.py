"""Which frames the network is asked about, and what becomes of the others."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from synthetic_films import HueByLuma, film_from, scene, write_film

from archivecolor.film.chroma import FrameRange, frame_chromas, with_predictions
from archivecolor.film.keyframes import KEYFRAME_INTERVAL, FlowState, keyframe_interval_for, select_keyframes
from archivecolor.film.temporal_smoothing import smooth_chroma
from archivecolor.inference.predictor import Predictor
from archivecolor.inference.torch_runtime import TorchRuntime
from archivecolor.networks.checkpoint import Checkpoint, CheckpointInfo
from archivecolor.networks.registry import build_generator
from archivecolor.settings import NetworkOptions


def lumas_of(pictures):
    return [(picture / 255).astype(np.float32) for picture in pictures]


def keyframes_of(pictures, keyframe_interval=KEYFRAME_INTERVAL, flow=None):
    return [
        features.is_keyframe for features in select_keyframes(lumas_of(pictures), keyframe_interval, flow)
    ]


def numbers(keys):
    return [number for number, is_keyframe in enumerate(keys) if is_keyframe]


def with_visitor(pictures, visits):
    """Pictures with a bright square that is only there in some."""
    for number in visits:
        pictures[number][20:60, 30:70] = 235
    return pictures


def test_a_calm_scene_is_asked_about_now_and_then_and_at_its_end():
    assert numbers(keyframes_of(scene(1, 19, drift=0))) == [0, 8, 16, 18]


@pytest.mark.parametrize(
    ("visits", "keys"),
    [
        ([4], [0, 4, 8, 16, 19]),
        # One of two is enough: the other has its colour from it.
        ([4, 5], [0, 4, 8, 16, 19]),
        # Seen in a key frame before or behind.
        ([7, 8], [0, 8, 16, 19]),
        ([8, 9, 10, 11], [0, 8, 16, 19]),
        # There for too short a time, too near to a key frame.
        ([10], [0, 8, 16, 19]),
        ([9, 10, 11, 12], [0, 8, 11, 16, 19]),
    ],
)
def test_what_no_key_frame_shows_makes_one(visits, keys):
    assert numbers(keyframes_of(with_visitor(scene(1, 20, 96, 128, drift=0), visits))) == keys


def test_where_all_is_new_all_the_time_key_frames_keep_their_distance():
    pictures = [scene(number, 1)[0] for number in range(26)]
    keys = numbers(keyframes_of(pictures))
    assert keys == [0, 3, 8, 11, 16, 19, 24, 25]


def test_without_smoothing_every_frame_is_asked_about():
    assert keyframe_interval_for(0.0) == 1
    assert all(keyframes_of(scene(1, 9, drift=0), keyframe_interval_for(0.0)))


def test_a_shot_taken_up_again_has_the_same_key_frames():
    pictures = with_visitor(scene(1, 30, 96, 128, drift=0), [3, 4, 5, 12, 13, 20])
    whole = list(select_keyframes(lumas_of(pictures), KEYFRAME_INTERVAL))
    assert numbers(features.is_keyframe for features in whole) == [0, 3, 8, 12, 16, 20, 24, 29]
    for start in range(1, 30):
        last = whole[start - 1]
        since = next(back for back in range(1, start + 1) if whole[start - back].is_keyframe)
        flow = FlowState(start, last.small, last.flow_confidence, since)
        again = keyframes_of(pictures[start:], flow=flow)
        assert again == [features.is_keyframe for features in whole[start:]]


def test_no_frame_at_all():
    assert keyframes_of([]) == []


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_the_network_sees_key_frames_alone_whatever_the_batch(batch):
    network = HueByLuma()
    inputs = list(
        with_predictions(network, select_keyframes(lumas_of(scene(1, 30, drift=0)), KEYFRAME_INTERVAL), batch)
    )
    assert len(inputs) == 30
    assert network.seen == sum(smoother_input.chroma is not None for smoother_input in inputs) == 5


def test_frames_between_have_the_colour_of_the_key_frames():
    pictures = scene(1, 40)
    every, some = (
        list(
            smooth_chroma(
                with_predictions(HueByLuma(noise=0.0), select_keyframes(lumas_of(pictures), distance), 8), 0.7
            )
        )
        for distance in (1, KEYFRAME_INTERVAL)
    )
    for one, other in zip(every, some, strict=True):
        assert np.abs(one.cbcr - other.cbcr).mean() < 0.005


def test_what_no_neighbour_shows_is_not_left_grey():
    """A frame whose motion nobody trusts has a colour all the same, though the network was not asked."""
    pictures = scene(3, 12, 96, 128, drift=0)
    for number, picture in enumerate(pictures):
        picture[40:56, 60:76] = 255 * (number % 2)
    seen = [
        replace(features, is_keyframe=number in (0, 8, 11))
        for number, features in enumerate(select_keyframes(lumas_of(pictures), KEYFRAME_INTERVAL))
    ]
    assert seen[5].motion.from_before.trust[22:26, 32:36].max() < 1e-3
    smoothed = list(smooth_chroma(with_predictions(HueByLuma(noise=0.0), iter(seen), 8), 0.7))
    for number in (3, 5, 6):
        assert np.linalg.norm(smoothed[number].cbcr[20:28, 30:38], axis=-1).min() > 0.02


@pytest.fixture
def set_threads(monkeypatch):
    """Sets how many threads torch and OpenCV have and how many cores there seem to be, for this test."""
    before = torch.get_num_threads(), cv2.getNumThreads()

    def set_number(count):
        torch.set_num_threads(count)
        cv2.setNumThreads(count)
        monkeypatch.setattr("archivecolor.inference.torch_runtime.core_count", lambda: count)

    yield set_number
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def test_colour_depends_neither_on_threads_nor_on_cores(tmp_path, set_threads):
    """To the last bit, of key frames and of the frames between, by a network in fp32."""
    torch.manual_seed(3)
    options = {"encoder": "lite0", "widths": (8, 8, 8, 8), "attention": 1, "bins": 8, "gain": 10.0}
    generator = build_generator("default", options)
    generator.centres.copy_(torch.randn(8, 2) * 20)
    info = CheckpointInfo(network="default", options={}, title="test")
    settings = NetworkOptions(device="cpu", precision="fp32", batch_size=4)
    pictures = with_visitor(scene(1, 20, 144, 192), [6]) + scene(2, 7, 144, 192)
    film = film_from(write_film(tmp_path / "film.mkv", pictures))
    seen = []
    for count in (1, 4):
        set_threads(count)
        predictor = Predictor(TorchRuntime(Checkpoint(generator, info, "0" * 64), settings), settings)
        chromas = list(frame_chromas(film, predictor, FrameRange(0, len(pictures) - 1, None)))
        seen.append([(chroma.cbcr.tobytes(), chroma.confidence) for chroma in chromas])
    assert sum(confidence is not None for _, confidence in seen[0]) < len(pictures)
    assert len({colour for colour, _ in seen[0]}) == len(pictures)
    assert seen[0] == seen[1]
