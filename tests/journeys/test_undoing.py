"""What was decided last is undone, step by step, from the command line and from Python."""

import pytest
from decided_archive import RED
from small_archive import tree

import archivecolor
from archivecolor.archive.decision import Decision, State
from archivecolor.archive.decisions import Decisions, append_decisions
from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import locked
from archivecolor.archive.merging_decisions import merge
from archivecolor.cli.main import main


@pytest.fixture
def archive(copy_of_archive, tmp_path):
    return copy_of_archive(tmp_path)


def decide(archive, *lines):
    with locked(archive.output):
        append_decisions(Layout(archive.output).decisions, lines)


def undo(archive, *words, code=0):
    assert main(["decisions", "undo", str(archive.output), *words]) == code


def holds(archive, path):
    return Decisions.of_output(archive.output, archive.scans).of(path)


def test_each_time_goes_a_step_back_to_the_bytes_of_before(archive, capsys):
    undecided = tree(archive.output)["cat.jpg"]
    archive.correct("cat.jpg", "--hint", f"50%,50%={RED}", "--note", "a letter says so")
    red = tree(archive.output)["cat.jpg"]
    archive.correct("cat.jpg", "--saturation", "0.5", "--later")
    archive.correct("cat.jpg", "--reject")
    undo(archive, "cat.jpg", "--by", "A. Meyer")
    assert holds(archive, "cat.jpg").correction.settings.saturation == 0.5
    undo(archive, str(archive.scans / "cat.jpg"))
    archive.dir()
    assert tree(archive.output)["cat.jpg"] == red
    undo(archive, "cat.jpg")
    archive.dir()
    assert tree(archive.output)["cat.jpg"] == undecided
    undo(archive, "cat.jpg", code=2)
    assert "no decision about it to undo" in capsys.readouterr().err
    archive.correct("cat.jpg", "--accept", "--later")
    undo(archive, "cat.jpg")
    assert holds(archive, "cat.jpg").is_none


def test_a_decision_after_an_undone_one_is_undone_first(archive):
    for saturation in ("0.2", "0.4"):
        archive.correct("cat.jpg", "--saturation", saturation, "--later")
    undo(archive, "cat.jpg")
    archive.correct("cat.jpg", "--saturation", "0.6", "--later")
    undo(archive, "cat.jpg")
    assert holds(archive, "cat.jpg").correction.settings.saturation == 0.2


def test_what_a_glob_decided_holds_again(archive, capsys):
    decide(archive, Decision("*.jpg", State.ACCEPTED, glob=True), Decision("cat.jpg", State.REJECTED))
    undo(archive, "cat.jpg")
    assert holds(archive, "cat.jpg").state is State.ACCEPTED
    undo(archive, "album/turned.jpg", code=2)
    assert "*.jpg decides about it" in capsys.readouterr().err
    undo(archive, "nix.jpg", code=2)
    assert "nix.jpg: there is no such picture or film, nor a decision about it" in capsys.readouterr().err


def test_a_glob_is_undone_and_what_is_decided_beside_it_stays(archive):
    archive.correct("cat.jpg", "--accept", "--later", "--by", "Ann")
    archive.correct("*.jpg", "--saturation", "0.5", "--later")
    undo(archive, "cat.jpg")
    assert holds(archive, "cat.jpg").state is State.ACCEPTED
    undo(archive, "*.jpg", "--by", "Ben")
    kept = holds(archive, "cat.jpg")
    assert (kept.state, kept.by, bool(kept.correction)) == (State.ACCEPTED, "", False)
    assert holds(archive, "album/turned.jpg").is_none
    undo(archive, "cat.jpg")  # saying it again was no step of its own
    assert holds(archive, "cat.jpg").is_none


def test_a_picture_and_its_glob_are_undone_in_one_go(archive):
    decide(archive, Decision("*.jpg", State.ACCEPTED, at="2026-01", glob=True))
    decide(archive, Decision("cat.jpg", State.REJECTED, at="2026-02"))
    undo(archive, "cat.jpg", "*.jpg")
    assert holds(archive, "cat.jpg").is_none


def test_what_a_glob_had_no_say_in_stays_so(archive):
    decide(archive, Decision("*.jpg", State.ACCEPTED, at="2026-01", glob=True))
    decide(archive, Decision("*.jpg", State.REJECTED, at="2026-02", glob=True))
    decide(archive, Decision("cat.jpg", at="2026-03"))
    undo(archive, "*.jpg")
    assert holds(archive, "album/turned.jpg").state is State.ACCEPTED
    assert holds(archive, "cat.jpg").is_none
    elsewhere = Decisions(merge(Decisions(), Decisions.of_output(archive.output).lines).lines)
    assert elsewhere.of("cat.jpg").is_none


