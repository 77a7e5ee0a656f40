"""What `decisions list` and `decisions export` say is what holds, and no file of somebody else's is lost."""

import json

import pytest
from decided_archive import RED
from small_archive import tree

from archivecolor.archive.correction import Correction, OwnSettings, ShotCorrection
from archivecolor.archive.decision import Decision, State, line_of
from archivecolor.archive.decisions import Decisions, append_decisions
from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import locked
from archivecolor.archive.record import now_utc
from archivecolor.cli.main import main
from archivecolor.colour.guidance import Hint


@pytest.fixture
def archive(copy_of_archive, tmp_path):
    return copy_of_archive(tmp_path)


def decide(archive, *lines):
    with locked(archive.output):
        append_decisions(Layout(archive.output).decisions, lines)


def listed(archive, capsys, *words):
    capsys.readouterr()
    assert main(["decisions", "list", str(archive.output), *words]) == 0
    return capsys.readouterr().out.splitlines()


def glob(path, state):
    return Decision(path, state, glob=True)


def test_what_no_longer_holds_is_not_listed(archive, capsys):
    decide(archive, Decision("cat.jpg", State.ACCEPTED), glob("album/*", State.REJECTED))
    assert listed(archive, capsys) == ["cat.jpg: accepted", "album/*: rejected  (a glob, holds for 2)"]
    decide(archive, glob("*.jpg", State.REJECTED))
    assert listed(archive, capsys) == [
        "album/*: rejected  (a glob, holds for 1 of the 2 it matches)",
        "*.jpg: rejected  (a glob, holds for 2)",
    ]
    decide(archive, Decision("album/turned.jpg"), Decision("album/anna.png", State.ACCEPTED))
    assert listed(archive, capsys) == [
        "album/*: rejected  (a glob, holds for 0 of the 2 it matches)",
        "*.jpg: rejected  (a glob, holds for 1 of the 2 it matches)",
        "album/anna.png: accepted",
    ]
    assert listed(archive, capsys, "--state", "accepted") == ["album/anna.png: accepted"]
    values = [json.loads(line) for line in listed(archive, capsys, "--json")]
    assert [(line["path"], line.get("matches"), line.get("holds_for")) for line in values] == [
        ("album/*", 2, 0),
        ("*.jpg", 2, 1),
        ("album/anna.png", None, None),
    ]
    decide(archive, glob("none/*", State.REJECTED), Decision("none.jpg", State.REJECTED))
    assert listed(archive, capsys)[-2:] == [
        "none/*: rejected  (a glob, matches no record)",
        "none.jpg: rejected  (no record names it)",
    ]


def test_shots_of_films_are_listed(archive, capsys):
    hints = (Hint(0.5, 0.5, (1, 2, 3)), Hint(0.7, 0.5, (1, 2, 3)))
    shots = (ShotCorrection(1.2, hints, 0.5), ShotCorrection(83.4, hints[:1]))
    decide(
        archive, Decision("a.mkv", correction=Correction(settings=OwnSettings(quality="high"), shots=shots))
    )
    decide(archive, Decision("b.mkv", accepted_shots=(0.6, 9.25)))
    assert listed(archive, capsys) == [
        "a.mkv: quality high, shot at 1.200 s: 2 hints and saturation 0.5, shot at 83.400 s: 1 hint"
        "  (no record names it)",
        "b.mkv: accepted shots at 0.600 s, 9.250 s  (no record names it)",
    ]


def test_export_to_standard_output_is_what_a_file_gets(archive, tmp_path, capfd):
    archive.correct("cat.jpg", "--hint", f"50%,50%={RED}", "--note", "café", "--later")
    file = tmp_path / "decided.jsonl"
    export = ["decisions", "export", str(archive.output)]
    assert main([*export, str(file)]) == 0
    capfd.readouterr()
    assert main([*export, "-"]) == 0
    assert capfd.readouterr().out.encode() == file.read_bytes()
    assert not (archive.output.parent / "-").exists()
    before = file.read_bytes()
    archive.correct("cat.jpg", "--reset", "--later")
    assert main([*export, str(file)]) == 0  # one of ours is written anew
    assert file.read_bytes() != before


def test_nothing_that_is_no_file_of_decisions_is_written_over(archive, tmp_path, capsys):
    archive.correct("cat.jpg", "--accept", "--later")
    foreign, newer, link = tmp_path / "letter.txt", tmp_path / "newer.jsonl", tmp_path / "link.jsonl"
    foreign.write_text("Dear Ann,\n")
    newer.write_text('{"format":99,"path":"cat.jpg","state":"cherished"}\n')
    link.symlink_to(tmp_path / "elsewhere.jsonl")
    own = Layout(archive.output)
    for target, words in (
        (tmp_path, "is a folder; name a file in it"),
        (foreign, "letter.txt is there and is no file of decisions; give another name"),
        (own.manifest, "is there and is no file of decisions"),
        (own.decisions, "is the record of OUT itself"),
        (newer, "newer.jsonl: a decision has format 99, written by a newer archivecolor"),
        (link, "is a link; give the file that it leads to"),
        (tmp_path / ("x" * 300), "too long"),
    ):
        before = target.read_bytes() if len(target.name) < 99 and target.is_file() else None
        capsys.readouterr()
        assert main(["decisions", "export", str(archive.output), str(target)]) == 2, target
        said = capsys.readouterr().err
        assert words in said, said
        assert said.count("\n") == 1
        assert before is None or target.read_bytes() == before
    assert Decisions.read(own.decisions).of("cat.jpg").state is State.ACCEPTED


