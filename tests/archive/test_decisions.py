"""Decisions come back as they were written, whatever crashes, versions and other people do to the file."""

import json
import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as run_with
from hypothesis import strategies as st

from archivecolor.archive.correction import Correction, OwnSettings, ShotCorrection
from archivecolor.archive.decision import UNDECIDED, Decision, State, line_of, parse_decision
from archivecolor.archive.decisions import Decisions, append_decisions, write_decisions
from archivecolor.archive.merging_decisions import merge
from archivecolor.colour.guidance import Hint, Reach
from archivecolor.errors import UsageError
from archivecolor.settings import DirSettings

HINT = Hint(0.25, 0.75, (200, 30, 7), Reach.THING, 2)
BLUE = Correction((HINT,), OwnSettings(0.5), "a" * 64, "a letter says so", "Ann", "2026-01-02T03:04:05Z")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "_archivecolor" / "decisions.jsonl"


hints = st.builds(
    Hint,
    st.floats(0, 1),
    st.floats(0, 1),
    st.tuples(*[st.integers(0, 255)] * 3),
    st.sampled_from(Reach),
    st.integers(1, 9),
    st.booleans(),
)
settings = st.builds(
    OwnSettings,
    st.none() | st.floats(0, 3),
    st.sampled_from([None, "normal", "high"]),
    st.sampled_from([None, 64, 512]),
    st.sampled_from([None, "keep"]),
    st.sampled_from([None, "recolour"]),
)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
shots = st.lists(
    st.builds(
        ShotCorrection,
        st.floats(0, 1e6),
        st.lists(hints, max_size=2).map(tuple),
        st.none() | st.floats(0, 3),
    ),
    max_size=2,
).map(tuple)
decisions = st.builds(
    Decision,
    st.just("a/b.jpg"),
    st.sampled_from(State),
    st.builds(
        Correction, st.lists(hints, max_size=3).map(tuple), settings, note=texts, reference=texts, shots=shots
    ),
    note=texts,
)


@run_with(deadline=None)
@given(decisions)
def test_a_decision_comes_back_as_it_was(decision):
    back = parse_decision(line_of(decision))
    assert back.digest == decision.digest
    if decision.correction:
        assert back == decision
    assert pickle.loads(pickle.dumps(back)) == back
    assert line_of(back) == line_of(decision)


def test_names_that_are_not_utf8_come_back_too():
    assert parse_decision(line_of(Decision("caf\udce9.jpg"))).path == "caf\udce9.jpg"


def test_keys_of_later_versions_are_kept():
    line = json.loads(line_of(Decision("a.jpg", State.ACCEPTED)))
    again = parse_decision(json.dumps(line | {"mood": [1, {"deep": True}]}).encode())
    assert json.loads(line_of(again))["mood"] == [1, {"deep": True}]


def test_the_newest_line_that_names_an_item_counts(path):
    lines = [
        Decision("a.jpg", State.REJECTED),
        Decision("album/*", State.ACCEPTED, glob=True),
        Decision("album/b.jpg", State.REJECTED),
        Decision("a.jpg", State.NONE),
    ]
    for line in lines:
        append_decisions(path, [line])
    read = Decisions.read(path)
    assert read.lines == tuple(lines)
    states = {name: read.of(name).state for name in ("a.jpg", "album/b.jpg", "album/c.jpg")}
    assert states == {
        "a.jpg": State.NONE,
        "album/b.jpg": State.REJECTED,
        "album/c.jpg": State.ACCEPTED,
    }
    assert read.of("other.jpg") is UNDECIDED
    assert [line.path for line in read.newest()] == ["album/*", "album/b.jpg", "a.jpg"]
    append_decisions(path, [Decision("album/*", State.NONE, glob=True)])
    assert Decisions.read(path).of("album/b.jpg").state is State.NONE


def test_a_line_says_whether_it_is_a_glob_where_its_path_looks_like_one():
    for decision, format in (
        (Decision("scan[1].jpg"), 2),
        (Decision("scan[1].jpg", glob=True), 2),
        (Decision("scan[1].jpg", glob=None), 1),
        (Decision("scan.jpg"), 1),
    ):
        line = line_of(decision)
        assert parse_decision(line) == decision
        assert json.loads(line)["format"] == format


def test_an_old_line_names_the_item_of_that_name_if_there_is_one():
    old = [Decision("a[1].jpg", State.REJECTED, glob=None), Decision("b*.jpg", State.ACCEPTED, glob=None)]
    read = Decisions(old).settled(lambda name: name == "a[1].jpg")
    assert [line.glob for line in read.lines] == [False, True]
    names = ("a[1].jpg", "a1.jpg", "b*.jpg", "bb.jpg")
    states = [read.of(name).state.value for name in names]
    assert states == ["rejected", "none", "accepted", "accepted"]


def test_the_names_of_items_mean_nothing_else():
    read = Decisions([Decision("a[1]?.jpg", State.REJECTED), Decision("*", State.ACCEPTED)])
    assert not read.has_globs
    assert read.of("a1b.jpg") is UNDECIDED
    assert read.of("a[1]?.jpg").state is State.REJECTED


