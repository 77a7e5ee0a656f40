"""`grey`: what it takes, and what it says of what it does not."""

import json

import numpy as np
import pytest
from PIL import Image
from skimage import data
from small_archive import grey_of

from archivecolor.cli.main import main
from archivecolor.errors import ExitCode


def test_the_limit_that_refuses_a_picture_can_be_raised(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "coloured").mkdir()
    rgb = np.random.default_rng(0).integers(0, 256, (90, 130, 3), np.uint8)
    Image.fromarray(rgb).save("coloured/market.png")
    words = ["grey", "coloured", "back", "--jobs", "1", "--any-colour"]
    assert main([*words, "--max-megapixels", "0.01"]) == ExitCode.SOME_FAILED
    lines = (tmp_path / "back" / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    assert "--max-megapixels raises it" in json.loads(lines[-1])["detail"]
    assert main([*words, "--retry-failed"]) == ExitCode.OK
    assert Image.open("back/market.png").mode == "L"


@pytest.fixture
def coloured(tmp_path, here):
    """An output with colour of ours, of which a BMP holds no mark, and a copy of a colour photograph."""
    scans = tmp_path / "scans"
    scans.mkdir()
    for name in ("camera.png", "camera.bmp"):
        grey_of("camera", (64, 64)).save(scans / name)
    Image.fromarray(data.coffee()).resize((96, 64)).save(scans / "cup.jpg")
    assert here("dir", scans, tmp_path / "out", "--rest", "copy").returncode == ExitCode.OK
    return tmp_path / "out"


def records(output):
    lines = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    return {record["path"]: record for record in map(json.loads, lines)}


def test_colour_that_is_not_ours_is_left_alone_and_said(coloured, here, tmp_path):
    back = tmp_path / "back"
    done = here("grey", coloured, back)
    assert done.returncode == ExitCode.OK
    assert "2 done, 1 skipped (already-colour 1)" in done.stderr
    assert "; 1 not coloured by this program, --any-colour takes them too" in done.stderr
    assert sorted(path.name for path in back.glob("*.*")) == ["camera.bmp", "camera.png"]
    assert records(back)["cup.jpg"]["reason"] == "already-colour"
    again = here("grey", coloured, back)
    assert "3 up to date" in again.stderr
    assert here("verify", back, "--sources", coloured).returncode == ExitCode.OK
    assert here("grey", coloured, back, "--any-colour").returncode == ExitCode.OK
    with Image.open(back / "cup.jpg") as cup:
        assert cup.mode == "L"


def test_without_records_the_mark_in_a_picture_tells(coloured, here, tmp_path):
    elsewhere, back = tmp_path / "elsewhere", tmp_path / "back"
    elsewhere.mkdir()
    for name in ("camera.png", "cup.jpg"):
        (elsewhere / name).write_bytes((coloured / name).read_bytes())
    grey_of("moon", (64, 64)).save(elsewhere / "plain.png")
    assert here("grey", elsewhere, back).returncode == ExitCode.OK
    assert sorted(path.name for path in back.glob("*.*")) == ["camera.png", "plain.png"]
