"""The predictor takes pictures of any size, each for itself, within the memory there is."""

import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from skimage import data
from skimage.transform import resize

from archivecolor.colour.guidance import Guidance, Hint
from archivecolor.colour.lab import cbcr_from_lab, lightness_from_luma
from archivecolor.colour.oklab import ab_at_lightness
from archivecolor.errors import ItemError, OutOfMemoryError, Reason
from archivecolor.inference.predictor import Predictor, _MemoryLock, open_predictor
from archivecolor.inference.torch_runtime import TorchRuntime
from archivecolor.networks.base import AbPrediction, Generator
from archivecolor.networks.checkpoint import Checkpoint, CheckpointInfo
from archivecolor.networks.registry import build_generator, network_names
from archivecolor.settings import NetworkOptions


def luma(name, height, width):
    picture = getattr(data, name)()
    grey = picture if picture.ndim == 2 else picture.mean(axis=2)
    return resize(grey / 255.0, (height, width), anti_aliasing=True).astype(np.float32)


def predictor(generator, **options):
    info = CheckpointInfo(network="default", options={}, title="test")
    settings = NetworkOptions(**({"device": "cpu", "precision": "fp32", "batch_size": 4} | options))
    return Predictor(TorchRuntime(Checkpoint(generator, info, "0" * 64), settings), settings)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(3)
    options = {"encoder": "lite0", "widths": (8, 8, 8, 8), "attention": 1, "bins": 8, "gain": 10.0}
    generator = build_generator("default", options)
    generator.centres.copy_(torch.randn(8, 2) * 20)
    return generator


@dataclass(frozen=True)
class StandInOptions:
    """None."""


class StandIn(Generator):
    """Answers with a* 50 times the lightness, or as told; notes how many pictures it was asked for."""

    Options = StandInOptions
    multiple = 32

    def __init__(self, room=1000, broken=False, words=None):
        super().__init__(StandInOptions())
        self.room, self.broken, self.words, self.asked = room, broken, words, []

    def predict_ab(self, lightness):
        self.asked.append(len(lightness))
        if len(lightness) > self.room:
            raise RuntimeError(self.words) if self.words else torch.OutOfMemoryError("no room")
        cells = torch.nn.functional.avg_pool2d(lightness, 4)
        if self.broken:
            cells = cells * float("nan")
        return AbPrediction(
            torch.cat((50 * cells, torch.zeros_like(cells)), dim=1), torch.full_like(cells, 0.25)
        )


def test_pictures_of_any_size_get_a_grid_each_in_their_order(small):
    sizes = [(64, 64), (32, 97), (70, 33), (64, 64), (1, 1), (5, 300), (64, 63)]
    answers = predictor(small).predict([luma("camera", *size) for size in sizes])
    for (height, width), chroma in zip(sizes, answers, strict=True):
        rows, columns = chroma.cbcr.shape[:2]
        assert abs(rows - height / 4) <= 1
        assert abs(columns - width / 4) <= 1
        assert chroma.certainty.shape == (rows, columns)
        assert np.isfinite(chroma.cbcr).all()
        assert np.abs(chroma.cbcr).max() <= 0.5
        assert 0 <= chroma.confidence <= 1


def test_a_picture_is_coloured_the_same_whatever_stands_beside_it(small):
    first = luma("camera", 32, 48)
    others = [luma("coins", 32, 48), luma("moon", 32, 48), luma("page", 32, 32)]
    alone = predictor(small).predict([first])[0]
    for crowd, place in (([first, *others], 0), ([*others, first], 3), ([others[0], first, first], 2)):
        beside = predictor(small).predict(crowd)[place]
        np.testing.assert_array_equal(beside.cbcr, alone.cbcr)
        np.testing.assert_array_equal(beside.certainty, alone.certainty)


def test_a_long_picture_is_seen_in_windows_without_seams():
    long = np.tile(np.linspace(0.1, 0.9, 1200, dtype=np.float32), (64, 1))
    network = StandIn()
    chroma = predictor(network, batch_size=2).predict([long])[0]
    assert len(network.asked) > 1
    assert chroma.cbcr.shape[:2] == (16, 300)
    steps = np.diff(chroma.cbcr[8, :, 1])
    assert np.abs(steps).max() < 0.02


class BatchedRuntime(TorchRuntime):
    """Batches as a graphics card gets them, on a processor."""

    def __init__(self, checkpoint, options):
        super().__init__(checkpoint, options)
        self.batch_size = self._max_batch = options.batch_size
        self.parallel_calls = 1


def batched(generator):
    info = CheckpointInfo(network="default", options={}, title="test")
    settings = NetworkOptions(device="cpu", precision="fp32", batch_size=4)
    return Predictor(BatchedRuntime(Checkpoint(generator, info, "0" * 64), settings), settings)


