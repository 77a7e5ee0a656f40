"""What a run over a folder says at its end: sums that add up, and what is left."""

import json

import numpy as np
import pytest
from PIL import Image

from archivecolor.cli.main import main
from archivecolor.errors import ExitCode


@pytest.fixture
def scans(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(5):
        Image.fromarray(np.full((20, 30), 40 * number, np.uint8)).save(folder / f"{number}.png")
    return folder


def test_a_limit_says_how_many_it_leaves_each_time(scans, capsys):
    words = ["grey", "scans", "back", "--jobs", "1", "--limit", "2"]
    said = []
    for left in (3, 1, 0):
        assert main(words) == ExitCode.OK
        said.append(capsys.readouterr().err)
        counts = json.loads((scans.parent / "back/_archivecolor/run.json").read_text())["counts"]
        assert counts.get("left by --limit", 0) == left
    assert "2 done" in said[0]
    assert "; 3 left by --limit, the same command goes on with them" in said[0]
    assert "; 1 left by --limit" in said[1]
    assert "left" not in said[2]


def test_a_dry_run_says_what_a_limit_leaves(scans, capsys):
    assert main(["grey", "scans", "back", "--dry-run", "--limit", "2"]) == ExitCode.OK
    assert "3 left by --limit" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("words", "advice", "never"),
    [
        (["grey", "scans/0.png", "back"], "give its folder", "archivecolor photo"),
        (["dir", "scans/0.png", "out"], "for one photograph: archivecolor photo scans/0.png", "give its"),
        (["photo", "."], "archivecolor dir . OUT", "-colour"),
        (["photo", "scans/.."], "archivecolor dir scans/.. OUT", "-colour"),
        (["photo", "scans"], "archivecolor dir scans scans-colour", "OUT"),
    ],
)
def test_advice_leads_to_a_command_that_does_what_was_wanted(scans, capsys, words, advice, never):
    assert main(words) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert advice in said
    assert never not in said