def test_one_of_two_globs_that_may_match_the_same_is_not_undone(archive, capsys):
    decide(archive, Decision("*.jpg", State.ACCEPTED, at="2026-01", glob=True))
    decide(archive, Decision("cat*", State.REJECTED, at="2026-02", glob=True))
    undo(archive, "*.jpg", code=2)
    assert "cat*, which may match the same" in capsys.readouterr().err


def test_a_glob_alone_is_undone(archive):
    decide(archive, Decision("album/anna.png", State.ACCEPTED), Decision("*.jpg", State.REJECTED, glob=True))
    undo(archive, "*.jpg")
    assert holds(archive, "cat.jpg").is_none
    assert holds(archive, "album/anna.png").state is State.ACCEPTED


def test_one_that_cannot_be_undone_leaves_all_as_they_are(archive, capsys):
    decide(archive, Decision("cat.jpg", State.ACCEPTED))
    undo(archive, "cat.jpg", "cats.jpg", code=2)
    assert "did you mean" in capsys.readouterr().err
    assert holds(archive, "cat.jpg").state is State.ACCEPTED


def test_a_folder_in_the_place_of_a_command_is_listed(archive, capsys):
    decide(archive, Decision("cat.jpg", State.ACCEPTED), Decision("deep.tif", State.REJECTED))
    capsys.readouterr()
    assert main(["decisions", str(archive.output), "--state", "accepted"]) == 0
    assert capsys.readouterr().out == "cat.jpg: accepted\n"
    assert main(["decisions", "lst"]) == 2
    assert "did you mean 'list'" in capsys.readouterr().err
    assert main(["decisions", "nosuchdir"]) == 2
    assert "there is no folder 'nosuchdir', and no command of that name (" in capsys.readouterr().err


def test_the_same_from_python(archive):
    undecided = tree(archive.output)["cat.jpg"]
    hint = archivecolor.Hint(0.5, 0.5, (200, 40, 40), archivecolor.Reach.THING)
    corrected = archivecolor.correct(
        archive.output, "cat.jpg", hints=[hint], saturation=0.8, note="a letter says so", by="A. Meyer"
    )
    assert corrected.outputs == (archive.output / "cat.jpg",)
    assert tree(archive.output)["cat.jpg"] != undecided
    (decision,) = archivecolor.decisions(archive.output)
    assert (decision.path, decision.correction.hints, decision.by) == ("cat.jpg", (hint,), "A. Meyer")
    assert archivecolor.decisions(archive.output, state="rejected") == []
    (undone,) = archivecolor.undo_decisions(archive.output, "cat.jpg")
    assert undone.is_none
    archive.dir()
    assert tree(archive.output)["cat.jpg"] == undecided
    with pytest.raises(archivecolor.UsageError, match="no page 2"):
        archivecolor.correct(
            archive.output, "cat.jpg", hints=[archivecolor.Hint(0.5, 0.5, (9, 9, 9), page=2)]
        )
    with pytest.raises(TypeError, match="saturation"):
        archivecolor.correct(archive.output, "cat.jpg", saturaton=0.5)


def test_a_glob_leaves_single_pictures_what_they_have_and_is_undone_with_what_it_said_of_them(archive):
    archive.correct("album/anna.png", "--hint", f"50%,50%={RED}", "--note", "a letter says so")
    red = tree(archive.output)["album/anna.png"]
    archive.correct("album/*", "--accept")
    own = holds(archive, "album/anna.png")
    assert (own.state, len(own.correction.hints)) == (State.ACCEPTED, 1)
    assert own.correction.note == "a letter says so"
    assert holds(archive, "album/turned.jpg").state is State.ACCEPTED
    archive.dir("--redo-accepted")
    assert tree(archive.output)["album/anna.png"] == red
    undo(archive, "album/*")
    own = holds(archive, "album/anna.png")
    assert (own.state, len(own.correction.hints)) == (State.NONE, 1)
    assert holds(archive, "album/turned.jpg").is_none


def test_of_two_globs_a_picture_has_what_both_say(archive):
    archive.correct("album/*", "--saturation", "0.5", "--later")
    archive.correct("*/anna*", "--accept", "--later")
    both = holds(archive, "album/anna.png")
    assert (both.state, both.correction.settings.saturation) == (State.ACCEPTED, 0.5)
    assert holds(archive, "album/turned.jpg").state is State.NONE


def test_a_second_glob_that_says_all_itself_leaves_no_lines_about_single_pictures(archive, capsys):
    archive.correct("*", "--saturation", "0.3", "--later")
    archive.correct("*.jpg", "--saturation", "0.5", "--later")
    assert holds(archive, "cat.jpg").path == "*.jpg"
    undo(archive, "cat.jpg", code=2)
    assert "*.jpg decides about it, and holds" in capsys.readouterr().err
