"""`archivecolor verify` as it is typed: it lists every fault, not the first."""

import json
import os
import time

import pytest

from archivecolor.archive.atomic import part_path
from archivecolor.archive.bag import write_bag
from archivecolor.archive.by_hand import by_hand_output
from archivecolor.archive.decision import Decision, State, line_of
from archivecolor.archive.fixity import sha256_of, write_digests
from archivecolor.archive.layout import DIGESTS_NAME
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest, ManifestWriter, Output, Record, Source, Status
from archivecolor.cli.main import main
from archivecolor.errors import ExitCode, Reason

ODD = os.fsdecode(b"caf\xe9.jpg")
NAMES = ["a.jpg", "deep/b.jpg", "c.jpg", ODD]


def enter(scans, output, name, written=None):
    written = written or name
    for root, path in ((scans, name), (output, written)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"bytes of " + os.fsencode(path))
    about = (scans / name).stat()
    source = Source(about.st_size, about.st_mtime_ns, sha256_of(scans / name))
    result = Output(written, (output / written).stat().st_size, sha256_of(output / written))
    with ManifestWriter(output / "_archivecolor" / "manifest.jsonl") as writer:
        writer.append(Record(name, Status.DONE, Reason.COLOURED, source, output=result))


@pytest.fixture
def trees(tmp_path):
    scans, output = tmp_path / "in", tmp_path / "out"
    for name in NAMES:
        enter(scans, output, name)
    manifest = Manifest(output / "_archivecolor" / "manifest.jsonl")
    write_digests(output / "_archivecolor" / DIGESTS_NAME, manifest.digests())
    return scans, output


def verify(capsys, *arguments):
    code = main(["verify", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


def test_a_tree_that_is_as_recorded(trees, capsys):
    scans, output = trees
    code, faults, words = verify(capsys, output, "--sources", scans)
    assert (code, faults) == (ExitCode.OK, [])
    assert "8 files in order" in words
    assert verify(capsys, output, "-q") == (ExitCode.OK, [], "")


def test_every_fault_is_listed(trees, capsys):
    scans, output = trees
    (output / "a.jpg").unlink()
    (output / "c.jpg").write_bytes(b"byteS of c.jpg")
    (output / ODD).write_bytes(b"longer than it was recorded")
    (output / "deep" / "stranger.txt").write_bytes(b"")
    (output / "deep" / ".a.jpg.7.archivecolor-part").write_bytes(b"")
    (scans / "a.jpg").unlink()
    (scans / "deep" / "b.jpg").write_bytes(b"bytes of deep/B.jpg")
    code, faults, words = verify(capsys, output, "--sources", scans)
    assert code == ExitCode.VERIFY
    found = sorted(tuple(line.split(maxsplit=1)[:2]) for line in faults)
    assert [(kind, rest.split("  ")[0]) for kind, rest in found] == [
        ("changed", "c.jpg"),
        ("changed", r"caf\xe9.jpg"),
        ("extra", "deep/.a.jpg.7.archivecolor-part"),
        ("extra", "deep/stranger.txt"),
        ("missing", "a.jpg"),
        ("source-changed", "deep/b.jpg"),
        ("source-missing", "a.jpg"),
    ]
    assert "5 failed" in words


def test_json_has_a_line_for_every_file(trees, capsys):
    _, output = trees
    (output / "a.jpg").unlink()
    code, lines, _ = verify(capsys, output, "--json")
    assert code == ExitCode.VERIFY
    reasons = {record["path"]: record["reason"] for record in map(json.loads, lines)}
    assert reasons == {
        "a.jpg": "missing",
        "c.jpg": "verified",
        r"caf\xe9.jpg": "verified",
        "deep/b.jpg": "verified",
    }


def test_a_damaged_manifest_or_another_list_is_a_fault(trees, capsys):
    _, output = trees
    path = output / "_archivecolor" / "manifest.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\0\0\0\n", *lines[2:]]))
    (output / "_archivecolor" / DIGESTS_NAME).write_text("0" * 64 + "  a.jpg\n")
    code, faults, _ = verify(capsys, output)
    assert code == ExitCode.VERIFY
    assert [line.split()[0] for line in faults] == ["damaged-line", *["list-differs"] * 4]
    assert "line 3" in faults[0]
    assert "disagree" in faults[1]


def test_a_damaged_line_of_the_decisions_is_a_fault_and_a_torn_last_one_is_not(trees, capsys):
    _, output = trees
    path = output / "_archivecolor" / "decisions.jsonl"
    whole = line_of(Decision("a.jpg", State.ACCEPTED))
    path.write_bytes(whole + whole[:20])
    assert verify(capsys, output)[0] == ExitCode.OK
    path.write_bytes(whole + b"garbage\n")
    code, faults, _ = verify(capsys, output)
    assert code == ExitCode.VERIFY
    assert faults == ["damaged-line      _archivecolor/decisions.jsonl  (line 2 is not a decision)"]


def test_a_list_of_digests_that_lacks_a_file_is_a_fault(trees, capsys):
    _, output = trees
    path = output / "_archivecolor" / DIGESTS_NAME
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    code, faults, _ = verify(capsys, output)
    assert code == ExitCode.VERIFY
    assert len(faults) == 1
    assert faults[0].startswith("list-differs      a.jpg  (_archivecolor/manifest-sha256.txt does not list")