def test_a_torn_last_line_is_dropped_and_a_damaged_one_passed_over(path, caplog):
    append_decisions(path, [Decision("a.jpg", State.ACCEPTED), Decision("b.jpg", State.ACCEPTED)])
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b'{"format":1,"path":"/etc/passwd"}\n' + second[:20])
    assert [line.path for line in Decisions.read(path).lines] == ["a.jpg"]
    assert "line 2 is damaged" in caplog.text
    append_decisions(path, [Decision("c.jpg", State.REJECTED)])
    assert [line.path for line in Decisions.read(path).lines] == ["a.jpg", "c.jpg"]


def test_a_line_without_its_end_is_kept(path):
    append_decisions(path, [Decision("a.jpg", State.ACCEPTED)])
    path.write_bytes(path.read_bytes()[:-1])
    append_decisions(path, [Decision("b.jpg", State.ACCEPTED)])
    assert [line.path for line in Decisions.read(path).lines] == ["a.jpg", "b.jpg"]


def test_a_newer_version_is_refused_and_left_as_it_is(path):
    append_decisions(path, [Decision("a.jpg")])
    text = path.read_bytes() + b'{"format":3,"path":"b.jpg"}\n'
    path.write_bytes(text)
    with pytest.raises(UsageError, match=r"decisions\.jsonl: a decision has format 3, written by a newer"):
        Decisions.read(path)
    assert path.read_bytes() == text


def hint_values(**changes):
    return {"x": 0.5, "y": 0.5, "colour": "#102030", "reach": "all"} | changes


@pytest.mark.parametrize(
    "correction",
    [
        [],
        {"hints": {}},
        {"hints": [hint_values()] * 201},
        {"hints": [hint_values(x=1.5)]},
        {"hints": [hint_values(x=float("nan"))]},
        {"hints": [hint_values(y="0.5")]},
        {"hints": [hint_values(colour="red")]},
        {"hints": [hint_values(colour="#10203")]},
        {"hints": [hint_values(reach="far")]},
        {"hints": [hint_values(page=0)]},
        {"hints": [hint_values(page=1.5)]},
        {"hints": [hint_values(soft=1)]},
        {"reference": 3},
        {"shots": {}},
        {"shots": [{"hints": []}]},
        {"shots": [{"seconds": -1}]},
        {"shots": [{"seconds": True}]},
        {"shots": [{"seconds": float("inf")}]},
        {"shots": [{"seconds": 1, "saturation": 9}]},
        {"shots": [{"seconds": 1, "hints": [hint_values(x=2)]}]},
        {"settings": {"saturation": 99}},
        {"settings": {"saturation": "1"}},
        {"settings": {"saturation": True}},
        {"settings": {"working_size": 100}},
        {"settings": {"jobs": 3}},
        {"source": "abc"},
        {"note": 3},
        {"note": "x" * 20_000},
    ],
)
def test_what_is_no_correction_is_damaged(correction):
    line = {"format": 1, "path": "a.jpg", "state": "none", "correction": correction}
    assert parse_decision(json.dumps(line).encode()) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format":1}',
        b'{"format":true,"path":"a"}',
        b'{"format":1,"path":"../a"}',
        b'{"format":1,"path":"a","state":"maybe"}',
        b'{"format":2,"path":"a*","glob":1}',
        b'{"format":1,"path":"a","x":' + b"[" * 50_000,
        b'{"format":1,"path":"a","x":' + b"[" * 30 + b"]" * 30 + b"}",
        b'{"format":1,"path":"a","note":"' + b"y" * (1 << 20) + b'"}',
    ],
)
def test_what_is_no_decision_is_damaged(line):
    assert parse_decision(line) is None


def test_what_shapes_no_byte_has_no_digest():
    for state in (State.NONE, State.ACCEPTED, State.BY_HAND):
        assert Decision("a.jpg", state, note="good", by="Ann", at="now").digest is None
    corrected = Decision("a.jpg", State.NONE, BLUE)
    assert corrected.digest == Decision("*.jpg", State.ACCEPTED, BLUE, "x", "Bob", "later").digest
    others = [
        Decision("a.jpg", State.REJECTED),
        Decision("a.jpg", State.REJECTED, BLUE),
        Decision("a.jpg", State.NONE, Correction((HINT,))),
    ]
    assert len({corrected.digest, *(other.digest for other in others)}) == 4


def test_own_settings_stand_in_for_those_of_the_run(tmp_path):
    run = DirSettings(input=tmp_path, output=tmp_path, quality="high")
    own = Decision("a", correction=Correction(settings=OwnSettings(0.2, working_size=512))).applied_to(run)
    assert (own.saturation, own.quality, own.working_size) == (0.2, "high", 512)