@pytest.mark.parametrize("words", [None, "could not create a primitive", "DefaultCPUAllocator: not enough"])
def test_memory_that_runs_short_halves_the_batch_and_colours_the_same(words, caplog):
    lumas = [luma("camera", 64, 64), luma("coins", 64, 64), luma("moon", 64, 64)]
    whole, tight = StandIn(), StandIn(room=1, words=words)
    answers = batched(tight).predict(lumas)
    assert "continuing with batches of 1" in caplog.text
    for mine, theirs in zip(answers, batched(whole).predict(lumas), strict=True):
        np.testing.assert_array_equal(mine.cbcr, theirs.cbcr)
    assert tight.asked[:3] == [4, 2, 1]


def test_no_room_for_one_picture_is_an_error_with_a_way_out():
    with pytest.raises(OutOfMemoryError, match="--working-size or --device cpu"):
        predictor(StandIn(room=0)).predict([luma("camera", 64, 64)])


class CrowdedStandIn(StandIn):
    """Has room for one picture at a time, whoever asks."""

    def __init__(self):
        super().__init__()
        self.inside = threading.Semaphore(1)

    def predict_ab(self, lightness):
        if not self.inside.acquire(blocking=False):
            raise torch.OutOfMemoryError("no room beside another")
        time.sleep(0.05)
        self.inside.release()
        return super().predict_ab(lightness)


def test_what_has_no_room_beside_others_is_answered_alone(monkeypatch):
    monkeypatch.setattr("archivecolor.inference.torch_runtime.core_count", lambda: 4)
    lumas = [luma("camera", 64, 64 + 32 * place) for place in range(8)]
    answers = predictor(CrowdedStandIn()).predict(lumas)
    for mine, theirs in zip(answers, predictor(StandIn()).predict(lumas), strict=True):
        np.testing.assert_array_equal(mine.cbcr, theirs.cbcr)


def test_whoever_waits_for_all_memory_keeps_new_calls_out():
    lock, order = _MemoryLock(), []

    def alone():
        with lock.alone():
            order.append("alone")

    def beside():
        with lock.shared():
            order.append("beside others")

    waiting, late = threading.Thread(target=alone), threading.Thread(target=beside)
    with lock.shared():
        waiting.start()
        while not lock._waiting:
            time.sleep(0.01)
        late.start()
        late.join(0.2)
        assert order == []
    waiting.join()
    late.join()
    assert order == ["alone", "beside others"]


@pytest.fixture
def threads_of_torch():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_an_answer_does_not_depend_on_threads_cores_or_neighbours(monkeypatch, threads_of_torch):
    shapes = [(256, 384), (256, 256), (200, 320), (256, 352)]
    lumas = [luma("camera", *shape) for shape in shapes]
    settings = NetworkOptions(device="cpu", precision="fp32")
    answers = []
    for threads in (1, 2, 4):
        threads_of_torch(threads)
        monkeypatch.setattr("archivecolor.inference.torch_runtime.core_count", lambda count=threads: count)
        network = open_predictor(None, settings)
        answers += [network.predict(lumas), [network.predict([alone])[0] for alone in lumas]]
        assert torch.get_num_threads() == threads
    for other in answers[1:]:
        for mine, theirs in zip(other, answers[0], strict=True):
            np.testing.assert_array_equal(mine.cbcr, theirs.cbcr)
            np.testing.assert_array_equal(mine.certainty, theirs.certainty)


def test_features_of_the_decoder_are_given_on_request(small):
    runtime = predictor(small).runtime
    lightness = np.zeros((1, 64, 96), np.float32)
    assert runtime.run(lightness).features is None
    assert runtime.run(lightness, with_features=True).features.shape == (1, 8, 12, 8)


def test_how_likely_other_colours_are_is_said_on_request(small):
    network = predictor(small)
    assert network.runtime.run(np.zeros((1, 64, 96), np.float32)).likelihood is None
    tall = luma("camera", 500, 64)  # in several windows
    answer, wide = network.answers([luma("camera", 60, 90), tall], with_likelihood=True)
    assert answer.likelihood.shares.shape[:2] == answer.features.shape[:2]
    assert wide.likelihood.shares.shape[:2] == wide.features.shape[:2]
    for one in (answer, wide):
        assert one.likelihood.colours.shape == (one.likelihood.shares.shape[2], 2)
        np.testing.assert_allclose(one.likelihood.shares.sum(axis=2), 1, atol=0.02)
    assert network.answers([tall])[0].likelihood is None


def test_an_answer_that_is_no_number_fails_the_picture():
    with pytest.raises(ItemError) as caught:
        predictor(StandIn(broken=True)).predict([luma("camera", 64, 64)])
    assert caught.value.reason is Reason.BROKEN_NETWORK


