"""The same decisions give the same bytes: wherever they were made, and however the work is divided."""

import os
import subprocess

import pytest
from decided_archive import RED, Archive
from small_archive import tree

from archivecolor.cli.main import main


@pytest.fixture(scope="module")
def archive(copy_of_archive, tmp_path_factory):
    """An archive that was corrected one picture at a time, and in one run."""
    archive = copy_of_archive(tmp_path_factory.mktemp("corrected"))
    archive.correct("album/anna.png", "--hint", f"30%,85%={RED},thing", "--hint", "70%,20%=grey")
    archive.correct("pages.tif", "--page", "2", "--hint", f"50%,50%={RED}", "--later")
    archive.correct("deep.tif", "--saturation", 0.4, "--later")
    archive.correct("cat.jpg", "--reject", "--later")
    archive.correct("album/*", "--quality", "high", "--later")
    archive.correct("album/turned.jpg", "--hint", "20%,20%=olive,here", "--later")
    archive.correct("panorama.png", "--hint", "9%,40%=navy,here", "--note", "die Mauer war blau")
    archive.dir()
    return archive


@pytest.fixture(scope="module")
def decided(archive):
    """What was decided about the archive, as a file that another one can take in."""
    path = archive.output.parent / "decided.jsonl"
    assert main(["decisions", "export", str(archive.output), str(path)]) == 0
    return path


@pytest.mark.parametrize(
    "words", [["--jobs", "1", "--batch-size", "1"], ["--jobs", "2", "--batch-size", "3"]], ids=str
)
def test_decisions_made_elsewhere_give_the_same_bytes_from_nothing(
    archive, decided, checkpoint, tmp_path, words
):
    again = Archive(archive.scans, tmp_path / "again", checkpoint)
    again.dir("--decisions", decided, *words)
    assert tree(again.output) == tree(archive.output)
    count = again.records()
    again.dir("--decisions", decided)
    again.dir()
    assert again.records() == count


def test_decisions_can_be_taken_in_before_anything_is_coloured(archive, decided, checkpoint, tmp_path):
    again = Archive(archive.scans, tmp_path / "again", checkpoint)
    again.dir("--limit", 0)
    assert main(["decisions", "import", str(again.output), str(decided)]) == 0
    again.dir("--include", "*.tif")
    again.dir()
    assert tree(again.output) == tree(archive.output)


def test_one_core_gives_the_bytes_that_all_of_them_gave(archive, decided, command_words, tmp_path):
    """Threads of the network and of linear algebra go by the cores that there are."""
    words = command_words("dir", archive.scans, tmp_path / "out", "--decisions", decided)
    words = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), *words]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "out") == tree(archive.output)


def test_a_dry_run_takes_nothing_in(archive, decided, checkpoint, tmp_path, capsys):
    again = Archive(archive.scans, tmp_path / "again", checkpoint)
    again.dir("--decisions", decided, "--dry-run")
    assert not (tmp_path / "again").exists()
    again.dir("--decisions", tmp_path / "none.jsonl", code=2)
    assert "none.jsonl does not exist" in capsys.readouterr().err


def test_what_names_nothing_and_what_holds_against_ours_is_said_once(archive, decided, tmp_path, capsys):
    """A file from a colleague whose archive has other pictures too, and who thinks otherwise."""
    theirs = tmp_path / "theirs.jsonl"
    line = '{"format":1,"path":"%s","state":"accepted","at":"2999-01-01T00:00:00.000Z"}\n'
    theirs.write_text("".join(line % path for path in ("cat.jpg", "album/*", "moon.jpg", "box/*")))
    for times in (1, 0):
        archive.dir("--decisions", theirs, "--limit", 0)
        errors = capsys.readouterr().err
        assert errors.count("moon.jpg is decided about, and nothing of that name is here") == times
        assert errors.count("box/* is decided about") == times
        assert errors.count("decides otherwise about cat.jpg, and later") == times
        assert "album/* is decided about, and nothing" not in errors
