"""Each system learns: its loss falls on a dozen tiny pictures, and two pictures can be learned by heart."""

import numpy as np
import pytest
from colour_photographs import photograph
from small_networks import SMALL, quick_settings

from archivecolor.engine.stopping import Stop
from archivecolor.networks.checkpoint import load_checkpoint
from archivecolor.training.distributed import SINGLE_PROCESS
from archivecolor.training.samples import centre_squares, predict_ab, score, validation_metrics
from archivecolor.training.setup import set_up

LR = {"encoder-decoder": 2e-3, "cnn": 1e-3, "unet-gan": 1e-3, "pix2pix": 1e-3, "default": 3e-3}

# Grey is near the truth by structure, so the cnn's falls slowly.
STEPS = {"cnn": 150, "default": 40, "encoder-decoder": 40, "resnet-autoencoder": 12, "resnet-fcn": 12}


@pytest.mark.parametrize("network", SMALL)
def test_the_loss_falls_and_the_checkpoint_loads(network, pictures, trained, tmp_path):
    steps = STEPS.get(network, 24)
    settings = quick_settings(
        pictures, tmp_path, network, max_steps=steps, batch_size=16 if network == "encoder-decoder" else 6,
        augment=0.0, lr=LR.get(network, 2e-3),
    )  # fmt: skip
    info, reports = trained(settings)
    loss = SMALL[network][1]
    losses = [report.losses[loss] for report in reports if loss in report.losses]
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    said = load_checkpoint(tmp_path / "last.safetensors").info
    assert (said.network, said.metrics, said.data_digest) == (network, info.metrics, info.data_digest)
    assert info.training["steps"] == steps
    assert {"psnr", "ssim", "ciede2000", "colourfulness", "colourfulness_ratio"} <= set(info.metrics)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two whole pictures."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("astronaut", "coffee"):
        whole = photograph(name)
        side = min(whole.size)
        whole.crop((0, 0, side, side)).resize((32, 32)).save(folder / f"{name}.png")
    return folder


@pytest.mark.parametrize(
    ("network", "options", "hyperparameters"),
    [
        (
            "default",
            ("encoder=lite0", "widths=64,48,48,32", "bins=32", "attention=1", "frozen_encoder=false"),
            # Each picture twice: means over two alone differ too much from step to step.
            {"max_steps": 80, "lr": 3e-3, "batch_size": 4},
        ),
        ("pix2pix", ("width=8", "depth=5"), {"max_steps": 40, "lr": 2e-3, "batch_size": 2}),
    ],
)
def test_two_pictures_can_be_learned_by_heart(network, options, hyperparameters, two, tmp_path, monkeypatch):
    monkeypatch.setitem(SMALL, network, (options, ""))
    settings = quick_settings(two, tmp_path, network, size=32, augment=0.0, ema=0.95, **hyperparameters)
    training = set_up(settings, SINGLE_PROCESS)
    for _ in training.trainer.run(Stop()):
        pass
    truths = centre_squares(training.split.train, 32)
    trainer = training.trainer
    scored = score(truths, predict_ab(trainer.averaged, truths, trainer.device, trainer.precision))
    # Grey is 16.0 away, and the mean colour of each picture 10.9.
    assert validation_metrics(scored)["ciede2000"] < 8.0