def test_two_peoples_decisions_are_put_together_the_newest_wins(path):
    def decided(name, at, state=State.ACCEPTED):
        return Decision(name, state, at=at)

    ours = Decisions([decided("both", "2026-02"), decided("same", "2026-01"), decided("ours", "2026-01")])
    theirs = [
        decided("new", "2026-01"),
        decided("both", "2026-01", State.REJECTED),
        decided("same", "2026-01"),
        decided("ours", "2026-03", State.REJECTED),
    ]
    merged = merge(ours, theirs)
    assert [line.path for line in merged.lines] == ["new", "ours"]
    assert len(merged.taken) == 2
    assert merged.conflicts == ("both", "ours")
    assert merge(Decisions([*ours.lines, *merged.lines]), theirs).lines == ()
    taken_back = decided("both", "2026-04", State.NONE)
    assert merge(ours, [taken_back, decided("unknown", "2026-04", State.NONE)]).lines == (taken_back,)


def test_what_was_taken_back_comes_along_with_its_records():
    lines = [Decision("a.jpg", State.REJECTED, at="2026-01"), Decision("a.jpg", at="2026-02")]
    assert merge(Decisions(), lines).lines == ()
    assert merge(Decisions(), lines, with_taken_back=True).lines == (lines[1],)


def test_what_was_taken_back_here_differs_from_older_decisions_elsewhere():
    def decided(at, state=State.ACCEPTED):
        return Decision("a.jpg", state, at=at)

    ours = Decisions([decided("2026-01"), decided("2026-03", State.NONE)])
    older, newer = (merge(ours, [decided(at)]) for at in ("2026-01", "2026-04"))
    assert (older.lines, older.taken, older.conflicts) == ((), (), ("a.jpg",))
    assert (len(newer.taken), newer.conflicts) == (1, ())
    assert merge(ours, [decided("2026-02", State.NONE)]).conflicts == ()


def test_an_older_glob_does_not_come_to_hold_against_a_newer_path():
    mine = Decision("album/a.jpg", State.ACCEPTED, at="2026-02")
    theirs = Decision("album/*", State.REJECTED, at="2026-01", glob=True)
    for ours, added in ((mine, theirs), (replace(mine, at="2026-01"), replace(theirs, at="2026-02"))):
        one = Decisions([ours, *merge(Decisions([ours]), [added]).lines])
        other = Decisions([added, *merge(Decisions([added]), [ours]).lines])
        newer = max(ours, added, key=lambda line: line.at)
        assert one.of("album/a.jpg") == other.of("album/a.jpg") == newer
        assert merge(one, [added]).lines == ()


def test_export_and_import_keep_every_digest(path, tmp_path):
    append_decisions(path, [Decision("a.jpg", State.NONE, BLUE), Decision("b", State.REJECTED)])
    write_decisions(tmp_path / "taken.jsonl", Decisions.read(path).newest())
    taken = Decisions.read(tmp_path / "taken.jsonl")
    assert [taken.of(name).digest for name in ("a.jpg", "b")] == [
        Decisions.read(path).of(name).digest for name in ("a.jpg", "b")
    ]


def test_a_folder_in_the_place_of_the_file_is_said(path):
    path.mkdir(parents=True)
    with pytest.raises(UsageError, match="is no file"):
        Decisions.read(path)


def test_what_a_glob_decided_is_taken_back_for_one():
    glob = Decision("*.jpg", State.REJECTED, at="2026-01", glob=True)
    taken_back = Decision("a.jpg", at="2026-02")
    assert Decisions([glob, *merge(Decisions([glob]), [taken_back]).lines]).of("a.jpg").is_none
    both = Decisions(merge(Decisions(), [glob, taken_back]).lines)
    assert both.of("a.jpg").is_none and both.of("b.jpg") == glob


@pytest.mark.parametrize("glob", ["*.jpg", "*"])
def test_what_a_glob_takes_back_is_taken_back_elsewhere_too(glob):
    rejected = Decision("a.jpg", State.REJECTED, at="2026-01")
    wider = Decision("*.j*", State.REJECTED, at="2026-01", glob=True)
    taken_back = Decision(glob, at="2026-02", glob=True)
    for ours, theirs in (
        ([], [rejected, taken_back]),
        ([rejected], [taken_back]),
        ([wider], [taken_back]),
        ([], [wider, taken_back]),
        ([taken_back], [rejected, wider]),
    ):
        both = Decisions([*ours, *merge(Decisions(ours), theirs).lines])
        assert both.of("a.jpg").is_none
        assert merge(both, theirs).lines == ()
    assert merge(Decisions(), [taken_back]).lines == ()


@pytest.mark.parametrize(
    "decision",
    [
        Decision("a.jpg", note="half of a \ud83d"),
        Decision("a.jpg", by="not UTF-8 \udcff"),
        Decision("a.jpg", note="n" * 10_001),
        Decision("a.jpg", correction=Correction((HINT,) * 201)),
    ],
    ids=["surrogate", "bytes", "long", "hints"],
)
def test_what_would_not_be_read_again_is_not_written(path, decision):
    append_decisions(path, [Decision("b.jpg", State.ACCEPTED)])
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"a\.jpg: this cannot be kept"):
        append_decisions(path, [Decision("c.jpg", State.ACCEPTED), decision])
    assert path.read_bytes() == before
