"""`archivecolor evaluate` as a user types it, on real files with a real (small, random) network."""

import csv
import json

import pytest
from PIL import Image

from archivecolor.cli.main import main
from archivecolor.datasets.collection import list_members
from archivecolor.evaluation.hints import worst_hints
from archivecolor.inference.predictor import open_predictor
from archivecolor.networks.feature_extractor import SqueezeNetFeatures
from archivecolor.scoring.photo_score import read_reference
from archivecolor.settings import NetworkOptions

QUICK = ["--working-size", "64", "--device", "cpu"]


@pytest.fixture(scope="session")
def second(checkpoint, tmp_path_factory):
    copied = tmp_path_factory.mktemp("more") / "second.safetensors"
    copied.write_bytes(checkpoint.read_bytes())
    return copied


@pytest.fixture(scope="session")
def features(tmp_path_factory):
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("features") / "squeezenet1_1.safetensors"
    save_file(SqueezeNetFeatures().state_dict(), path)
    return path


def test_a_folder_with_everything(folder, checkpoint, second, features, tmp_path, capsys):
    words = ["evaluate", str(folder), "--checkpoint", str(checkpoint), "--checkpoint", str(second)]
    assert main([*words, *QUICK, "-o", str(tmp_path / "out"), "--features", str(features), "--json"]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)
    rows = {row["name"]: row for row in figures["rows"]}
    assert list(rows) == ["grey", "one warm tint", "random", "second"]
    assert rows["grey"]["pictures"] == 4
    assert rows["random"]["ciede2000"] == rows["second"]["ciede2000"] > 0
    assert rows["random"]["frechet"] > 0
    assert figures["features"] == "squeezenet1_1"
    assert all(one["mean"] == 0 for one in figures["paired"])
    assert {left["name"] for left in figures["left_out"]} == {"z-camera.png", "z-broken.jpg"}
    assert "2 pictures left out" in err

    with (tmp_path / "out" / "pictures.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 4 * 4
    with (tmp_path / "out" / "table.csv").open(encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)] == list(rows)
    with Image.open(tmp_path / "out" / "sheet-random-01.png") as sheet:
        assert sheet.width > 500


def test_a_shard_as_a_table_for_people(shard, checkpoint, capsys):
    assert main(["evaluate", str(shard), "--checkpoint", str(checkpoint), *QUICK, "--limit", "2"]) == 0
    out, _ = capsys.readouterr()
    assert "2 photographs" in out
    assert "dE@0.8" in out
    assert "one warm tint" in out
    assert "Frechet" not in out