def test_that_nothing_is_decided_is_said(archive, capsys):
    for words, said in (((), "nothing is decided"), (("--state", "accepted"), "nothing is accepted")):
        assert main(["decisions", "list", str(archive.output), *words]) == 0
        assert capsys.readouterr() == ("", f"decisions: {said}\n")
    assert main(["decisions", "list", str(archive.output), "--json"]) == 0
    assert capsys.readouterr() == ("", "")


def test_decisions_that_are_gone_while_records_name_them_are_told(archive, capsys):
    archive.correct("cat.jpg", "--saturation", "0.5")
    archive.correct("album/anna.png", "--saturation", "0.5")
    archive.correct("album/anna.png", "--reset", "--later")  # taken back, and to be carried out yet
    verify = ["verify", "--quiet", str(archive.output)]
    assert main(verify) == 0
    Layout(archive.output).decisions.unlink()
    capsys.readouterr()
    assert main(verify) == 6
    faults = capsys.readouterr().out.splitlines()
    lost = "(it was made with a decision, and _archivecolor/decisions.jsonl is not there)"
    assert faults == [f"decision-missing  {name}  {lost}" for name in ("album/anna.png", "cat.jpg")]
    decide(archive, Decision("deep.tif", State.ACCEPTED), Decision("cat.jpg", State.ACCEPTED, at=now_utc()))
    assert main(verify) == 6
    (fault,) = capsys.readouterr().out.splitlines()
    assert fault.startswith("decision-missing  album/anna.png") and "does not have it" in fault


def test_what_was_made_by_a_decision_that_is_gone_stays_as_it_is(archive, capsys):
    archive.correct("album/anna.png", "--saturation", "0.5")
    corrected = tree(archive.output)
    Layout(archive.output).decisions.unlink()
    archive.dir("--dry-run")
    assert "left as they are: what was decided about them is lost" in capsys.readouterr().out
    archive.dir("--overwrite", code=3)
    said = capsys.readouterr().err
    assert (
        "is not there, and an output that was made by what stood in it stays as it is: album/anna.png" in said
    )
    assert tree(archive.output)["album/anna.png"] == corrected["album/anna.png"]
    archive.correct("album/anna.png", "--reset")
    assert "album/anna.png" in archive.changed(corrected)
    archive.dir()
    assert main(["verify", "--quiet", str(archive.output)]) == 0


def _damaged(lines):
    return [*lines[:2], lines[2][:-20] + b"\n", *lines[3:]]


def _torn(lines):
    return [*lines[:2], lines[2][:-20]]


def _older(lines):
    return lines[:2]


@pytest.mark.parametrize("words", [("--saturation", "0.5"), ("--reject",)])
@pytest.mark.parametrize("left", [_damaged, _torn, _older])
def test_what_was_decided_before_does_not_stand_in_for_what_is_lost(archive, capsys, words, left):
    archive.correct("cat.jpg", "--saturation", "0.7", "--later")
    archive.correct("cat.jpg", "--reset", "--later")
    archive.correct("cat.jpg", *words)
    before = tree(archive.output)
    # As if time went by: what was decided last was decided before it was carried out.
    decisions = Layout(archive.output).decisions
    lines = decisions.read_bytes().splitlines(keepends=True)
    aged = [line.replace(json.loads(line)["at"].encode(), b"2026-01-01T00:00:00Z") for line in lines]
    decisions.write_bytes(b"".join(left([*aged[:2], *lines[2:]])))
    assert main(["verify", "--quiet", str(archive.output)]) == 6
    assert "decision-missing  cat.jpg" in capsys.readouterr().out
    for more in ((), ("--overwrite",), ("--take-back", "cat.jpg")):
        archive.dir(*more, code=3)
        assert "lacks what was decided, and an output" in capsys.readouterr().err
        assert tree(archive.output).get("cat.jpg") == before.get("cat.jpg")
    archive.correct("cat.jpg", "--saturation", "0.6")
    assert "cat.jpg" in archive.changed(before)
    archive.dir()


def test_an_imported_decision_about_what_is_not_here_is_told(archive, tmp_path, capsys):
    file = tmp_path / "decided.jsonl"
    file.write_bytes(
        b"".join(map(line_of, (Decision("nix.png", State.ACCEPTED), Decision("cat.jpg", State.ACCEPTED))))
    )
    assert main(["decisions", "import", str(archive.output), str(file)]) == 0
    said = capsys.readouterr().err
    assert said.count("is decided about, and nothing of that name is here") == 1
    assert "nix.png is decided about" in said
