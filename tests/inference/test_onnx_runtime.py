"""ONNX Runtime answers as torch does, the same bits whatever stands beside, and says what it cannot."""

import dataclasses
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.numpy import save as save_tensors
from skimage import data

from archivecolor.colour.lab import lightness_from_luma
from archivecolor.errors import CheckpointError, UnavailableError, UsageError
from archivecolor.inference.onnx_runtime import OnnxRuntime
from archivecolor.inference.open_runtime import choose_runtime, open_runtime
from archivecolor.inference.predictor import Predictor, open_predictor
from archivecolor.networks.builtin import built_in_path
from archivecolor.networks.checkpoint import (
    CheckpointInfo,
    dump_checkpoint,
    load_checkpoint,
    read_checkpoint,
    read_info,
)
from archivecolor.networks.registry import build_generator
from archivecolor.settings import NetworkOptions

TORCH = NetworkOptions(runtime="torch", device="cpu", precision="fp32")
ONNX = NetworkOptions(runtime="onnx")
SHAPES = [(32, 32), (384, 96), (96, 384), (192, 256), (256, 384), (384, 512)]


@pytest.fixture(scope="module")
def both():
    return open_runtime(built_in_path(), TORCH), open_runtime(built_in_path(), ONNX)


def noise(*shape):
    return np.random.default_rng(sum(shape)).uniform(-1, 1, shape).astype(np.float32)


def with_options(tmp_path, tensors=None, **options):
    """The built-in weights under other options."""
    loaded = load_checkpoint(built_in_path())
    loaded.generator.load_state_dict(tensors or {}, strict=False)
    info = dataclasses.replace(loaded.info, options={**loaded.info.options, **options})
    path = tmp_path / "other.safetensors"
    path.write_bytes(dump_checkpoint(loaded.generator, info))
    return path


@pytest.mark.parametrize("shape", SHAPES)
def test_it_answers_as_torch_does_at_every_size(both, shape):
    theirs, mine = (
        runtime.run(noise(1, *shape), with_features=True, with_likelihood=True) for runtime in both
    )
    assert mine.ab.shape == theirs.ab.shape
    np.testing.assert_allclose(mine.ab, theirs.ab, atol=1e-3)
    np.testing.assert_allclose(mine.certainty, theirs.certainty, atol=1e-5)
    np.testing.assert_allclose(mine.features, theirs.features, atol=1e-3)
    np.testing.assert_array_equal(mine.likelihood.colours, theirs.likelihood.colours)
    np.testing.assert_allclose(mine.likelihood.shares, theirs.likelihood.shares, atol=1e-4)


def test_features_and_likelihoods_are_given_on_request_alone(both):
    for runtime in both:
        plain = runtime.run(noise(1, 64, 96))
        assert plain.features is None and plain.likelihood is None
        more = runtime.run(noise(1, 64, 96), with_likelihood=True)
        assert more.features is None
        np.testing.assert_allclose(more.likelihood.shares.sum(axis=3), 1, atol=1e-5)
        np.testing.assert_array_equal(more.ab, plain.ab)


def test_an_answer_depends_neither_on_neighbours_nor_on_what_is_beside_it_in_a_batch(both):
    runtime = both[1]
    pictures = [noise(1, 64 + 32 * index, 96) for index in range(4)]
    alone = [runtime.run(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as threads:
        crowded = list(threads.map(runtime.run, pictures * 8))
    for index, answer in enumerate(crowded):
        np.testing.assert_array_equal(answer.ab, alone[index % 4].ab)
    batch = np.concatenate([pictures[0], noise(2, 64, 96), pictures[0]])
    np.testing.assert_array_equal(runtime.run(batch).ab[[0, 3]], alone[0].ab[[0, 0]])


def test_numbers_among_the_options_are_those_of_the_checkpoint(tmp_path, both):
    """And tensors that are equal in one checkpoint may differ in another."""
    other = {"up1.from_skip.1.bias": torch.linspace(-1, 1, 208)}
    path = with_options(tmp_path, other, gain=0.4, caution=0.0)
    theirs, mine = (open_runtime(path, options).run(noise(1, 64, 96)) for options in (TORCH, ONNX))
    np.testing.assert_allclose(mine.ab, theirs.ab, atol=1e-3)
    assert np.abs(mine.ab - both[1].run(noise(1, 64, 96)).ab).max() > 1


def test_several_looks_are_averaged_as_with_torch():
    luma = (noise(200, 290) + 1) / 2
    high = [open_predictor(None, dataclasses.replace(options, quality="high")) for options in (TORCH, ONNX)]
    theirs, mine = (predictor.predict([luma])[0] for predictor in high)
    np.testing.assert_allclose(mine.cbcr, theirs.cbcr, atol=1e-4)


def test_a_predictor_names_what_computes():
    assert open_predictor(None, ONNX).runtime_name.startswith("onnxruntime 1.")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"encoder": "lite0", "attention": 0}, "for attention=2, not for attention=0; it needs torch"),
        ({"regression": 0.5}, "for regression=1.0, not for regression=0.5"),
    ],
)
def test_options_that_the_graph_does_not_hold_for_are_refused(options, words):
    info = dataclasses.replace(
        read_info(built_in_path()), options=read_info(built_in_path()).options | options
    )
    with pytest.raises(UnavailableError, match=words):
        choose_runtime(info, ONNX)


