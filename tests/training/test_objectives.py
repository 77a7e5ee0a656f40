"""What each objective does when, and what it does to pictures."""

import numpy as np
import pytest
import torch
from skimage.data import astronaut
from small_networks import quick_settings

from archivecolor.datasets.photographs import Photograph
from archivecolor.engine.stopping import Stop
from archivecolor.errors import UsageError
from archivecolor.networks.registry import build_generator, network_names
from archivecolor.training.classic.cnn import change_exposure
from archivecolor.training.default import class_rebalancing_weights, kmeans_bin_centres
from archivecolor.training.distributed import SINGLE_PROCESS
from archivecolor.training.objective import (
    TrainingProgress,
    build_objective,
    objective_option_names,
)
from archivecolor.training.setup import set_up
from archivecolor.training.tensors import Batch


def losses_of(settings):
    return [set(report.losses) for report in set_up(settings, SINGLE_PROCESS).trainer.run(Stop())]


def test_every_network_has_an_objective_whose_options_are_its_own():
    for network in network_names():
        build_objective(network, {})
    assert objective_option_names("unet") == {"reconstruction", "noise"}


@pytest.mark.parametrize("network", network_names())
def test_an_objective_s_own_crops_suit_its_network(network):
    with torch.device("meta"):
        multiple = build_generator(network, {}).multiple
    assert build_objective(network, {}).hyperparameters.size % multiple == 0


def test_the_default_s_losses_follow_the_network_to_another_device():
    generator = build_generator("default", {"encoder": "lite0", "bins": 8})
    objective = build_objective("default", {})
    objective.prepare(generator, [Photograph("astronaut", "", astronaut())])
    # As the trainer does once the objective has prepared it; what stayed behind shows without a GPU.
    generator.to("meta")
    batch = Batch(*(torch.empty(2, channels, 64, 64, device="meta") for channels in (1, 2, 1)))
    assert set(objective.generator_losses(generator, None, batch, TrainingProgress(0, 0.0, 0.0))) >= {
        "bins",
        "distance",
    }


@pytest.mark.parametrize(
    ("network", "given", "words"),
    [
        ("unett", {}, "did you mean 'unet'"),
        ("unet", {"noise": "much"}, "noise is 'much'; it takes a number"),
        ("unet", {"noise": float("nan")}, "noise is nan"),
        ("unet", {"nois": 1}, "did you mean 'noise'"),
    ],
)
def test_options_of_an_objective_are_checked(network, given, words):
    with pytest.raises(UsageError, match=words):
        build_objective(network, given)


@pytest.mark.parametrize(
    ("network", "given", "words"),
    [
        ("default", {"widths": (8, 8, 8)}, "it takes four"),
        ("default", {"widths": (9, 8, 8, 8)}, "a multiple of 8"),
        ("default", {"bins": 1}, "4 or more"),
        ("pix2pix", {"width": 0, "depth": 3}, "a layer of it would be empty"),
        ("pix2pix", {"depth": 2.5}, "a whole number"),
        ("unet", {"he_normal": "yes"}, "true or false"),
        ("unet", {"encoder": 16}, "a word"),
        ("cnn", {"dropout": 5.0}, "between 0 and 1"),
    ],
)
def test_options_of_a_network_are_checked(network, given, words):
    with pytest.raises(UsageError, match=words):
        build_generator(network, given)


def test_a_number_stands_for_a_list_of_one():
    assert build_generator("unet", {"widths": 8}).options.widths == (8,)


def test_a_mistyped_option_is_told_those_of_network_and_objective(pictures, tmp_path):
    with pytest.raises(UsageError, match=r"encoder, he_normal, noise, .*did you mean 'reconstruction'"):
        set_up(quick_settings(pictures, tmp_path, options=("reconstrution=1",)), SINGLE_PROCESS)


def test_encoder_and_decoder_take_turns_of_an_epoch(pictures, tmp_path):
    settings = quick_settings(pictures, tmp_path, "encoder-decoder", batch_size=80, max_steps=12)
    turns = losses_of(settings)  # epochs of 320 pictures: 4 steps
    assert turns == ([{"judge"}] * 4 + [{"fool", "l1"}] * 4 + [{"judge"}] * 4)


def test_the_classifier_sees_half_an_epoch_of_truth_then_half_of_answers(pictures, tmp_path):
    trainer = set_up(
        quick_settings(pictures, tmp_path, "encoder-decoder", batch_size=80), SINGLE_PROCESS
    ).trainer
    trainer.discriminator_step.network.score.weight.data.zero_()
    trainer.discriminator_step.network.score.bias.data.fill_(5.0)  # it says: true
    discriminator_losses = []
    for report in trainer.run(Stop()):
        discriminator_losses.append(report.losses["judge"])
        trainer.finished = report.step == 4
    assert [loss > 1 for loss in discriminator_losses] == [False, False, True, True]


def test_the_unet_gan_goes_through_its_stages(pictures, tmp_path):
    options = ("alone=0.5", "judge_alone=0.25")
    turns = losses_of(quick_settings(pictures, tmp_path, "unet-gan", max_steps=8, options=options))
    assert turns == [{"l1"}] * 4 + [{"judge"}] * 2 + [{"judge", "l1", "fool"}] * 2