def test_a_list_is_the_folder_it_lists(folder, checkpoint, tmp_path, capsys):
    listing = tmp_path / "list.txt"
    listing.write_text(f"{folder / 'coffee.png'}\n{folder / 'rocket.png'}\n", encoding="utf-8")
    assert main(["evaluate", str(listing), "--checkpoint", str(checkpoint), *QUICK, "--json", "-q"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["rows"][0]["pictures"] == 2
    assert err == ""


def test_the_answer_does_not_depend_on_the_company(folder, shard, checkpoint, tmp_path, capsys):
    listing = tmp_path / "one.txt"
    listing.write_text(f"{folder / 'rocket.png'}\n", encoding="utf-8")
    found = []
    for data in (listing, folder):
        output = tmp_path / data.stem
        main(["evaluate", str(data), "--checkpoint", str(checkpoint), *QUICK, "-q", "-o", str(output)])
        with (output / "pictures.csv").open(encoding="utf-8") as file:
            rows = csv.DictReader(file)
            found += [row["ciede2000"] for row in rows if "rocket" in row["name"] and row["row"] == "random"]
    assert found[0] == found[1]
    capsys.readouterr()


def test_checkpoints_of_one_name_have_their_own_rows_and_sheets(folder, checkpoint, tmp_path, capsys):
    paths = [tmp_path / "runs" / run / "grey.safetensors" for run in ("a", "b")]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_bytes(checkpoint.read_bytes())
    words = ["--checkpoint", str(paths[0]), "--checkpoint", str(paths[1]), *QUICK, "--limit", "1", "--json"]
    assert main(["evaluate", str(folder), *words, "-o", str(tmp_path / "out")]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)["rows"]]
    assert names == ["grey", "one warm tint", "a-grey", "b-grey"]
    sheets = sorted(path.name for path in (tmp_path / "out").glob("sheet-*-01.png"))
    assert sheets == ["sheet-a-grey-01.png", "sheet-b-grey-01.png"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "not there"),
        (["{grey}"], "not one photograph"),
        (["{folder}", "--checkpoint", "{checkpoint}"], "given twice"),
        (["{empty}"], "nothing to judge"),
    ],
)
def test_what_cannot_be_judged_ends_with_2(words, said, folder, checkpoint, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    grey = tmp_path / "grey.txt"
    grey.write_text(f"{folder / 'z-camera.png'}\n", encoding="utf-8")
    names = {"folder": folder, "checkpoint": checkpoint, "grey": grey, "empty": tmp_path / "empty"}
    filled = [word.format(**names) for word in words]
    assert main(["evaluate", *filled, "--checkpoint", str(checkpoint), *QUICK]) == 2
    assert said in capsys.readouterr().err


def test_features_of_another_network_are_refused(folder, checkpoint, capsys):
    words = ["evaluate", str(folder), "--checkpoint", str(checkpoint), "--features", str(checkpoint), *QUICK]
    assert main(words) == 4
    assert "SqueezeNet" in capsys.readouterr().err


def test_a_film_beside_photographs(shard, street_film, checkpoint, tmp_path, capsys):
    words = ["evaluate", str(shard), str(street_film), "--checkpoint", str(checkpoint), *QUICK]
    assert main([*words, "-o", str(tmp_path / "out"), "--limit", "3"]) == 0
    out, _ = capsys.readouterr()
    assert "3 photographs" in out
    assert "random, steady" in out
    with (tmp_path / "out" / "films.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["the true film", "random, frame by frame", "random, steady"]
    assert {row["frames"] for row in rows} == {"3"}


def test_hints_are_measured_beside_the_table(shard, checkpoint, capsys, tmp_path):
    words = ["evaluate", str(shard), "--checkpoint", str(checkpoint), *QUICK, "--limit", "3"]
    assert main([*words, "--hints", "0,1,20", "--json", "-o", str(tmp_path)]) == 0
    figures = json.loads(capsys.readouterr().out)
    network = figures["rows"][-1]
    none, one, twenty = figures["hints"]
    assert [row["hints"] for row in (none, one, twenty)] == [0, 1, 20]
    assert none["pictures"] == 3
    assert none["share_worse"] == 0
    assert none["ciede2000"] == pytest.approx(network["ciede2000"])
    assert none["psnr"] == pytest.approx(network["psnr"])
    assert twenty["ciede2000"] < one["ciede2000"] < none["ciede2000"]
    assert (tmp_path / "hints.csv").read_text().count("\n") == 4
    assert main([*words, "--hints", "2"]) == 0
    assert "3 photographs with true hints" in capsys.readouterr().out


def test_hints_at_the_worst_places_are_measured_beside_uniform_ones(shard, checkpoint, capsys, tmp_path):
    words = ["evaluate", str(shard), "--checkpoint", str(checkpoint), *QUICK, "--limit", "3"]
    assert main([*words, "--hints", "0,5", "--hint-places", "both", "--json", "-o", str(tmp_path)]) == 0
    rows = {(row["places"], row["hints"]): row for row in json.loads(capsys.readouterr().out)["hints"]}
    assert list(rows) == [("uniform", 0), ("uniform", 5), ("worst", 0), ("worst", 5)]
    assert rows["worst", 0]["ciede2000"] == rows["uniform", 0]["ciede2000"]
    assert rows["worst", 5]["ciede2000"] != rows["uniform", 5]["ciede2000"]
    assert rows["worst", 5]["ciede2000"] < 0.8 * rows["worst", 0]["ciede2000"]
    assert (tmp_path / "hints.csv").read_text().splitlines()[-1].split(",")[1] == "worst"


def test_each_worst_place_is_where_the_answer_to_those_before_it_is_most_wrong(shard, checkpoint):
    predictor = open_predictor(checkpoint, NetworkOptions(working_size=64, device="cpu"))
    (member, *_) = list_members([shard]).members
    truth = read_reference(member, 64)
    (answer,) = predictor.answers([truth.luma])
    hints = worst_hints(truth, answer, 6)
    assert hints[:3] == worst_hints(truth, answer, 3)
    height, width = truth.rgb.shape[:2]
    places = {(round(hint.x * width - 3.5), round(hint.y * height - 3.5)) for hint in hints}
    assert len(places) == 6
    assert all(max(abs(a - c), abs(b - d)) >= 7 for a, b in places for c, d in places if (a, b) != (c, d))


@pytest.mark.parametrize("hints", ["five", "1,", "201", "-1"])
def test_numbers_of_hints_that_cannot_be_are_refused(hints, shard, checkpoint, capsys):
    assert main(["evaluate", str(shard), "--checkpoint", str(checkpoint), "--hints", hints, *QUICK]) == 2
    assert "hints" in capsys.readouterr().err
    # Before anything is opened or measured.
    assert main(["evaluate", str(shard), "--checkpoint", "gone.safetensors", "--hints", hints, *QUICK]) == 2
