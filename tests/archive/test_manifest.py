"""The manifest survives crashes, newer versions and odd names."""

import dataclasses
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.archive.compact import compact
from archivecolor.archive.manifest import (
    Manifest,
    ManifestWriter,
    Output,
    Record,
    Source,
    Status,
    now_utc,
)
from archivecolor.archive.record import line_from_record, record_from_values
from archivecolor.archive.run_json import RunSummary, read_run_summary, write_run_summary
from archivecolor.errors import OutputError, Reason, UsageError


def done(path, **more):
    return Record(
        path,
        Status.DONE,
        Reason.COLOURED,
        Source(10, 20, "a" * 64, 6, 4, 8, 2, "grey"),
        output=Output(path, 30, "b" * 64, 6, 4, 8),
        settings="s",
        weights="w",
        at=now_utc(),
        **more,
    )


def failed(path):
    return Record(path, Status.FAILED, Reason.TRUNCATED, Source(10, 20), detail="ends early")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "_archivecolor" / "manifest.jsonl"


def write(path, *records):
    with ManifestWriter(path) as writer:
        for record in records:
            writer.append(record)


names = st.binary(min_size=1, max_size=20).map(
    lambda raw: os.fsdecode(raw.replace(b"\0", b"0").replace(b"..", b"__").lstrip(b"/") or b"x")
)


@given(names, st.text(), st.none() | st.floats(0, 1), st.lists(st.text(), max_size=3))
def test_a_record_comes_back_as_it_was(name, detail, confidence, lost):
    reasons = tuple({"reason": text, "share": 0.25, "region": "pct:0,0,50,50"} for text in lost)
    about = {"confidence": confidence, "doubt": confidence, "doubt_reasons": reasons}
    record = done(name, detail=detail, lost=tuple(lost), **about)
    line = line_from_record(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert record_from_values(json.loads(line.decode("utf-8"))) == record


def test_the_line_has_the_fields_of_the_schema():
    values = json.loads(
        line_from_record(done("a/ä.jpg", confidence=0.5, luma="exact", lost=("MakerNotes",), seconds=1.5))
    )
    assert list(values)[:2] == ["format", "path"]
    assert set(values) == {
        "format", "path", "status", "reason", "detail", "kind", "source", "output", "settings", "weights",
        "confidence", "luma", "lost", "network", "runtime", "version", "seconds", "at",
    }  # fmt: skip
    assert set(values["source"]) == {
        "bytes",
        "mtime_ns",
        "sha256",
        "width",
        "height",
        "depth",
        "pages",
        "tone",
    }
    assert set(values["output"]) == {"path", "bytes", "sha256", "width", "height", "depth"}
    assert values["path"] == "a/ä.jpg"
    assert (values["status"], values["reason"]) == ("done", "coloured")


def test_names_that_are_not_utf8_stand_beside_their_text():
    values = json.loads(line_from_record(done(os.fsdecode(b"caf\xe9/x y.jpg"))))
    assert values["path"] == r"caf\xe9/x y.jpg"
    assert values["path_raw"] == "caf%E9/x y.jpg"
    assert values["output"]["path_raw"] == "caf%E9/x y.jpg"


def test_the_newest_line_of_an_item_counts(path):
    write(path, failed("a.jpg"), done("b.jpg"), done("a.jpg"))
    manifest = Manifest(path)
    assert len(manifest) == 2
    assert manifest.entry("a.jpg").status == "done"
    assert manifest.entry("a.jpg").pixels == 48
    assert manifest.record("a.jpg").output.bytes == 30
    assert [record.path for record in manifest.records()] == ["b.jpg", "a.jpg"]
    assert [digest.path for digest in manifest.digests()] == ["a.jpg", "b.jpg"]


def test_no_manifest_is_an_empty_one(path):
    assert len(Manifest(path)) == 0
    assert list(Manifest(path).records()) == []


def test_a_torn_last_line_is_dropped_and_cut_off_by_the_next_writer(path):
    write(path, done("a.jpg"), done("b.jpg"))
    whole = path.read_bytes()
    second = whole.index(b"\n") + 1
    for end in range(second + 1, len(whole) - 1, 7):
        path.write_bytes(whole[:end])
        assert list(Manifest(path).items) == ["a.jpg"]
        write(path, done("c.jpg"))
        assert list(Manifest(path).items) == ["a.jpg", "c.jpg"]
        assert path.read_bytes().startswith(whole[:second] + b'{"format"')


def test_a_last_line_that_lacks_only_its_newline_is_kept(path):
    write(path, done("a.jpg"))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert "a.jpg" in Manifest(path)
    write(path, done("b.jpg"))
    assert list(Manifest(path).items) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    "damage", [b"\0" * 40, b"{}", b'{"format":1,"path":"x"}', b"\xff\xfe", b"[1]", b"17", b""]
)
def test_a_corrupt_middle_line_is_reported_and_passed_over(path, caplog, damage):
    write(path, done("a.jpg"), done("b.jpg"), done("c.jpg"))
    first, _, third = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first, damage, third, b""]))
    assert list(Manifest(path).items) == ["a.jpg", "c.jpg"]
    assert "line 2 is damaged" in caplog.text
    write(path, done("b.jpg"))
    assert set(Manifest(path).items) == {"a.jpg", "b.jpg", "c.jpg"}