def test_expecting_a_distance_teaches_nothing_but_to_expect():
    torch.manual_seed(0)
    generator = build_generator("default", {"encoder": "lite0", "widths": (32, 16, 16, 8), "bins": 8})
    objective = build_objective("default", {})
    objective.rebalancing_weights = torch.ones(8)
    lightness = torch.rand(2, 1, 64, 64) * 2.0 - 1.0
    batch = Batch(lightness, torch.randn(2, 2, 64, 64) * 20.0, lightness)
    objective.generator_losses(generator, None, batch, TrainingProgress(0, 0.0, 0.0))["doubt"].backward()
    moved = {name for name, value in generator.named_parameters() if value.grad is not None}
    assert moved == {name for name, _ in generator.named_parameters() if name.startswith("to_distance")}


def test_vividness_asks_for_no_more_than_the_truths_chroma():
    objective = build_objective("default", {"vividness": 1.0, "vivid_target": 1.0})
    clean = torch.zeros(2, 1, 8, 8)
    truth = 30.0 * torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    assert float(objective._colourfulness_deficit(truth, truth, clean)) == pytest.approx(0.0, abs=1e-3)
    assert float(objective._colourfulness_deficit(2.0 * truth, truth, clean)) == pytest.approx(0.0, abs=1e-3)
    assert float(objective._colourfulness_deficit(0.5 * truth, truth, clean)) > 0.3


def test_the_default_duel_is_off_unless_asked_for_and_comes_last(pictures, tmp_path):
    plain = losses_of(quick_settings(pictures, tmp_path, "default", max_steps=2))
    assert plain == [{"bins", "distance", "doubt"}] * 2
    duel = losses_of(
        quick_settings(pictures, tmp_path, "default", size=64, max_steps=8, options=("duel=0.5",))
    )
    assert duel[:4] == [{"bins", "distance", "doubt"}] * 4
    assert duel[4] == {"bins", "distance", "doubt", "judge"}
    assert duel[-1] == {"bins", "distance", "doubt", "judge", "fool"}


def test_resnets_are_stopped_early_and_keep_a_fifth_for_the_last_test(pictures, trained, tmp_path):
    settings = quick_settings(
        pictures,
        tmp_path,
        "resnet-autoencoder",
        validation=(),
        validate_every=1,
        max_steps=60,
        lr=1e-9,
        ema=0.0,
    )
    info, reports = trained(settings)
    assert 4 <= len(reports) < 60
    assert "test_psnr" in info.metrics


def test_exposure_is_changed_in_three_ways_and_stays_a_picture():
    crop = astronaut()[::8, ::8]
    kinds = {change_exposure(crop, np.random.default_rng(seed)).tobytes() for seed in range(12)}
    assert len(kinds) == 3
    changed = change_exposure(crop, np.random.default_rng(0))
    assert (changed.dtype, changed.shape) == (np.uint8, crop.shape)


def test_exposure_of_a_flat_crop_is_no_trouble():
    for seed in range(6):
        assert change_exposure(np.full((64, 64, 3), 7, np.uint8), np.random.default_rng(seed)).shape == (
            64,
            64,
            3,
        )


def test_bins_lie_where_colours_are_and_rare_ones_weigh_more():
    rng = np.random.default_rng(0)
    common, rare = rng.normal((5, 5), 1, (900, 2)), rng.normal((60, -40), 1, (100, 2))
    colours = np.concatenate((common, rare)).astype(np.float32)
    centres = kmeans_bin_centres(colours, 4)
    distance = torch.cdist(torch.from_numpy(colours), centres).min(dim=1).values
    assert float(distance.max()) < 6
    weights = class_rebalancing_weights(colours, centres)
    nearest = torch.cdist(torch.tensor([[5.0, 5.0], [60.0, -40.0]]), centres).argmin(dim=1)
    assert weights[nearest[1]] > weights[nearest[0]]
    frequency = (
        torch.bincount(torch.cdist(torch.from_numpy(colours), centres).argmin(dim=1), minlength=4) / 1000
    )
    assert float((weights * frequency).sum()) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("network", "more", "words"),
    [
        ("pix2pix", {"size": 48}, "multiples of 32"),
        ("pix2pix", {"batch_size": 1}, "batch norm"),
        ("default", {"options": ("duel=0.2",)}, "at least 64 pixels"),
        ("unet", {"options": ("recon=3",)}, "no option 'recon'"),
        ("unet", {"options": ("recon",)}, "NAME=VALUE"),
        ("nothing", {"options": ()}, "nothing"),
    ],
)
def test_what_does_not_suit_the_network_is_told(network, more, words, pictures, tmp_path):
    from small_networks import SMALL

    SMALL.setdefault("nothing", ((), ""))
    try:
        with pytest.raises(UsageError, match=words):
            set_up(quick_settings(pictures, tmp_path, network, **more), SINGLE_PROCESS)
    finally:
        SMALL.pop("nothing", None)
