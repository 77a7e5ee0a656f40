"""The systems have the shapes their write-ups state, and load pretrained encoders strictly."""

import math
import re
from pathlib import Path

import pytest
import torch

from archivecolor.errors import CheckpointError, UsageError
from archivecolor.inference.torch_optimize import cast_weights, fold_batch_norms
from archivecolor.networks.classic.discriminators import (
    ConditionalPatchGan,
    ConvolutionalClassifier,
    PatchGan,
)
from archivecolor.networks.classic.resnet import ResNet
from archivecolor.networks.classic.vgg import Vgg16
from archivecolor.networks.default.discriminator import SpectralPatch
from archivecolor.networks.registry import build_generator, network_names


def count(network):
    return sum(part.numel() for part in network.parameters())


SMALL = {
    "default": {"encoder": "lite0", "widths": (8, 8, 8, 8), "attention": 1, "bins": 8},
    "cnn": {"width": 64},
    "encoder-decoder": {"widths": (8, 16, 16, 32)},
    "unet": {"widths": (8, 16, 16, 32)},
    "pix2pix": {"depth": 5, "width": 8},
    "unet-gan": {"depth": 5, "width": 8},
    "resnet-autoencoder": {"depth": 18},
    "resnet-fcn": {"depth": 18},
}
# Where numbers alone are asked for, tensors have none.
SHAPES_ALONE = torch.device("meta")


@pytest.mark.parametrize("name", network_names())
def test_every_network_answers_with_chroma_over_the_whole_input(name):
    network = build_generator(name, SMALL.get(name, {})).eval()
    with torch.inference_mode():
        answer = network.predict_ab(torch.rand(2, 1, 64, 96) * 2 - 1)
    assert answer.ab.shape[:2] == (2, 2)
    assert answer.ab.shape[3] * 64 == answer.ab.shape[2] * 96
    assert answer.certainty.shape == (2, 1, *answer.ab.shape[2:])
    assert 0 <= float(answer.certainty.min()) <= float(answer.certainty.max()) <= 1
    assert torch.isfinite(answer.ab).all()


def test_the_encoder_decoder_narrows_to_16_by_16_by_512():
    network = build_generator("encoder-decoder", {}).eval()
    with torch.inference_mode():
        assert network.latent(torch.zeros(1, 1, 256, 256)).shape == (1, 512, 16, 16)
        assert network(torch.zeros(1, 1, 256, 256)).shape == (1, 2, 256, 256)


@pytest.mark.parametrize("name", ["default", "cnn"])
def test_the_first_answers_are_near_grey(name):
    """At the ends of a tanh, or far away in ab, a training begins that goes nowhere."""
    torch.manual_seed(3)
    with torch.inference_mode():
        answer = build_generator(name, {}).eval().predict_ab(torch.rand(2, 1, 64, 64) * 2 - 1)
    assert answer.ab.abs().max() < 30


@pytest.mark.parametrize(("expected", "left"), [(2.0, 1.0), (24.0, (math.exp(-2) / 0.3) ** 2)])
def test_colour_fades_where_the_network_expects_to_be_far_off(expected, left):
    """Expected distances in CIEDE2000; what is left of the colour."""
    network = build_generator("default", {"encoder": "lite0", "widths": (8, 8, 8, 8), "bins": 8}).eval()
    for part in (network.to_ab, network.to_distance[-1]):
        torch.nn.init.zeros_(part.weight)
        torch.nn.init.constant_(part.bias, 0.2)
    # The softplus of the distance is the distance itself this far out.
    torch.nn.init.constant_(network.to_distance[-1].bias, math.log(math.expm1(expected)))
    with torch.inference_mode():
        answer = network.predict_ab(torch.zeros(1, 1, 32, 32))
    torch.testing.assert_close(answer.certainty, torch.full((1, 1, 8, 8), math.exp(-expected / 12)))
    torch.testing.assert_close(answer.ab, torch.full((1, 2, 8, 8), 0.2 * 110 * left))


def test_pix2pix_has_the_published_number_of_parameters():
    with SHAPES_ALONE:
        network = build_generator("pix2pix", {})
    assert count(network) == 54_414_979
    assert len(network.unet.down) == 8
    assert len(network.unet.up) == 7
    dropouts = [any(isinstance(part, torch.nn.Dropout) for part in step) for step in network.unet.up]
    assert dropouts == [True] * 3 + [False] * 4