def test_saturation_scales_chroma_and_none_leaves_grey():
    picture = [luma("camera", 64, 64)]
    grey, half, full = (predictor(StandIn(), saturation=gain).predict(picture)[0] for gain in (0.0, 0.5, 1.0))
    assert np.abs(grey.cbcr).max() < 1e-3
    assert np.abs(half.cbcr).mean() < np.abs(full.cbcr).mean()


def test_high_quality_averages_looks_on_the_same_grid(small):
    picture = [luma("camera", 64, 64)]
    normal, high = (predictor(small, quality=quality).predict(picture)[0] for quality in ("normal", "high"))
    assert high.cbcr.shape == normal.cbcr.shape
    mirrored = predictor(small, quality="high").predict([picture[0][:, ::-1].copy()])[0]
    np.testing.assert_allclose(mirrored.cbcr[:, ::-1], high.cbcr, atol=1e-4)


@pytest.mark.parametrize("name", network_names())
def test_every_network_colours_a_picture_of_odd_sides(name):
    small = {
        "pix2pix": {"depth": 6, "width": 4},
        "unet-gan": {"depth": 6, "width": 4},
        "resnet-fcn": {"depth": 18},
    }
    chroma = predictor(build_generator(name, small.get(name, {})), batch_size=1).predict(
        [luma("camera", 50, 71)]
    )[0]
    assert chroma.cbcr.shape[0] * 71 == pytest.approx(chroma.cbcr.shape[1] * 50, rel=0.1)
    assert np.isfinite(chroma.cbcr).all()


RED = (200, 40, 40)


def answered(chroma, hint):
    """The Cb, Cr of the cell that a hint lies in."""
    rows, columns = chroma.cbcr.shape[:2]
    return chroma.cbcr[int(hint.y * rows), int(hint.x * columns)]


def wished(hint, luma):
    """The Cb, Cr of a hint's colour on that luma."""
    lightness = lightness_from_luma(np.array([luma], np.float32))
    ab, _ = ab_at_lightness(np.array([hint.colour], np.uint8), lightness.astype(np.float64))
    return cbcr_from_lab(np.array([*lightness, *ab[0]]))


@pytest.mark.parametrize("size", [(64, 96), (70, 33), (64, 600), (700, 66)])
def test_a_hint_is_met_in_pictures_of_any_size_and_in_panoramas(small, size):
    grey = np.full(size, 0.5, np.float32) + luma("camera", *size) / 10
    hint = Hint(0.8, 0.3, RED)
    plain, guided = predictor(small).predict([grey, grey], [Guidance(), Guidance((hint,))])
    here = grey[int(hint.y * size[0]), int(hint.x * size[1])]
    np.testing.assert_allclose(answered(guided, hint), wished(hint, here), atol=0.02)
    assert np.abs(answered(plain, hint) - wished(hint, here)).max() > 0.05


def test_pictures_without_hints_are_answered_as_if_no_other_had_any(small):
    lumas = [luma("camera", 64, 96), luma("astronaut", 64, 96), luma("coins", 64, 96)]
    alone = predictor(small).predict(lumas)
    hints = Guidance((Hint(0.5, 0.5, RED), Hint(0.1, 0.9, (0, 0, 0))))
    beside = predictor(small).predict(lumas, [Guidance(), hints])
    for index in (0, 2):
        np.testing.assert_array_equal(beside[index].cbcr, alone[index].cbcr)
    assert (beside[1].cbcr != alone[1].cbcr).any()
    np.testing.assert_array_equal(
        predictor(small, batch_size=1).predict([lumas[1]], [hints])[0].cbcr, beside[1].cbcr
    )


def test_a_picture_may_have_a_saturation_and_a_quality_of_its_own(small):
    grey = luma("astronaut", 64, 96)
    own = predictor(small).predict([grey], [Guidance(saturation=0.3, quality="high")])[0]
    asked = predictor(small, saturation=0.3, quality="high").predict([grey])[0]
    np.testing.assert_array_equal(own.cbcr, asked.cbcr)


def test_saturation_is_that_of_the_network_not_of_hints(small):
    hint = Hint(0.5, 0.5, RED)
    grey = np.full((64, 96), 0.5, np.float32)
    chroma = predictor(small, saturation=0.0).predict([grey], [Guidance((hint,))])[0]
    np.testing.assert_allclose(answered(chroma, hint), wished(hint, 0.5), atol=0.005)


def test_a_network_without_features_is_guided_by_lightness_alone():
    hint = Hint(0.5, 0.5, RED)
    chroma = predictor(StandIn()).predict([np.full((64, 96), 0.5, np.float32)], [Guidance((hint,))])[0]
    np.testing.assert_allclose(answered(chroma, hint), wished(hint, 0.5), atol=0.005)


def test_a_plain_surface_stays_neutral():
    (chroma,) = predictor(StandIn()).predict([np.full((64, 96), 0.5, np.float32)])
    np.testing.assert_allclose(chroma.cbcr, 0.0, atol=1e-6)
    assert chroma.confidence == 0.0