def test_a_newer_schema_is_refused_by_name(path):
    write(path, done("a.jpg"))
    path.write_bytes(path.read_bytes() + b'{"format":7,"anything":true}\n')
    with pytest.raises(UsageError, match="format 7"):
        Manifest(path)
    with pytest.raises(UsageError, match="format 7"):
        compact(path)


def test_unknown_keys_and_reasons_are_kept(path):
    values = json.loads(line_from_record(done("a.jpg"))) | {"mood": {"sky": "blue"}, "reason": "hand-painted"}
    record = record_from_values(values)
    assert record.extra == {"mood": {"sky": "blue"}}
    assert json.loads(line_from_record(record)) == values


def test_compaction_keeps_the_newest_lines_byte_for_byte(path):
    write(path, failed("a.jpg"), done("b.jpg"), done("a.jpg"), done("b.jpg"))
    before = path.read_bytes().splitlines(keepends=True)
    assert compact(path) == 2
    assert path.read_bytes() == before[2] + before[3]
    assert compact(path) == 0


def test_failures_in_a_row_are_counted_until_the_source_changes(path):
    write(path, failed("a.jpg"), failed("a.jpg"))
    assert Manifest(path).entry("a.jpg").failures == 2
    other = Record("a.jpg", Status.FAILED, Reason.TIMEOUT, Source(11, 20))
    write(path, other)
    assert Manifest(path).entry("a.jpg").failures == 1
    write(path, done("a.jpg"))
    assert Manifest(path).entry("a.jpg").failures == 0


def test_a_disk_without_room_leaves_whole_lines(path, small_files):
    written = 0
    with pytest.raises(OutputError), ManifestWriter(path) as writer:
        while True:
            writer.append(done(f"{written}.jpg", detail="x" * 5000))
            written += 1
    assert path.read_bytes().endswith(b"\n")
    assert len(Manifest(path)) == written


def test_a_manifest_that_cannot_be_begun_is_closed(path, nothing_is_flushed, open_files):
    path.parent.mkdir()
    with pytest.raises(OutputError, match="Input/output error"):
        ManifestWriter(path)
    assert open_files() == []


def test_a_manifest_that_cannot_be_flushed_is_closed(path, request, open_files):
    writer = ManifestWriter(path)
    request.getfixturevalue("nothing_is_flushed")
    with pytest.raises(OutputError, match="Input/output error"):
        writer.close()
    assert open_files() == []


def test_the_last_run_comes_back(tmp_path):
    path = tmp_path / "run.json"
    assert read_run_summary(path) is None
    run = RunSummary(
        ("archivecolor", "dir"),
        {"input": os.fsdecode(b"\xe9")},
        {"archivecolor": "0"},
        "w",
        {"done": 3},
        now_utc(),
    )
    write_run_summary(path, run)
    again = read_run_summary(path)
    assert again.settings == run.settings
    assert again.counts == {"done": 3}
    path.write_text("torn {")
    assert read_run_summary(path) is None


def test_every_fact_of_a_record_is_checked(path):
    """A field that is new in a record must be known to the one check of lines."""
    for facts, kinds in ((Record, Record), (Source, "source"), (Output, "output")):
        for spec in dataclasses.fields(facts):
            if spec.name in ("extra", "path") or (facts is Record and spec.name in ("source", "output")):
                continue
            values = json.loads(line_from_record(done("a.jpg")))
            (values if kinds is Record else values[kinds])[spec.name] = (
                ["no kind"] if spec.name == "correction" else {"no": "kind"}
            )
            write(path, done("b.jpg"))
            with path.open("ab") as file:
                file.write(json.dumps(values).encode() + b"\n")
            assert "a.jpg" not in Manifest(path), spec.name
            path.unlink()