def test_the_conditional_patch_gan_answers_30_by_30_and_has_the_published_number_of_parameters():
    judge = ConditionalPatchGan(condition=3, channels=3)
    assert count(judge) == 2_768_641
    with torch.inference_mode():
        assert judge(torch.zeros(1, 3, 256, 256), torch.zeros(1, 3, 256, 256)).shape == (1, 1, 30, 30)


def test_one_score_of_the_patch_gan_sees_70_by_70_pixels():
    judge = PatchGan(channels=2).eval()
    picture = torch.zeros(1, 2, 256, 256, requires_grad=True)
    judge(picture)[0, 0, 15, 15].backward()
    rows = picture.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == 70


def test_the_classifier_gives_a_picture_one_score():
    assert ConvolutionalClassifier(64)(torch.zeros(3, 3, 64, 64)).shape == (3, 1)


def test_the_spectral_discriminator_keeps_its_filters_at_norm_one():
    judge = SpectralPatch()
    for _ in range(20):
        judge(torch.randn(1, 3, 16, 16))
    filters = judge.layers[0].weight.detach().flatten(1)
    assert float(torch.linalg.matrix_norm(filters, 2)) == pytest.approx(1.0, abs=0.05)


def test_the_resnet_autoencoder_reads_256_channels_at_a_quarter_of_the_size():
    network = build_generator("resnet-autoencoder", {}).eval()
    with torch.inference_mode():
        assert network.features(torch.zeros(1, 1, 224, 224)).shape == (1, 256, 56, 56)
        assert network(torch.zeros(1, 1, 224, 224)).shape == (1, 2, 224, 224)


def test_the_resnets_are_the_published_ones():
    # torchvision's counts, less the classifier and two of the three input channels of the first filters
    less = {50: 2048 * 1000 + 1000 + 2 * 64 * 49, 101: 2048 * 1000 + 1000 + 2 * 64 * 49}
    less |= {18: 512 * 1000 + 1000 + 2 * 64 * 49}
    published = {18: 11_689_512, 50: 25_557_032, 101: 44_549_160}
    for depth, parameters in published.items():
        with SHAPES_ALONE:
            assert count(ResNet(depth)) == parameters - less[depth]


def test_the_vgg_encoder_is_the_published_one():
    with SHAPES_ALONE:
        assert count(Vgg16()) == 14_714_688 - 2 * 64 * 9


def test_the_unet_halves_four_times_and_comes_back():
    network = build_generator("unet", {}).eval()
    with torch.inference_mode():
        maps = network.encoder(torch.zeros(1, 1, 256, 256))
    assert [tuple(one.shape[1:]) for one in maps[1:]] == [
        (64, 128, 128),
        (128, 64, 64),
        (256, 32, 32),
        (512, 16, 16),
    ]


def published_weights(encoder):
    """Tensors as a file for colour input has them: three channels in, a classifier at the end."""
    tensors = {
        name: torch.randn_like(part)
        for name, part in encoder.state_dict().items()
        if part.is_floating_point()
    }
    first = next(iter(tensors))
    tensors[first] = torch.randn(tensors[first].shape[0], 3, *tensors[first].shape[2:])
    return tensors


@pytest.mark.parametrize(
    ("name", "options", "encoder", "classifier"),
    [
        ("resnet-fcn", {"depth": 18}, lambda: ResNet(18), "fc.weight"),
        ("resnet-autoencoder", {"depth": 18}, lambda: ResNet(18), "fc.weight"),
        ("unet-gan", {"encoder": "resnet18"}, lambda: ResNet(18), "fc.bias"),
        ("unet", {"encoder": "vgg16", "widths": (16,)}, Vgg16, "classifier.0.weight"),
    ],
)
def test_published_encoder_weights_are_taken_up_strictly(name, options, encoder, classifier):
    tensors = published_weights(encoder())
    network = build_generator(name, options)
    network.load_encoder(tensors | {classifier: torch.zeros(1)})
    first = next(iter(tensors))
    own = dict(network.named_parameters())
    loaded = next(part for part_name, part in own.items() if part_name.endswith(f"encoder.{first}"))
    torch.testing.assert_close(loaded.detach(), tensors[first].sum(dim=1, keepdim=True))
    with pytest.raises(CheckpointError, match="do not fit"):
        network.load_encoder({key: value for key, value in tensors.items() if key != first})
    with pytest.raises(CheckpointError, match="the first of them strange"):
        network.load_encoder(tensors | {"strange": torch.zeros(1)})