def test_what_an_earlier_format_left_may_stay_or_go_but_not_change(trees, capsys):
    scans, output = trees
    enter(scans, output, "a.jpg", "a.png")
    (output / "_archivecolor" / DIGESTS_NAME).unlink()
    assert verify(capsys, output)[0] == ExitCode.OK
    (output / "a.jpg").write_bytes(b"changed")
    assert verify(capsys, output)[1][0].startswith("changed           a.jpg")
    (output / "a.jpg").unlink()
    assert verify(capsys, output)[0] == ExitCode.OK


def test_what_an_earlier_format_left_is_listed(trees, capsys):
    scans, output = trees
    enter(scans, output, "a.jpg", "a.png")
    (output / "_archivecolor" / DIGESTS_NAME).unlink()
    code, lines, words = verify(capsys, output)
    assert (code, lines) == (ExitCode.OK, ["superseded        a.jpg"])
    assert "1 of an earlier format; `archivecolor prune` removes them" in words
    assert verify(capsys, output, "-q") == (ExitCode.OK, [], "")


@pytest.mark.parametrize(
    ("status", "reason"), [(Status.SKIPPED, Reason.ALREADY_COLOUR), (Status.FAILED, Reason.TRUNCATED)]
)
def test_the_last_output_of_what_was_left_alone_since_is_not_called_prunable(trees, capsys, status, reason):
    _, output = trees
    with ManifestWriter(output / "_archivecolor" / "manifest.jsonl") as writer:
        writer.append(Record("a.jpg", status, reason, Source(10, 20)))
    (output / "_archivecolor" / DIGESTS_NAME).unlink()
    code, lines, words = verify(capsys, output)
    assert (code, lines) == (ExitCode.OK, ["older             a.jpg"])
    assert "prune" not in words
    assert main(["prune", str(output)]) == ExitCode.OK
    assert "nothing to remove" in capsys.readouterr().err


def test_handwork_that_a_run_found_is_listed_and_no_fault(trees, capsys):
    scans, output = trees
    (output / "c.jpg").write_bytes(b"retouched")
    (output / "deep" / "b.jpg.by-hand-2026-11-29").write_bytes(b"put aside")
    assert verify(capsys, output)[0] == ExitCode.VERIFY
    about = (scans / "c.jpg").stat()
    source = Source(about.st_size, about.st_mtime_ns, sha256_of(scans / "c.jpg"))
    with ManifestWriter(output / "_archivecolor" / "manifest.jsonl") as writer:
        kept = by_hand_output(output, "c.jpg")
        writer.append(Record("c.jpg", Status.SKIPPED, Reason.BY_HAND, source, output=kept))
    manifest = Manifest(output / "_archivecolor" / "manifest.jsonl")
    write_digests(output / "_archivecolor" / DIGESTS_NAME, manifest.digests())
    code, lines, words = verify(capsys, output, "--sources", scans)
    assert code == ExitCode.OK
    assert lines == [
        "by-hand           deep/b.jpg.by-hand-2026-11-29  (put aside)",
        "by-hand           c.jpg",
    ]
    assert "2 changed by hand" in words
    (output / "c.jpg").write_bytes(b"retouched again")
    assert verify(capsys, output)[0] == ExitCode.VERIFY


def test_a_bag_is_verified_by_its_payload(tmp_path, capsys):
    enter(tmp_path / "in", tmp_path / "bag" / "data", "a.jpg")
    assert verify(capsys, tmp_path / "bag")[0] == ExitCode.OK
    write_bag(tmp_path / "bag", [], "archivecolor")
    assert verify(capsys, tmp_path / "bag")[0] == ExitCode.OK
    (tmp_path / "bag" / "data" / "a.jpg").unlink()
    assert verify(capsys, tmp_path / "bag")[0] == ExitCode.VERIFY


def test_no_manifest_is_a_matter_of_usage(tmp_path, capsys):
    code, _, words = verify(capsys, tmp_path)
    assert code == ExitCode.USAGE
    assert "not there" in words


def test_a_newer_manifest_is_refused(trees, capsys):
    _, output = trees
    with (output / "_archivecolor" / "manifest.jsonl").open("ab") as file:
        file.write(b'{"format": 9}\n')
    assert verify(capsys, output)[0] == ExitCode.USAGE


def test_what_a_running_run_is_making_is_no_fault(trees, capsys):
    _, output = trees
    left = output / "left.jpg"
    left.write_bytes(b"before the run")
    time.sleep(1.1)  # a lock tells whole seconds
    with locked(output):
        part = part_path(output / "new.jpg")
        part.write_bytes(b"half")
        enter(output.parent / "in", output, "since.jpg")
        code, found, words = verify(capsys, output)
        assert code == ExitCode.VERIFY
        assert [line.split()[:2] for line in found] == [
            ["being-made", "_archivecolor/lock"],
            ["being-made", part.name],
            ["extra", "left.jpg"],
        ]
        assert f"process {os.getpid()} on" in found[0] and "2 of a run that goes on" in words
        left.unlink()
        assert verify(capsys, output)[0] == ExitCode.OK
    code, found, _ = verify(capsys, output)
    assert code == ExitCode.VERIFY
    assert {line.split()[0] for line in found} == {"extra", "list-differs"}
