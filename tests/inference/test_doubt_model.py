"""Doubt about the answers of the built-in weights."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage import data

from archivecolor.cli.main import main
from archivecolor.colour.doubt import Doubt, DoubtReason
from archivecolor.colour.kernel import Answer
from archivecolor.evaluation.fit_doubt import Example, fit_doubt, fit_likelihood, fit_line
from archivecolor.inference.doubt import DoubtModel, open_doubt_model, statistics, write_doubt_model
from archivecolor.inference.predictor import open_predictor
from archivecolor.networks.builtin import built_in_path
from archivecolor.networks.checkpoint import read_checkpoint
from archivecolor.settings import NetworkOptions


@pytest.fixture(scope="module")
def model():
    found = open_doubt_model(read_checkpoint(built_in_path()).digest)
    assert found is not None, "fit the doubt of the built-in weights anew: make doubt"
    return found


@pytest.fixture(scope="module")
def luma():
    return (data.astronaut()[::4, ::4].mean(axis=2) / 255).astype(np.float32)


def answer(seed=0, chroma=20.0):
    random = np.random.default_rng(seed)
    return Answer(
        (random.standard_normal((16, 24, 2)) * chroma).astype(np.float32),
        random.uniform(0.2, 0.9, (16, 24)).astype(np.float32),
        random.uniform(0, 100, (16, 24)).astype(np.float32),
        np.abs(random.standard_normal((8, 12, 144))).astype(np.float32),
    )


def test_other_weights_have_no_model():
    assert open_doubt_model("0" * 64) is None


def test_a_doubt_is_a_share_and_the_same_again(model):
    figures = [model.doubt(answer(seed)).figure for seed in range(4)]
    assert all(0 <= figure <= 1 for figure in figures)
    assert figures == [model.doubt(answer(seed)).figure for seed in range(4)]


def test_nearly_grey_answers_are_never_among_the_surest(model):
    assert all(model.doubt(answer(seed, chroma=0.5)).figure >= 0.3 for seed in range(8))


def test_a_picture_with_nothing_in_it_deserves_no_second_look():
    black = np.zeros((64, 96), np.float32)
    predictor = open_predictor(None, NetworkOptions(working_size=64))
    assert predictor.predict([black], with_doubt=True)[0].doubt == Doubt(0.0)


def test_nearly_grey_answers_keep_their_order(model):
    # Both foretold to be far better than most.
    lenient = replace(model, ladder=np.linspace(-40.0, 400.0, 101))
    sure, unsure = answer(chroma=0.5), answer(chroma=0.5)
    unsure.certainty[:] *= 0.5
    assert 0.3 < lenient.doubt(sure).figure < lenient.doubt(unsure).figure < 0.5


def test_less_certainty_is_more_doubt(model):
    sure, unsure = answer(), answer()
    unsure.certainty[:] *= 0.5
    weigh = [statistics(one, one.features) @ model.weights for one in (sure, unsure)]
    assert weigh[0] < weigh[1]


def test_no_model_without_features(model):
    assert (
        model.doubt(Answer(*(getattr(answer(), name) for name in ("ab", "certainty", "lightness")), None))
        is None
    )


@pytest.mark.parametrize(
    "device_options", [{"runtime": "onnx"}, {"runtime": "torch", "device": "cpu", "precision": "fp32"}]
)
def test_asking_for_doubt_changes_no_colour_on_either_runtime(luma, device_options):
    predictor = open_predictor(None, NetworkOptions(working_size=128, **device_options))
    (plain,), (doubted,) = predictor.predict([luma]), predictor.predict([luma], with_doubt=True)
    assert plain.doubt is None
    assert np.array_equal(plain.cbcr, doubted.cbcr)
    assert plain.confidence == doubted.confidence
    assert 0 <= doubted.doubt.figure <= 1


def test_lines_are_found_again():
    random = np.random.default_rng(1)
    known, line = random.standard_normal((4000, 3)), np.array([1.0, -2.0, 0.0])
    weights, bias = fit_line(known, known @ line + 5)
    assert weights[1] / weights[0] == pytest.approx(-2, rel=0.05)  # shorter, by the ridge
    assert bias == pytest.approx(5, abs=0.1)
    likely = 1 / (1 + np.exp(-(known @ line - 1)))
    weights, bias = fit_likelihood(known.astype(np.float32), likely.astype(np.float32))
    assert [*weights, bias] == pytest.approx([*line, -1], abs=0.02)


def test_a_fitted_model_is_read_as_it_was_written(tmp_path, monkeypatch):
    random = np.random.default_rng(2)

    def example():
        figures = random.standard_normal(5)
        return Example(
            figures, float(np.exp(figures[0])), random.random((3, 2), np.float32), random.random(3)
        )

    made = fit_doubt([example() for _ in range(200)], [example() for _ in range(50)])
    assert made.weights[0] > 4 * np.abs(made.weights[1:]).max()
    assert (np.diff(made.ladder) >= 0).all()
    monkeypatch.setattr("archivecolor.inference.doubt.doubt_path", lambda: tmp_path / "doubt.json")
    write_doubt_model(made, "a" * 64, tmp_path / "doubt.json")
    read = open_doubt_model("a" * 64)
    assert isinstance(read, DoubtModel)
    assert read.weights == pytest.approx(made.weights, rel=1e-5)
    assert read.skin_bias == pytest.approx(made.skin_bias, rel=1e-5)


def test_a_record_says_how_much_doubt_and_why(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    Image.fromarray(data.text()).save(source / "text.png")  # with hardly any colour to it
    assert main(["dir", str(source), str(tmp_path / "out"), "--working-size", "64", "--jobs", "1", "-q"]) == 0
    manifest = tmp_path / "out" / "_archivecolor" / "manifest.jsonl"
    record = json.loads(manifest.read_text().splitlines()[-1])
    assert 0.3 <= record["doubt"] <= 1
    for one in record["doubt_reasons"]:
        assert set(one) == {"reason", "share", "region"}
        assert DoubtReason(one["reason"])
        assert 0 < one["share"] <= 1
        assert one["region"].startswith("pct:")
    assert record["doubt_reasons"]
