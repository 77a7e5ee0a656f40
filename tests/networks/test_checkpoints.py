"""Checkpoints rebuild their network, refuse what does not fit, and never run code."""

import dataclasses
import io
import json
import os

import pytest
import torch
from safetensors.torch import save

from archivecolor.errors import CheckpointError
from archivecolor.networks.checkpoint import (
    CheckpointInfo,
    dump_checkpoint,
    load_checkpoint,
    load_foreign_tensors,
    read_info,
)
from archivecolor.networks.registry import build_generator, network_names

OPTIONS = {"widths": (8, 8)}
SMALL = {
    "default": {"encoder": "lite0", "widths": (8, 8, 8, 8), "attention": 1, "bins": 4},
    "encoder-decoder": OPTIONS,
    "unet": OPTIONS,
    "cnn": {"width": 16},
    "pix2pix": {"width": 4, "depth": 5},
    "resnet-autoencoder": {"depth": 18},
    "resnet-fcn": {"depth": 18, "width": 8},
    "unet-gan": {"width": 4, "depth": 5},
}


@pytest.fixture
def unet():
    torch.manual_seed(1)
    return build_generator("unet", OPTIONS).eval()


def write(path, generator, **more):
    info = CheckpointInfo(**({"network": "unet", "options": OPTIONS} | more))
    path.write_bytes(dump_checkpoint(generator, info, half=False))
    return path


@pytest.mark.parametrize("name", network_names())
def test_every_network_comes_back_from_its_checkpoint(name, tmp_path):
    generator = build_generator(name, SMALL[name]).eval()
    path = write(
        tmp_path / "net.safetensors", generator, network=name, options=dataclasses.asdict(generator.options)
    )
    loaded = load_checkpoint(path)
    lightness = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(
            loaded.generator.predict_ab(lightness).ab, generator.predict_ab(lightness).ab
        )


def test_half_precision_changes_colours_by_little(unet, tmp_path):
    path = tmp_path / "half.safetensors"
    path.write_bytes(dump_checkpoint(unet, CheckpointInfo(network="unet", options=OPTIONS)))
    lightness = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        difference = load_checkpoint(path).generator.predict_ab(lightness).ab - unet.predict_ab(lightness).ab
    assert float(difference.abs().max()) < 0.2


def test_what_a_checkpoint_says_is_read_without_its_tensors(unet, tmp_path):
    path = write(tmp_path / "a.safetensors", unet, title="mine", metrics={"psnr": 20.5}, data_digest="abc")
    info = read_info(path)
    assert (info.title, info.metrics, info.data_digest) == ("mine", {"psnr": 20.5}, "abc")


def test_what_a_checkpoint_says_is_read_from_its_header_alone(unet, tmp_path, monkeypatch):
    path = write(tmp_path / "a.safetensors", unet, title="mine")
    head = 8 + int.from_bytes(path.read_bytes()[:8], "little")
    read = []
    monkeypatch.setattr("pathlib.Path.open", lambda path, mode="r": CountedFile(path, mode, read))
    assert read_info(path).title == "mine"
    assert sum(read) == head


class CountedFile(io.FileIO):
    """Notes how many bytes are asked for."""

    def __init__(self, path, mode, read):
        super().__init__(path, mode)
        self.noted = read

    def read(self, size=-1):
        data = super().read(size)
        self.noted.append(len(data))
        return data


@pytest.mark.parametrize(("layout", "words"), [(99, "layout 99, newer"), (0, "layout 0, too old")])
def test_another_layout_is_refused(unet, tmp_path, layout, words):
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(write(tmp_path / "a.safetensors", unet, format=layout))


def test_a_network_of_another_program_version_is_refused(unet, tmp_path):
    with pytest.raises(CheckpointError, match="network 'colorizer-9'"):
        load_checkpoint(write(tmp_path / "a.safetensors", unet, network="colorizer-9"))


