"""Decisions of a review: whatever comes between, they are taken in whole, or it is said that they are not."""

import json
import logging
import resource
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from archivecolor.archive.correction import Correction, OwnSettings, ShotCorrection
from archivecolor.archive.decision import Decision, State
from archivecolor.archive.decisions import Decisions, append_decisions, read_decisions
from archivecolor.archive.layout import UNDELIVERED_PREFIX, Layout
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import ManifestWriter, Output, Record, Source, Status
from archivecolor.colour.guidance import Hint
from archivecolor.errors import OutputError, Reason, UsageError
from archivecolor.jobs import decision_desk
from archivecolor.jobs import review as jobs_review
from archivecolor.jobs.decision_desk import DecisionDesk
from archivecolor.jobs.review import open_review
from archivecolor.settings import ReviewSettings
from archivecolor.web.pictures import hint_values
from archivecolor.web.requests import wish_of

SOURCE = "a" * 64
RED = Hint(0.5, 0.25, (200, 40, 40))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Tries again at once."""
    monkeypatch.setattr(decision_desk, "RETRY_SECONDS", 0.05)


@pytest.fixture
def output(tmp_path):
    """An output of which no more than the manifest is looked at."""
    record = Record("a.tif", Status.DONE, Reason.COLOURED, Source(9, 9, SOURCE))
    with ManifestWriter(Layout(tmp_path).manifest) as manifest:
        source = replace(record.source, pages=2)
        manifest.append(replace(record, source=source, output=Output("a.tif", 9, SOURCE)))
        manifest.append(replace(record, path="reel.mkv", kind="film", output=Output("reel.mkv", 9, SOURCE)))
    return tmp_path


@pytest.fixture
def review(output):
    with open_review(ReviewSettings(output=output, jobs=1), lambda _: None) as review:
        yield review


def desk_of(output):
    return DecisionDesk(output, output, None, lambda: None)


def decided(output):
    return Decisions.read(Layout(output).decisions)


def kept(output):
    """The files of decisions that are not taken in."""
    return list(Layout(output).state.glob(f"{UNDELIVERED_PREFIX}*"))


def wait_for(truth):
    until = time.monotonic() + 30
    while not truth():
        assert time.monotonic() < until
        time.sleep(0.02)


@contextmanager
def room_for(size):
    """A disk on which files grow to `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_hints_of_all_pages_together_are_no_more_than_are_read_again(review):
    item = review.index.named("a.tif")
    review.correct(item, 1, [RED] * 150, None, "")
    with pytest.raises(UsageError, match=r"a\.tif: .*200 hints on all its pages"):
        review.correct(item, 2, [replace(RED, page=2)] * 150, None, "")
    review.correct(item, 2, [replace(RED, page=2)] * 50, None, "")
    assert len(review.desk.of("a.tif").correction.hints) == 200


@pytest.mark.parametrize("name", ["a.tif", "reel.mkv"])
def test_saving_keeps_what_the_page_does_not_show(review, name):
    soft = replace(RED, soft=True)
    before = Correction(
        (replace(soft, page=2),), OwnSettings(quality="high"), SOURCE,
        reference="aunt.jpg", shots=(ShotCorrection(1.0, (RED,)),),
    )  # fmt: skip
    review.desk.decide(Decision(name, correction=before), make=False)
    hints = () if name == "reel.mkv" else (soft, RED)
    sent = {"hints": [*map(hint_values, hints)], "saturation": 0.5}
    wish = wish_of(json.loads(json.dumps(sent)))
    review.correct(review.index.named(name), wish.page, wish.hints, wish.saturation, "")
    after = review.desk.of(name).correction
    assert after.hints == (*before.hints, *hints)
    assert after.settings == OwnSettings(0.5, quality="high")
    assert (after.reference, after.shots, after.source) == (before.reference, before.shots, SOURCE)


def test_hints_and_shots_for_another_source_go(review):
    for_older = Correction((RED,), source="b" * 64, shots=(ShotCorrection(1.0, (RED,)),))
    review.desk.decide(Decision("reel.mkv", correction=for_older), make=False)
    review.correct(review.index.named("reel.mkv"), 1, [], 0.5, "")
    after = review.desk.of("reel.mkv").correction
    assert (after.hints, after.shots, after.source) == ((), (), "")


@pytest.mark.parametrize("action", ["undecide", "redo"])
def test_what_a_glob_decided_is_taken_back(output, review, action):
    append_decisions(
        Layout(output).decisions, [Decision("*.tif", State.REJECTED, at="2026-01-01", glob=True)]
    )
    item = review.index.named("a.tif")
    if action == "redo":
        review.forget(item, "")
    else:
        review.decide_state(item, State.NONE, "")
    wait_for(lambda: not review.desk.state().waiting)
    assert decided(output).of("a.tif").is_none
    assert decided(output).of("b.tif").state is State.REJECTED


def test_what_was_decided_at_the_end_is_taken_in(output, monkeypatch):
    monkeypatch.setattr(decision_desk, "RETRY_SECONDS", 60)
    with desk_of(output) as desk:
        with locked(output):
            desk.decide(Decision("a.tif", State.ACCEPTED), make=False)
            time.sleep(0.2)
        assert desk.state().waiting == 1
    assert decided(output).of("a.tif").state is State.ACCEPTED
    assert not kept(output)


def test_what_a_run_keeps_from_being_taken_in_is_said_and_left_to_the_next_review(output, caplog):
    with locked(output):
        with caplog.at_level(logging.WARNING), desk_of(output) as desk:
            for name in ("a.tif", "b.tif"):
                desk.decide(Decision(name, State.ACCEPTED), make=False)
        assert "2 decisions are not taken in" in caplog.text and "in use by" in caplog.text
        assert len(kept(output)) == 1
    with desk_of(output):
        wait_for(lambda: len(decided(output).lines) == 2)
    assert not kept(output)


def test_a_full_disk_is_said_and_tears_no_line(output):
    with locked(output), desk_of(output) as desk:
        desk.decide(Decision("a.tif", State.ACCEPTED), make=False)
        (file,) = kept(output)
        with room_for(file.stat().st_size + 10), pytest.raises(OutputError, match="cannot write"):
            desk.decide(Decision("b.tif", State.ACCEPTED), make=False)
        desk.decide(Decision("c.tif", State.ACCEPTED), make=False)
        assert [line.path for line in read_decisions(file)] == ["a.tif", "c.tif"]
        assert desk.state().waiting == 2


def test_hints_are_for_pages_that_are_there(review):
    with pytest.raises(UsageError, match="it has 2 pages, no page 3"):
        review.correct(review.index.named("a.tif"), 3, [replace(RED, page=3)], None, "")
    with pytest.raises(UsageError, match="by its shots, not by pages"):
        review.correct(review.index.named("reel.mkv"), 1, [RED], None, "")
    assert not review.desk.state().waiting


def test_a_table_that_fails_once_is_looked_at_again(output, monkeypatch, caplog):
    monkeypatch.setattr(jobs_review, "LOOK_SECONDS", 0.05)
    with open_review(ReviewSettings(output=output, jobs=1), lambda _: None) as review:
        update, troubles = review.index.update, [sqlite3.ProgrammingError("odd"), OSError(5, "I/O")]

        def failing():
            if troubles:
                raise troubles.pop()
            return update()

        monkeypatch.setattr(review.index, "update", failing)
        wait_for(lambda: not troubles)
        record = Record("new.tif", Status.FAILED, Reason.EMPTY, Source(0, 9))
        with ManifestWriter(Layout(output).manifest) as manifest:
            manifest.append(record)
        wait_for(lambda: review.index.named("new.tif"))
    assert "Traceback" in caplog.text and "odd" in caplog.text


def test_a_fault_at_one_picture_keeps_no_other_from_being_made(copy_of_archive, tmp_path, monkeypatch):
    archive = copy_of_archive(tmp_path)
    colour = decision_desk.colour

    def failing(settings, listener, stop, command, choice):
        if choice.named == ("album/anna.png",):
            raise MemoryError
        return colour(settings, listener, stop, command, choice)

    monkeypatch.setattr(decision_desk, "colour", failing)
    grey = Correction(settings=OwnSettings(0.0))
    with desk_of(archive.output) as desk:
        for name in ("album/anna.png", "cat.jpg"):
            desk.decide(Decision(name, correction=grey), make=True)
        wait_for(lambda: desk.state().made)
        assert desk.state().made == {"cat.jpg": 1}
        assert "not enough memory" in desk.state().troubles["album/anna.png"]


@pytest.mark.parametrize("trouble", [OSError(5, "Input/output error"), MemoryError("none left")])
def test_what_fails_once_is_tried_again(output, monkeypatch, caplog, trouble):
    troubles = [trouble]

    def is_bag(_):
        if troubles:
            raise troubles.pop()
        return False

    monkeypatch.setattr(decision_desk, "is_bag", is_bag)
    with desk_of(output) as desk:
        desk.decide(Decision("a.tif", State.ACCEPTED), make=False)
        wait_for(lambda: not desk.state().waiting)
    assert str(trouble) in caplog.text
    assert decided(output).of("a.tif").state is State.ACCEPTED


def test_one_picture_that_cannot_be_made_keeps_no_other_from_it(copy_of_archive, tmp_path):
    archive = copy_of_archive(tmp_path)
    (archive.scans / "album" / "anna.png").unlink()
    before = (archive.output / "cat.jpg").read_bytes()
    grey = Correction(settings=OwnSettings(0.0))
    with desk_of(archive.output) as desk:
        with locked(archive.output):  # both are there when the making begins
            for name in ("album/anna.png", "cat.jpg"):
                desk.decide(Decision(name, correction=grey), make=True)
        wait_for(lambda: not desk.state().waiting and not desk.state().making)
        (trouble,) = desk.state().troubles.items()
        assert desk.state().made == {"cat.jpg": 1}
        assert trouble[0] == "album/anna.png" and "anna.png is not there" in trouble[1]
    assert (archive.output / "cat.jpg").read_bytes() != before


def test_what_is_decided_while_others_are_taken_in_is_made_when_it_is_taken_in_too(
    copy_of_archive, tmp_path, monkeypatch
):
    archive = copy_of_archive(tmp_path)
    before = (archive.output / "cat.jpg").read_bytes()
    grey = Decision("cat.jpg", correction=Correction(settings=OwnSettings(0.0)))
    later = [grey]

    def append(path, lines):
        append_decisions(path, lines)
        if later:
            desk.decide(later.pop(), make=True)

    monkeypatch.setattr(decision_desk, "append_decisions", append)
    with desk_of(archive.output) as desk:
        desk.decide(Decision("album/anna.png", State.ACCEPTED), make=False)
        wait_for(lambda: desk.state().made)
    assert (archive.output / "cat.jpg").read_bytes() != before
