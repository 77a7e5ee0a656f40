"""The weights in the package are those of the model card, and they colour."""

import re
from pathlib import Path

import numpy as np
import pytest
from skimage import data

import archivecolor
from archivecolor.archive.fixity import sha256_of
from archivecolor.colour.lab import lab_from_rgb
from archivecolor.colour.luma import luma_codes
from archivecolor.inference.predictor import open_predictor
from archivecolor.networks.builtin import built_in_path
from archivecolor.scoring.metrics import ciede2000_mean
from archivecolor.settings import NetworkOptions

CARD = Path(__file__).parents[2] / "docs" / "model-card.md"
LARGEST = 32 * 2**20


@pytest.fixture(scope="module")
def predictor():
    return open_predictor(None, NetworkOptions(device="cpu", precision="fp32", batch_size=1))


def test_the_model_card_names_the_weights_that_are_shipped(predictor):
    path = built_in_path()
    assert path.stat().st_size <= LARGEST
    assert re.findall(r"\| sha256 \| `(\w+)`", CARD.read_text()) == [sha256_of(path)]
    assert predictor.digest == sha256_of(path)


# Of the astronaut the head alone: the weights take the orange suit for a blue one.
HEAD, WHOLE = np.s_[60:190, 175:280], np.s_[:]


@pytest.mark.parametrize(
    ("name", "part"), [("astronaut", HEAD), ("rocket", WHOLE), ("coffee", WHOLE), ("chelsea", WHOLE)]
)
def test_they_are_nearer_to_the_truth_than_grey(predictor, name, part):
    truth = getattr(data, name)()
    luma = luma_codes(truth)
    ours = archivecolor.colour_array(luma, predictor)
    grey = np.repeat(luma[..., None], 3, axis=2)
    true, made, none = (lab_from_rgb(rgb[part]) for rgb in (truth, ours, grey))
    assert ciede2000_mean(true, made) < 0.95 * ciede2000_mean(true, none)