def test_wrong_tensors_are_refused_with_their_names(unet, tmp_path):
    header = {"archivecolor": json.dumps(dataclasses.asdict(CheckpointInfo(network="unet", options=OPTIONS)))}
    tensors = {
        name: part.contiguous() for name, part in unet.state_dict().items() if part.is_floating_point()
    }
    lacking = {name: part for name, part in tensors.items() if name != "to_ab.bias"}
    misshapen = tensors | {"to_ab.bias": torch.zeros(7)}
    for wrong, words in ((lacking, "1 tensors missing"), (misshapen, "1 of another shape, .*to_ab.bias")):
        path = tmp_path / "a.safetensors"
        path.write_bytes(save(wrong, metadata=header))
        with pytest.raises(CheckpointError, match=words):
            load_checkpoint(path)


def test_an_option_that_this_layout_lacks_is_refused(unet, tmp_path):
    path = write(tmp_path / "a.safetensors", unet, options=OPTIONS | {"skips": True})
    with pytest.raises(CheckpointError, match="skips"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("network", "options"),
    [("unet", {"widths": [-1, 4]}), ("unet", {"widths": "abc"}), ("default", {"encoder": "lite9"})],
)
def test_options_of_which_no_network_can_be_made_are_refused(unet, tmp_path, network, options):
    with pytest.raises(CheckpointError, match="another layout"):
        load_checkpoint(write(tmp_path / "a.safetensors", unet, network=network, options=options))


def test_a_layout_that_is_no_number_is_refused(unet, tmp_path):
    with pytest.raises(CheckpointError, match="damaged header"):
        load_checkpoint(write(tmp_path / "a.safetensors", unet, format="x"))


def test_what_half_precision_cannot_hold_is_kept_whole(unet, tmp_path):
    norm = next(part for part in unet.modules() if isinstance(part, torch.nn.BatchNorm2d))
    norm.running_var.fill_(1e6)
    path = tmp_path / "half.safetensors"
    path.write_bytes(dump_checkpoint(unet, CheckpointInfo(network="unet", options=OPTIONS)))
    again = next(part for part in load_checkpoint(path).generator.modules() if type(part) is type(norm))
    assert torch.equal(again.running_var, norm.running_var)


@pytest.mark.parametrize("content", [b"", b"\x00" * 7, b"PK\x03\x04 no tensors", b"\xff" * 64])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="no archivecolor checkpoint"):
        load_checkpoint(path)


def test_a_cut_checkpoint_is_refused(unet, tmp_path):
    path = write(tmp_path / "a.safetensors", unet)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError):
        load_checkpoint(path)


class Hostile:
    """Makes a file where it is unpickled by a program that lets it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_foreign_file_with_code_in_it_is_refused_and_the_code_does_not_run(tmp_path):
    path, trace = tmp_path / "weights.pth", tmp_path / "code-has-run"
    torch.save({"weight": torch.zeros(2), "more": Hostile(trace)}, path)
    with pytest.raises(CheckpointError, match="cannot be read as plain tensors"):
        load_foreign_tensors(path)
    assert not trace.exists()


def test_foreign_tensors_are_read_plain_or_in_a_state_dict(tmp_path):
    for content in ({"weight": torch.ones(2)}, {"state_dict": {"weight": torch.ones(2)}, "epoch": 3}):
        torch.save(content, tmp_path / "weights.pth")
        assert load_foreign_tensors(tmp_path / "weights.pth")["weight"].tolist() == [1, 1]
    torch.save({"weight": 3}, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="no plain state dict"):
        load_foreign_tensors(tmp_path / "weights.pth")


@pytest.mark.parametrize(("width", "words"), [(1 << 16, "of another layout"), (1 << 19, "out of bounds")])
def test_a_header_that_asks_for_more_than_the_file_holds_takes_no_memory(tmp_path, width, words):
    info = CheckpointInfo("default", {"widths": (width,) * 4})
    path = tmp_path / "vast.safetensors"
    header = {"archivecolor": json.dumps(dataclasses.asdict(info))}
    path.write_bytes(save({"a": torch.zeros(1)}, metadata=header))
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(path)
