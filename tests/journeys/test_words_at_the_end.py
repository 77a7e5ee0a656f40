"""What a run over a folder says at its end: sums that add up, and what is left."""

import json
from pathlib import Path

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
        (["dir", "scans/0.png"], "for the file scans/0.png: archivecolor photo scans/0.png", "IN"),
        (["scan-1"], "if it is one: archivecolor photo scan-1, or archivecolor video scan-1", "command"),
        (["photo", "."], "archivecolor dir . OUT", "-colour"),
        (["photo", "scans/.."], "archivecolor dir scans/.. OUT", "-colour"),
        (["photo", "scans"], "archivecolor dir scans scans-colour", "OUT"),
    ],
)
def test_advice_leads_to_a_command_that_does_what_was_wanted(scans, capsys, words, advice, never):
    (scans.parent / "scan-1").write_bytes((scans / "0.png").read_bytes())
    assert main(words) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert advice in said
    assert never not in said


def test_reasons_stand_behind_the_number_that_they_add_up_to(scans, capsys):
    rgb = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(rgb).save(scans / "colour.png")
    (scans / "empty.png").touch()
    assert main(["grey", "scans", "back", "--jobs", "1"]) == ExitCode.SOME_FAILED
    assert "5 done, 1 skipped (already-colour 1), 1 failed (empty 1) in " in capsys.readouterr().err


def test_what_failed_before_is_listed_and_only_what_can_help_is_advised(scans, capsys):
    (scans / "empty.png").touch()
    words = ["grey", "scans", "back", "--jobs", "1"]
    assert main(words) == ExitCode.SOME_FAILED
    capsys.readouterr()
    assert main(words) == ExitCode.SOME_FAILED
    said = capsys.readouterr().err
    assert "1 failed before; --retry-failed tries them again" in said
    assert "  the list is back/_archivecolor/manifest.jsonl" in said.splitlines()


def test_names_that_collide_are_not_to_be_tried_again(scans, capsys, tmp_path, here):
    for name in ("a.pgm", "a.ppm"):
        (scans / name).write_bytes(Path("scans/0.png").read_bytes())
    assert here("dir", scans, tmp_path / "out").returncode == ExitCode.SOME_FAILED
    for more in ([], ["--retry-failed"]):
        again = here("dir", scans, tmp_path / "out", *more)
        assert again.returncode == ExitCode.SOME_FAILED
        assert "2 refused before for the name of another; name one of each otherwise" in again.stderr
        assert "--retry-failed" not in again.stderr
        assert "  the list is " in again.stderr


def test_verify_says_each_fault_once(scans, capsys):
    assert main(["grey", "scans", "back", "--jobs", "1", "-q"]) == ExitCode.OK
    Path("back/1.png").unlink()
    for more in ([], ["-v"], ["--json"]):
        assert main(["verify", "back", *more]) == ExitCode.VERIFY
        out, err = capsys.readouterr()
        assert out.count("1.png") == 1
        assert "1.png" not in err
        assert "1 failed (missing 1)" in err


def test_pictures_whose_names_do_not_say_it_are_told_how_they_are_taken(scans, capsys):
    (scans / "0.png").rename(scans / "plate")
    (scans / "list.txt").write_text("plate\n")
    words = ["grey", "scans", "back", "--jobs", "1"]
    assert main(words) == ExitCode.OK
    said = capsys.readouterr().err
    assert "2 not pictures passed over (.txt 1, no extension 1: --files-from takes those that are)" in said
    assert main([*words, "--files-from", "scans/list.txt"]) == ExitCode.OK
    assert "1 done" in capsys.readouterr().err


def test_a_device_that_is_not_there_is_refused_where_all_is_up_to_date(scans, capsys):
    words = ["dir", "scans", "out", "--include", "0.png", "--working-size", "64", "--jobs", "1"]
    assert main(words) == ExitCode.OK
    for given in (words, ["photo", "scans/0.png", "-o", "out/0.png", "--working-size", "64"]):
        capsys.readouterr()
        assert main([*given, "--device", "cuda:99"]) == ExitCode.UNAVAILABLE
        assert "cuda" in capsys.readouterr().err


def test_a_file_of_no_record_is_told_of_before_and_after_it_is_put_aside(scans, capsys):
    output = scans.parent / "back"
    output.mkdir()
    for number in range(4):
        (output / f"{number}.png").write_bytes(b"somebody's own")
    assert main(["grey", "scans", "back", "--dry-run"]) == ExitCode.OK
    foreseen = capsys.readouterr().out.splitlines()[-1]
    assert foreseen == (
        "4 files of no record in the place of outputs, which a run puts aside as NAME.by-hand-DATE:"
        " 0.png, 1.png, 2.png and 1 more"
    )
    assert main(["grey", "scans", "back", "--jobs", "1"]) == ExitCode.OK
    said = capsys.readouterr().err.splitlines()
    assert "; 4 files of no record put aside as NAME.by-hand-DATE" in said[0]
    aside = sorted(path.name for path in output.glob("*.by-hand-*"))
    told = [f"  {name[:5]}: a file of no record had the output's name and is now {name}" for name in aside]
    assert said[1:] == [*told[:3], "  and 1 more, by the details of their records"]
    assert main(["grey", "scans", "back"]) == ExitCode.OK
    assert "put aside" not in capsys.readouterr().err


def test_scans_that_are_gone_are_counted_where_all_of_the_input_was_looked_through(scans, capsys):
    words = ["grey", "scans", "back", "--jobs", "1"]
    assert main(words) == ExitCode.OK
    (scans / "3.png").unlink()
    capsys.readouterr()
    assert main(words) == ExitCode.OK
    told = "; 1 recorded file no longer in the input: `archivecolor verify --sources` tells which"
    assert capsys.readouterr().err.rstrip().endswith(told)
    assert main([*words, "--dry-run"]) == ExitCode.OK
    assert "1 recorded file no longer in the input" in capsys.readouterr().out
    assert main([*words, "--include", "0.*"]) == ExitCode.OK
    assert "no longer" not in capsys.readouterr().err


def test_nothing_to_work_on_is_said(scans, capsys):
    assert main(["grey", "scans", "back", "--include", "*.tif"]) == ExitCode.OK
    assert "warning: no file of scans that is not excluded is like --include *.tif" in capsys.readouterr().err
    (scans.parent / "empty").mkdir()
    assert main(["grey", "empty", "other"]) == ExitCode.OK
    assert "warning: there is nothing in empty to work on" in capsys.readouterr().err
    assert main(["grey", "scans", "back", "--include", "1.*"]) == ExitCode.OK
    assert "warning" not in capsys.readouterr().err


def test_a_damaged_line_is_told_of_once_with_the_way_to_be_rid_of_it(scans, capsys):
    words = ["grey", "scans", "back", "--jobs", "1"]
    assert main(words) == ExitCode.OK
    manifest = scans.parent / "back/_archivecolor/manifest.jsonl"
    lines = manifest.read_bytes().splitlines(True)
    manifest.write_bytes(b"".join([lines[0][:40] + b"\n", *lines[1:]]))
    capsys.readouterr()
    assert main(words) == ExitCode.OK
    assert capsys.readouterr().err.count("line 1 is damaged") == 1
    assert main(["verify", "back"]) == ExitCode.VERIFY
    said = capsys.readouterr()
    assert "`archivecolor manifest compact` then removes the line" in said.out
    assert "5 files in order" in said.err
    assert "; 1 not in order (damaged-line 1)" in said.err
    assert main(["manifest", "compact", "back"]) == ExitCode.OK
    assert main(["verify", "back"]) == ExitCode.OK
