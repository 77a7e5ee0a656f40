"""`dir --rest`: what is left alone is skipped, copied or linked, and the summary says so."""

import json
from pathlib import Path

import pytest
from PIL import Image
from skimage import data
from small_archive import grey_of

from archivecolor.cli.main import main
from archivecolor.errors import ExitCode


@pytest.fixture
def run(tmp_path, checkpoint, monkeypatch):
    """Runs `dir scans out` on a grey picture, one in colour and line art; returns the exit code."""
    scans = tmp_path / "scans"
    scans.mkdir()
    grey_of("camera", (64, 64)).save(scans / "camera.png")
    Image.fromarray(data.coffee()).resize((96, 64)).save(scans / "cup.jpg")
    grey_of("page", (64, 64)).convert("1").save(scans / "page.tif")
    monkeypatch.chdir(tmp_path)
    quick = ["--working-size", "64", "--device", "cpu", "--checkpoint", str(checkpoint), "--jobs", "1"]
    return lambda *words: main(["dir", "scans", "out", *quick, *words])


def outputs():
    return sorted(path.name for path in Path("out").iterdir() if not path.name.startswith("_"))


def reasons():
    records = map(json.loads, Path("out/_archivecolor/manifest.jsonl").read_text().splitlines())
    return {record["path"]: record["reason"] for record in records}


def test_what_is_left_alone_is_told_with_the_option_that_takes_it_along(run, capsys):
    assert run() == ExitCode.OK
    assert outputs() == ["camera.png"]
    assert "2 left alone and not in the output, --rest copy takes them along" in capsys.readouterr().err


def test_copies_come_later_without_colouring_anything_again(run, capsys):
    assert run() == ExitCode.OK
    capsys.readouterr()
    assert run("--rest", "copy") == ExitCode.OK
    assert outputs() == ["camera.png", "cup.jpg", "page.tif"]
    assert reasons() == {"camera.png": "coloured", "cup.jpg": "copied", "page.tif": "copied"}
    said = capsys.readouterr().err
    assert "dir: 2 done" in said
    assert "1 up to date" in said
    assert Path("out/cup.jpg").read_bytes() == Path("scans/cup.jpg").read_bytes()


def test_links_lead_to_the_source_and_are_replaced_not_written_through(run, capsys):
    source = Path("scans/cup.jpg").absolute()
    assert run("--rest", "link") == ExitCode.OK
    assert Path("out/cup.jpg").readlink() == source
    assert reasons()["cup.jpg"] == "linked"
    assert run("--rest", "link") == ExitCode.OK
    assert "3 up to date" in capsys.readouterr().err
    assert main(["verify", "out"]) == ExitCode.OK
    before = source.read_bytes()
    assert run("--colour", "recolour") == ExitCode.OK
    assert not Path("out/cup.jpg").is_symlink()
    assert source.read_bytes() == before


def test_a_source_that_changed_is_linked_anew_and_is_no_handwork(run):
    assert run("--rest", "link") == ExitCode.OK
    Image.fromarray(data.coffee()).resize((90, 60)).save("scans/cup.jpg")
    assert run("--rest", "link") == ExitCode.OK
    assert reasons()["cup.jpg"] == "linked"
    assert main(["verify", "out"]) == ExitCode.OK


def test_a_bag_holds_no_links(run, capsys):
    assert run("--rest", "link", "--bag") == ExitCode.USAGE
    assert "use copy" in capsys.readouterr().err


def test_failed_pictures_are_named_without_a_terminal_ten_at_most(run, capsys):
    for number in range(12):
        Path(f"scans/broken-{number:02}.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    assert run("-q") == ExitCode.SOME_FAILED
    first, *failed, last = capsys.readouterr().err.splitlines()
    assert "12 failed" in first
    assert len(failed) == 10
    assert all(line.startswith("  broken-") and ".jpg: truncated: " in line for line in failed)
    assert last == "  and 2 more; the list is out/_archivecolor/manifest.jsonl"
