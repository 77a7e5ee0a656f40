"""A picture whose name has brackets, stars or question marks in it: what is decided holds for it alone."""

import json
import os
import shutil

import pytest
from small_archive import grey_of, tree

from archivecolor.archive.decision import Decision, State
from archivecolor.archive.decisions import append_decisions
from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import locked
from archivecolor.cli.main import main
from archivecolor.jobs.review import open_review
from archivecolor.settings import ReviewSettings

# Taken for a glob, each of these would mean those behind it too.
NAMES = {
    "box[1]/a?.png": ["box1/ab.png", "box1/a?.png"],
    "d*.png": ["album/dog.png", "deer.png"],
    "e[x].png": ["ex.png"],
}
OTHERS = [name for others in NAMES.values() for name in others]


@pytest.fixture
def archive(copy_of_archive, tmp_path):
    """A copy with such pictures."""
    archive = copy_of_archive(tmp_path)
    shutil.rmtree(archive.scans)
    shutil.rmtree(archive.output)
    for name in (*NAMES, *OTHERS):
        (archive.scans / name).parent.mkdir(parents=True, exist_ok=True)
        grey_of("chelsea", (64, 64)).save(archive.scans / name)
    archive.dir()
    return archive


def lines_of(archive):
    return [json.loads(line) for line in Layout(archive.output).decisions.read_text().splitlines()]


def test_rejecting_one_rejects_no_other(archive, tmp_path, monkeypatch, capsys):
    before = tree(archive.output)
    monkeypatch.chdir(archive.scans)
    archive.correct(*NAMES, "--reject")
    assert archive.changed(before) == set(NAMES)
    archive.dir()
    assert archive.changed(before) == set(NAMES)
    capsys.readouterr()
    assert main(["decisions", "list", str(archive.output)]) == 0
    assert {line.partition(":")[0] for line in capsys.readouterr().out.splitlines()} == set(NAMES)
    # Elsewhere too, and with a file that a run takes in.
    file = tmp_path / "decided.jsonl"
    assert main(["decisions", "export", str(archive.output), str(file)]) == 0
    decisions = Layout(archive.output).decisions
    decisions.unlink()
    archive.dir(code=3)  # what was rejected is not made because that was lost
    assert archive.changed(before) == set(NAMES)
    assert main(["decisions", "import", str(archive.output), str(file)]) == 0
    archive.dir()
    assert archive.changed(before) == set(NAMES)
    decisions.unlink()
    archive.dir("--decisions", file)
    assert archive.changed(before) == set(NAMES)
    archive.correct(*NAMES, "--reset")
    assert archive.changed(before) == set()


def test_a_file_of_decisions_keeps_its_sense_where_nothing_is_made_yet(archive, tmp_path):
    archive.correct(*NAMES, "--reject", "--later")
    file = tmp_path / "decided.jsonl"
    shutil.copy(Layout(archive.output).decisions, file)
    shutil.rmtree(archive.output)
    archive.dir("--decisions", file)
    made = {name for name in tree(archive.output) if not name.startswith("_")}
    assert made == set(OTHERS)


def test_hints_and_handwork_of_such_a_picture(archive, monkeypatch):
    before = tree(archive.output)
    made = (archive.output / "d*.png").read_bytes()
    archive.correct("d*.png", "--hint", "50%,50%=red")
    assert archive.changed(before) == {"d*.png"}
    (archive.output / "d*.png").write_bytes(b"retouched")
    archive.correct("d*.png", "--take-back")
    assert archive.record("d*.png").correction["handwork"]
    archive.correct("d*.png", "--reset")
    assert (archive.output / "d*.png").read_bytes() == made


def test_a_glob_is_one_where_no_picture_has_its_name(archive):
    before = tree(archive.output)
    archive.correct("d?er.png", "--reject")
    assert archive.changed(before) == {"deer.png"}
    archive.correct("d?er.png", "--take-back", code=2)
    archive.correct("d?er.png", "--reset")
    assert archive.changed(before) == set()


def test_a_review_decides_about_the_picture_it_shows(archive):
    before = tree(archive.output)
    with open_review(ReviewSettings(output=archive.output, jobs=1), lambda _: None) as review:
        for name in NAMES:
            review.decide_state(review.index.named(name), State.REJECTED, "")
    with open_review(ReviewSettings(output=archive.output, jobs=1), lambda _: None) as review:
        states = {name: review.index.named(name).decided for name in (*NAMES, *OTHERS)}
    assert states == dict.fromkeys(NAMES, "rejected") | dict.fromkeys(OTHERS, "none")
    archive.dir()
    assert archive.changed(before) == set(NAMES)


@pytest.mark.parametrize("is_made", [True, False])
def test_lines_that_do_not_say_what_they_mean_name_the_picture_of_that_name(archive, is_made):
    """As earlier versions wrote them."""
    if not is_made:
        shutil.rmtree(archive.output)
        archive.output.mkdir()
    old = [{"format": 1, "path": name, "state": "rejected"} for name in (*NAMES, "de?r.png")]
    Layout(archive.output).state.mkdir(exist_ok=True)
    Layout(archive.output).decisions.write_text("".join(json.dumps(line) + "\n" for line in old))
    archive.dir()
    assert {name for name in OTHERS if not (archive.output / name).exists()} == {"deer.png"}
    assert not any((archive.output / name).exists() for name in NAMES)
    # Said as it was understood, whatever is renamed later.
    exported = archive.output.parent / "decided.jsonl"
    assert main(["decisions", "export", str(archive.output), str(exported)]) == 0
    told = {line["path"]: line["glob"] for line in map(json.loads, exported.read_text().splitlines())}
    assert told == dict.fromkeys(NAMES, False) | {"de?r.png": True}


def test_names_that_are_not_utf8_too(archive):
    name, other = os.fsdecode(b"\xff[1].png"), os.fsdecode(b"\xff1.png")
    for one in (name, other):
        grey_of("chelsea", (64, 64)).save(archive.scans / one)
    archive.dir()
    before = tree(archive.output)
    archive.correct(name, "--reject")
    archive.dir()
    assert archive.changed(before) == {name}


def test_a_glob_and_a_picture_of_the_same_letters_are_two(archive):
    with locked(archive.output):
        append_decisions(
            Layout(archive.output).decisions,
            [Decision("e[x].png", State.REJECTED, glob=True), Decision("e[x].png", State.ACCEPTED)],
        )
    before = tree(archive.output)
    archive.dir()
    assert archive.changed(before) == {"ex.png"}
    assert {line["format"] for line in lines_of(archive)} == {2}


def test_old_lines_of_shares_name_the_pictures_of_all_shares(archive, tmp_path):
    share, whole = tmp_path / "share", tmp_path / "whole"
    options = [str(option) for option in archive.options]
    assert main(["dir", str(archive.scans), str(share), "--include", "ex.png", *options]) == 0
    old = {"format": 1, "path": "e[x].png", "state": "rejected"}
    Layout(share).decisions.write_text(json.dumps(old) + "\n")
    assert main(["merge", str(share), str(archive.output), str(whole)]) == 0
    (line,) = map(json.loads, Layout(whole).decisions.read_text().splitlines())
    assert (line["path"], line["glob"]) == ("e[x].png", False)