@pytest.mark.parametrize("name", ["encoder-decoder", "unet", "cnn", "pix2pix", "unet-gan"])
def test_a_network_without_a_pretrained_encoder_says_so(name):
    with SHAPES_ALONE, pytest.raises(CheckpointError, match=r"encoder|plain"):
        build_generator(name, {}).load_encoder({})


def test_unknown_names_are_told():
    with pytest.raises(UsageError, match=r"no network called 'unett'.*unet"):
        build_generator("unett", {})
    with pytest.raises(UsageError, match=r"no option 'width'.*widths"):
        build_generator("unet", {"width": 3})
    with pytest.raises(UsageError, match="plain, vgg16"):
        build_generator("unet", {"encoder": "vgg19"})
    with pytest.raises(UsageError, match="depth 7"):
        build_generator("resnet-fcn", {"depth": 7})


def test_attention_begins_as_the_identity():
    torch.manual_seed(0)
    network = build_generator("encoder-decoder", {"widths": (8, 8), "attention": True}).eval()
    x = torch.randn(1, 8, 6, 6)
    torch.testing.assert_close(network.attention(x), x)
    network.attention.share.data.fill_(1.0)
    assert float((network.attention(x) - x).abs().max().detach()) > 0.01


def test_the_page_of_networks_gives_their_sizes():
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text()
    told = dict(re.findall(r"^\| `([\w-]+)` \| [^|]+ \| ([\d,]{6,}) \|", page, re.MULTILINE))
    with torch.device("meta"):
        counted = {name: count(build_generator(name, {})) for name in network_names()}
    assert told == {name: f"{count:,}" for name, count in counted.items()}


def test_folding_batch_norms_leaves_the_answer_and_no_norm():
    torch.manual_seed(0)
    generator = build_generator("default", {"encoder": "lite0", "widths": (16, 16, 8, 8), "bins": 4})
    lightness = torch.rand(2, 1, 64, 64) * 2.0 - 1.0
    generator.train()
    for _ in range(3):
        generator(lightness)
    generator.eval().requires_grad_(False)
    before = generator.predict_ab(lightness)
    fold_batch_norms(generator)
    after = generator.predict_ab(lightness)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in generator.modules())
    torch.testing.assert_close(after.ab, before.ab, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(after.certainty, before.certainty, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", network_names())
def test_weights_cast_beforehand_answer_as_in_mixed_precision(name):
    network = build_generator(name, SMALL.get(name, {})).eval().requires_grad_(False)
    lightness = torch.rand(1, 1, 64, 64) * 2.0 - 1.0
    with torch.autocast("cpu", torch.bfloat16):
        before = network.predict_ab(lightness)
        cast_weights(network, torch.bfloat16)
        after = network.predict_ab(lightness)
    assert torch.equal(after.ab, before.ab)
    assert torch.equal(after.certainty, before.certainty)


def test_bins_have_their_say_where_the_regression_has_not_all_of_it():
    torch.manual_seed(0)
    options = {"encoder": "lite0", "widths": (16, 16, 8, 8), "bins": 4, "caution": 0.0, "temperature": 1.0}
    alone, mixed = (
        build_generator("default", {**options, "regression": share}).eval() for share in (1.0, 0.25)
    )
    alone.centres.copy_(torch.tensor([[40.0, 0.0], [-40.0, 0.0], [0.0, 40.0], [0.0, -40.0]]))
    mixed.load_state_dict(alone.state_dict())
    lightness = torch.rand(1, 1, 64, 64) * 2.0 - 1.0
    with torch.inference_mode():
        probability = alone(lightness).logits.softmax(dim=1)
        expected = 0.25 * alone.predict_ab(lightness).ab + 0.75 * torch.einsum(
            "nbhw,bc->nchw", probability, alone.centres
        )
        torch.testing.assert_close(mixed.predict_ab(lightness).ab, expected)