def test_a_network_without_a_graph_is_refused_by_name():
    with pytest.raises(UnavailableError, match="no graph of network 'unet'; it needs torch"):
        choose_runtime(CheckpointInfo("unet", {}), ONNX)


@pytest.mark.parametrize("trouble", ["missing", "misshapen"])
def test_tensors_that_are_not_those_of_the_network_are_refused(tmp_path, trouble):
    tensors = load_file(built_in_path())
    if trouble == "missing":
        del tensors["to_ab.weight"]
    else:
        tensors["to_ab.weight"] = tensors["to_ab.weight"][:1]
    info = dataclasses.asdict(read_info(built_in_path()))
    path = tmp_path / "odd.safetensors"
    path.write_bytes(save_tensors(tensors, metadata={"archivecolor": json.dumps(info)}))
    with pytest.raises(CheckpointError, match=r"odd\.safetensors does not fit .* to_ab\.weight"):
        OnnxRuntime(read_checkpoint(path))


SHORT_OF_MEMORY = """
import resource
import numpy as np
from archivecolor.errors import OutOfMemoryError
from archivecolor.inference.onnx_runtime import OnnxRuntime
from archivecolor.networks.builtin import built_in_path
from archivecolor.networks.checkpoint import read_checkpoint

runtime = OnnxRuntime(read_checkpoint(built_in_path()))
small, large = np.zeros((1, 64, 64), np.float32), np.zeros((1, 2048, 2048), np.float32)
runtime.run(small)
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (200 << 20),) * 2)
try:
    runtime.run(large)
except OutOfMemoryError as error:
    print(error)
runtime.run(small)
"""


def test_memory_that_runs_short_is_said_and_costs_that_picture_alone():
    done = subprocess.run(
        [sys.executable, "-c", SHORT_OF_MEMORY], capture_output=True, text=True, check=True, timeout=60
    )
    assert "no room for one picture of 2048 x 2048; try a smaller --working-size" in done.stdout
    assert done.stderr == ""


class Machine:
    """What `choose_runtime` asks of the machine, as a test wants it."""

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch

    def has(self, *, torch_installed=True, bf16=False, device="cpu"):
        place = self.monkeypatch.setattr
        place("archivecolor.inference.open_runtime.has_torch", lambda: torch_installed)
        place("archivecolor.networks.torch_install.has_torch", lambda: torch_installed)
        place("archivecolor.inference.open_runtime.cpu_has_bf16", lambda: bf16)
        place("archivecolor.inference.open_runtime.may_have_accelerator", lambda: device != "cpu")
        place("archivecolor.networks.device.choose_device", lambda name: torch.device(device))


@pytest.fixture
def machine(monkeypatch):
    return Machine(monkeypatch)


def chosen(info=None, **options):
    return choose_runtime(info or read_info(built_in_path()), NetworkOptions(**options))


def test_the_faster_one_is_taken_and_why_is_said(machine):
    machine.has(torch_installed=False)
    assert (chosen().name, chosen().why) == ("onnx", "torch is not installed")
    machine.has(bf16=False)
    assert chosen().name == "onnx"
    machine.has(bf16=True)
    assert chosen().name == "torch"
    assert "bfloat16" in chosen().why
    assert chosen(precision="fp32").name == "onnx"
    machine.has(bf16=False, device="cuda")
    assert (chosen().name, chosen().why) == ("torch", "it has cuda here")


