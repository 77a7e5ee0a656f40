"""Networks are written as ONNX models that other programs can run at any size."""

import dataclasses
import json

import numpy as np
import onnxruntime
import pytest
import torch

from archivecolor.cli.main import main
from archivecolor.errors import ExitCode, UnavailableError
from archivecolor.networks.builtin import built_in_path
from archivecolor.networks.checkpoint import (
    Checkpoint,
    CheckpointInfo,
    dump_checkpoint,
    load_checkpoint,
    read_info,
)
from archivecolor.networks.export import onnx_model, package_graph
from archivecolor.networks.graph import graph_for
from archivecolor.networks.registry import build_generator, network_names

SMALL = {
    "default": {"encoder": "lite0", "widths": (8, 8, 8, 8), "attention": 1, "bins": 8, "regression": 0.5},
    "encoder-decoder": {"widths": (8, 16, 16, 32)},
    "unet": {"widths": (8, 16, 16, 32)},
    "cnn": {"width": 64},
    "pix2pix": {"depth": 5, "width": 8},
    "unet-gan": {"depth": 5, "width": 8},
    "resnet-autoencoder": {"depth": 18},
    "resnet-fcn": {"depth": 18, "width": 16},
}


@pytest.mark.parametrize("name", network_names())
def test_a_command_writes_any_network_as_a_model_of_any_size(tmp_path, name):
    torch.manual_seed(4)
    options = SMALL.get(name, {})
    generator = build_generator(name, options).eval()
    source, target = tmp_path / "a.safetensors", tmp_path / "new" / "a.onnx"
    source.write_bytes(dump_checkpoint(generator, CheckpointInfo(name, options, title="mine"), half=False))
    assert main(["export", "--onnx", str(source), str(target)]) == ExitCode.OK
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    header = json.loads(session.get_modelmeta().custom_metadata_map["archivecolor"])
    assert (header["network"], header["title"]) == (name, "mine")
    for batch, height, width in ((1, 160, 64), (3, 32, 96)):
        lightness = torch.rand(batch, 1, height, width) * 2 - 1
        with torch.inference_mode():
            expected = generator.predict_ab(lightness)
        ab, certainty = session.run(["ab", "certainty"], {"lightness": lightness.numpy()})
        np.testing.assert_allclose(ab, expected.ab, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(certainty, expected.certainty, atol=1e-4)


@pytest.mark.long  # the whole network of the package is written twice
def test_the_graph_of_the_package_is_that_of_the_network_as_it_is():
    for int8, most in ((False, 250_000), (True, 2_000_000)):
        made = package_graph(load_checkpoint(built_in_path()), int8=int8)
        shipped = graph_for(read_info(built_in_path()), int8=int8)
        assert made.info == shipped.info, "run: make graph"
        assert len(shipped.content) < most


def test_a_network_that_computes_from_sizes_is_not_written(monkeypatch):
    """What Python makes of a size is baked in as a number, and the exporter says nothing."""
    generator = build_generator("default", SMALL["default"]).eval()
    whole = type(generator).predict_likelihood

    def cut_to_size(self, lightness):
        answer = whole(self, lightness)
        ab = answer.ab[:, :, : int(lightness.shape[2]) // 4]
        return dataclasses.replace(answer, ab=ab)

    monkeypatch.setattr(type(generator), "predict_likelihood", cut_to_size)
    with pytest.raises(UnavailableError, match="cannot be written as an ONNX graph: shown"):
        onnx_model(Checkpoint(generator, CheckpointInfo("default", SMALL["default"]), "0" * 64))


@pytest.mark.parametrize(("words", "hint"), [([], "--onnx"), (["--onnx"], "is the checkpoint itself")])
def test_what_cannot_be_meant_is_refused(tmp_path, capsys, words, hint):
    path = tmp_path / "a.safetensors"
    path.write_bytes(built_in_path().read_bytes())
    assert main(["export", *words, str(path), str(path)]) == ExitCode.USAGE
    assert hint in capsys.readouterr().err
    assert path.read_bytes() == built_in_path().read_bytes()
