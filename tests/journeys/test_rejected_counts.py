"""What was rejected is counted as that: not as work to come, and not as an output that is there."""

import shutil

import pytest

from archivecolor.archive.layout import Layout
from archivecolor.cli.main import main


@pytest.fixture
def archive(copy_of_archive, tmp_path):
    return copy_of_archive(tmp_path)


@pytest.fixture
def decided(archive, tmp_path):
    """A file that rejects two of six."""
    archive.correct("cat.jpg", "album/anna.png", "--reject", "--later")
    return shutil.move(Layout(archive.output).decisions, tmp_path / "decided.jsonl")


def said_by(archive, capsys, *words):
    capsys.readouterr()
    archive.dir(*words)
    return [line for line in capsys.readouterr().out.splitlines() if "time" not in line]


def test_a_dry_run_takes_no_rejected_picture_for_work(archive, decided, capsys):
    words = ("--decisions", decided, "--dry-run")
    assert said_by(archive, capsys, *words) == [
        "to do: 0 pictures, 0.0 megapixels, 0.0 MB",
        "4 up to date",
        "2 rejected",
    ]
    shutil.rmtree(archive.output)
    first, *others = said_by(archive, capsys, *words)
    assert first.startswith("to do: 4 pictures, ")
    assert others == ["2 rejected"]


def test_verify_counts_the_outputs_that_are_there(archive, decided, capsys):
    archive.dir("--decisions", decided)
    (archive.output / "cat.jpg").write_bytes(b"somebody put it back")
    capsys.readouterr()
    assert main(["verify", str(archive.output)]) == 6
    out, err = capsys.readouterr()
    assert out.startswith("changed           cat.jpg  (")
    assert "verify: 4 files in order, 1 failed" in err
    (archive.output / "cat.jpg").unlink()
    assert main(["verify", str(archive.output)]) == 0
    assert "verify: 4 files in order in" in capsys.readouterr().err