LOADS_NO_TORCH = """
import sys
from archivecolor.inference.open_runtime import open_runtime
from archivecolor.networks.builtin import built_in_path
from archivecolor.settings import NetworkOptions
runtime = open_runtime(built_in_path(), NetworkOptions(precision="fp32"))
print(runtime.name, "torch" in sys.modules)
"""


def test_torch_is_not_loaded_to_learn_that_it_has_no_card(tmp_path):
    """Its import takes seconds of a processor; a build for the processor alone says so in a small file."""
    torch_build = tmp_path / "torch"
    torch_build.mkdir()
    (torch_build / "__init__.py").write_text("raise SystemExit('imported')")
    version = torch_build / "version.py"
    version.write_text("cuda: Optional[str] = None\nhip: Optional[str] = None\nxpu: Optional[str] = None\n")
    if sys.platform == "darwin":
        pytest.skip("there it may have a card of Apple's")

    def run():
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
        words = [sys.executable, "-c", LOADS_NO_TORCH]
        return subprocess.run(
            words, capture_output=True, text=True, env=environment, timeout=120, check=False
        )

    assert run().stdout.split() == ["onnxruntime", "False"]
    version.write_text("cuda: Optional[str] = None\nhip: Optional[str] = '6.2'\n")
    assert "imported" in run().stderr


def test_a_network_without_a_graph_goes_to_torch_where_there_is_one(machine):
    unet = CheckpointInfo("unet", {})
    machine.has()
    assert chosen(unet).name == "torch"
    assert "no graph of network 'unet'" in chosen(unet).why
    machine.has(torch_installed=False)
    with pytest.raises(
        UnavailableError, match=r"'unet'; it needs torch, .* pip install 'archivecolor\[torch\]'"
    ):
        chosen(unet)


@pytest.mark.parametrize("options", [{"runtime": "torch"}, {"device": "cuda"}, {"precision": "bf16"}])
def test_what_torch_alone_does_says_what_to_install(machine, options):
    machine.has(torch_installed=False)
    with pytest.raises(UnavailableError, match=r"needs torch, .* pip install 'archivecolor\[torch\]'"):
        chosen(**options)


def test_options_that_contradict_each_other_are_refused():
    for runtime in ("onnx", "auto"):
        with pytest.raises(UsageError, match="--device cuda takes --runtime torch"):
            chosen(runtime=runtime, device="cuda", precision="int8")
    with pytest.raises(UsageError, match="int8 is ONNX Runtime's"):
        chosen(runtime="torch", precision="int8")


def test_a_quantised_decoder_answers_nearly_the_same(both):
    """Photographs, which its ranges are made for."""
    quantised = open_runtime(built_in_path(), NetworkOptions(precision="int8"))
    assert quantised.placement == "cpu, int8"
    luma = data.cat()[:256, :384].mean(axis=2) / 255
    lightness = (lightness_from_luma(luma) / 50 - 1).astype(np.float32)[None]
    theirs, mine = both[1].run(lightness), quantised.run(lightness)
    assert 0 < np.abs(mine.ab - theirs.ab).mean() < 0.3
    np.testing.assert_array_equal(mine.ab, quantised.run(lightness).ab)


def test_a_quantised_decoder_is_that_of_the_built_in_weights_alone(tmp_path):
    path = with_options(tmp_path, {"up1.from_skip.1.bias": torch.zeros(208)})
    with pytest.raises(UnavailableError, match=r"other weights than .*other\.safetensors"):
        open_runtime(path, NetworkOptions(precision="int8"))


def test_a_checkpoint_of_a_small_network_is_answered_by_torch_where_auto_may_choose(tmp_path, machine):
    machine.has()
    options = {"encoder": "lite0", "widths": (8, 8, 8, 8), "attention": 0, "bins": 8}
    path = tmp_path / "small.safetensors"
    path.write_bytes(dump_checkpoint(build_generator("default", options), CheckpointInfo("default", options)))
    assert isinstance(open_predictor(path, NetworkOptions()), Predictor)
    assert open_predictor(path, NetworkOptions()).runtime_name.startswith("torch ")
