"""`archivecolor detect`: our colour is known by itself, by XMP and by credentials; true colour is not."""

import io
import json
import subprocess

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from skimage import data

import archivecolor
from archivecolor.cli.main import main
from archivecolor.errors import ExitCode
from archivecolor.networks.builtin import checkpoint_path

PICTURES = {
    "astronaut": data.astronaut,
    "chelsea": data.chelsea,
    "coffee": data.coffee,
    "rocket": data.rocket,
}


@pytest.fixture(scope="module")
def predictor():
    return archivecolor.load_predictor(device="cpu")


@pytest.fixture(scope="module")
def coloured(tmp_path_factory, predictor):
    """Pictures in colours of ours, of true ones in grey."""
    folder = tmp_path_factory.mktemp("coloured")
    for name, picture in PICTURES.items():
        Image.fromarray(picture()).convert("L").save(folder / f"{name}-grey.png")
        archivecolor.colour_file(folder / f"{name}-grey.png", folder / f"{name}.png", predictor)
    return folder


def saved(picture, path, quality=75):
    """Without metadata, as a JPEG with halved chroma."""
    contents = io.BytesIO()
    picture.convert("RGB").save(contents, "JPEG", quality=quality, subsampling=2)
    path.write_bytes(contents.getvalue())
    return path


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_ours_is_known_without_any_mark_and_true_colour_is_not(coloured, predictor, tmp_path, name):
    ours = archivecolor.detect(saved(Image.open(coloured / f"{name}.png"), tmp_path / "a.jpg"), predictor)
    assert (ours.evidence, ours.weights) == (("colour",), predictor.digest)
    true = archivecolor.detect(saved(Image.fromarray(PICTURES[name]()), tmp_path / "b.jpg"), predictor)
    assert not true.recognised
    assert true.score < ours.score


@pytest.mark.parametrize("gain", [0.5, 1.5])
def test_another_saturation_is_a_gain(coloured, predictor, tmp_path, gain):
    picture = ImageEnhance.Color(Image.open(coloured / "chelsea.png").convert("RGB")).enhance(gain)
    assert archivecolor.detect(saved(picture, tmp_path / "a.jpg", 90), predictor).evidence == ("colour",)


@pytest.fixture(scope="module")
def other_weights(tmp_path_factory):
    """The built-in weights with every hue a quarter of the circle further on."""
    path = tmp_path_factory.mktemp("weights") / "turned.safetensors"
    with safe_open(checkpoint_path(None), "numpy") as file:
        said = file.metadata()
    tensors = load_file(checkpoint_path(None))
    for name in ("to_ab.weight", "to_ab.bias"):
        a, b = tensors[name]
        tensors[name] = np.stack([-b, a])
    save_file(tensors, path, said)
    return archivecolor.load_predictor(path, device="cpu")


def test_other_weights_are_known_by_their_checkpoint_alone(coloured, predictor, other_weights, tmp_path):
    rgb = archivecolor.colour_array(Image.open(coloured / "coffee-grey.png"), other_weights)
    file = saved(Image.fromarray(rgb), tmp_path / "a.jpg")
    theirs = archivecolor.detect(file, other_weights)
    assert (theirs.evidence, theirs.weights) == (("colour",), other_weights.digest)
    assert other_weights.digest != predictor.digest
    assert not archivecolor.detect(file, predictor).recognised
    assert not archivecolor.detect(saved(Image.open(coloured / "coffee.png"), file), other_weights).recognised


def test_every_evidence_is_named(coloured, predictor, tmp_path):
    assert archivecolor.detect(coloured / "coffee.png", predictor).evidence == ("xmp", "colour")
    assert main(["credentials", "new", str(tmp_path / "keys"), "--name", "Archive", "-q"]) == 0
    file = tmp_path / "keys" / "credentials.toml"
    signed = tmp_path / "signed.png"
    archivecolor.colour_file(coloured / "coffee-grey.png", signed, predictor, credentials=file)
    found = archivecolor.detect(signed, predictor)
    assert found.evidence == ("credentials", "xmp", "colour")
    assert found.weights == predictor.digest


def test_lines_for_people_and_programs(coloured, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG no picture")
    grey, files = coloured / "rocket-grey.png", [coloured / "rocket.png", tmp_path / "broken.png"]
    assert main(["detect", *map(str, files), str(grey), "--json"]) == ExitCode.SOME_FAILED
    ours, broken, without = map(json.loads, capsys.readouterr().out.splitlines())
    assert (ours["recognised"], ours["evidence"]) == (True, ["xmp", "colour"])
    assert 0.5 < ours["score"] <= 1
    assert (broken["recognised"], "trouble" in broken) == (False, True)
    assert (without["recognised"], without["score"], without["weights"]) == (False, None, None)
    assert main(["detect", str(files[0]), str(grey)]) == ExitCode.OK
    told = capsys.readouterr().out.splitlines()
    assert "coloured by archivecolor, weights" in told[0]
    assert "cannot tell; it is grey" in told[1]


def test_a_name_that_nothing_stands_behind_costs_itself_alone(tmp_path, capsys):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "empty.mp4").touch()
    names = ["gone.jpg", "gone.mp4", "folder.mp4", "empty.mp4"]
    assert main(["detect", *(str(tmp_path / name) for name in names)]) == ExitCode.SOME_FAILED
    told = [line.rpartition(": ")[2] for line in capsys.readouterr().out.splitlines()]
    assert told == ["there is no such file"] * 2 + ["it is a folder", "the file has no bytes"]


def test_a_map_shows_the_part_that_is_not_ours(coloured, tmp_path, capsys):
    pasted = Image.open(coloured / "astronaut.png").convert("RGB")
    piece = np.zeros((150, 150, 3), np.uint8) + np.array([20, 90, 200], np.uint8)
    pasted.paste(Image.fromarray(piece), (50, 300))
    pasted.save(tmp_path / "pasted.png")
    words = ["detect", str(tmp_path / "pasted.png"), "--map", str(tmp_path / "map.png")]
    assert main(words) == ExitCode.OK
    drawn = np.asarray(Image.open(tmp_path / "map.png")).astype(int)
    red = drawn[..., 0] - drawn[..., 1] > 60
    assert red[320:430, 70:180].mean() > 0.9
    red[290:460, 40:210] = False
    assert red.mean() < 0.05
    assert main(words) == ExitCode.USAGE, "a map is written over nothing"
    assert main(["detect", "a.png", "b.png", "--map", "x.png"]) == ExitCode.USAGE
    assert main(["detect", "a.png", "--map", "x.jpg"]) == ExitCode.USAGE


def test_a_film_is_looked_at_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.astronaut()).convert("L").save("frame.png")
    words = "ffmpeg -v error -loop 1 -i frame.png -t 1 -r 12 -pix_fmt yuv420p -c:v libx264 film.mp4"
    subprocess.run(words.split(), check=True, timeout=60)
    assert main(["video", "film.mp4", "-o", "coloured.mp4", "--device", "cpu"]) == ExitCode.OK
    strip = "ffmpeg -v error -i coloured.mp4 -map_metadata -1 -c copy stripped.mp4"
    subprocess.run(strip.split(), check=True, timeout=60)
    capsys.readouterr()
    assert main(["detect", "coloured.mp4", "stripped.mp4", "film.mp4", "--json"]) == ExitCode.OK
    ours, stripped, grey = map(json.loads, capsys.readouterr().out.splitlines())
    assert ours["evidence"] == ["tags", "colour"]
    assert stripped["evidence"] == ["colour"]
    assert not grey["recognised"]
