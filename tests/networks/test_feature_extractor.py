import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage import data

from archivecolor.errors import CheckpointError
from archivecolor.networks.feature_extractor import SqueezeNetFeatures, load_feature_extractor


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("features") / "squeezenet1_1.safetensors"
    tensors = dict(SqueezeNetFeatures().state_dict())
    tensors["classifier.1.weight"] = torch.zeros(1000, 512, 1, 1)
    save_file(tensors, path)
    return path


def test_it_is_squeezenet_1_1_by_names_and_size():
    tensors = SqueezeNetFeatures().state_dict()
    # 1,235,496 published parameters, 513,000 of them in the classifier.
    assert sum(tensor.numel() for tensor in tensors.values()) == 1_235_496 - 513_000
    assert tensors["features.0.weight"].shape == (64, 3, 3, 3)
    assert tensors["features.12.expand3x3.bias"].shape == (256,)


def test_features_follow_the_picture(weights):
    reader = load_feature_extractor(weights, torch.device("cpu"))
    chelsea, coffee = reader.extract(data.chelsea()), reader.extract(data.coffee())
    assert chelsea.shape == (512,)
    assert np.isfinite(chelsea).all()
    assert np.array_equal(chelsea, reader.extract(data.chelsea()))
    assert not np.allclose(chelsea, coffee)


def test_a_file_of_another_network_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"features.0.weight": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="SqueezeNet"):
        load_feature_extractor(path, torch.device("cpu"))
