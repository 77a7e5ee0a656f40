"""`grey`: what it takes, and what it says of what it does not."""

import json

import numpy as np
from PIL import Image

from archivecolor.cli.main import main
from archivecolor.errors import ExitCode


def test_the_limit_that_refuses_a_picture_can_be_raised(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "coloured").mkdir()
    rgb = np.random.default_rng(0).integers(0, 256, (90, 130, 3), np.uint8)
    Image.fromarray(rgb).save("coloured/market.png")
    words = ["grey", "coloured", "back", "--jobs", "1"]
    assert main([*words, "--max-megapixels", "0.01"]) == ExitCode.SOME_FAILED
    lines = (tmp_path / "back" / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    assert "--max-megapixels raises it" in json.loads(lines[-1])["detail"]
    assert main([*words, "--retry-failed"]) == ExitCode.OK
    assert Image.open("back/market.png").mode == "L"
