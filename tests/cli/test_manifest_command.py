"""`archivecolor manifest` as it is typed."""

import csv
import json
import os

import pyarrow.parquet
import pytest

from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest, ManifestWriter, Output, Record, Source, Status
from archivecolor.cli.main import main
from archivecolor.errors import ExitCode, Reason

ODD = os.fsdecode(b'caf\xe9, "x".jpg')


@pytest.fixture
def output(tmp_path):
    path = tmp_path / "_archivecolor" / "manifest.jsonl"
    with ManifestWriter(path) as writer:
        writer.append(Record("a.jpg", Status.FAILED, Reason.TRUNCATED, Source(1, 2), detail="cut,\nshort"))
        for name in ("a.jpg", ODD):
            source = Source(1, 2, "a" * 64, 6, 4, 8, 1, "grey")
            about = {"output": Output(name, 3, "b" * 64, 6, 4, 8), "lost": ("x", "y"), "confidence": 0.25}
            writer.append(Record(name, Status.DONE, Reason.COLOURED, source, **about))
        writer.append(Record("b.jpg", Status.FAILED, Reason.TRUNCATED, Source(1, 2), detail="cut,\nshort"))
    return tmp_path


def hold(rows, detail="cut,\nshort"):
    first, odd, failed = rows
    assert (first["path"], first["status"], first["reason"]) == ("a.jpg", "done", "coloured")
    assert (int(first["source_width"]), float(first["confidence"]), first["lost"]) == (6, 0.25, "x; y")
    assert (odd["path"], odd["path_raw"]) == (r'caf\xe9, "x".jpg', "caf%E9%2C %22x%22.jpg")
    assert odd["output_path"] == odd["path"]
    assert (failed["detail"], failed["output_path"] or None) == (detail, None)


def test_as_csv(output, tmp_path, capsys):
    assert main(["manifest", "export", str(output), "--csv", str(tmp_path / "table.csv")]) == ExitCode.OK
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        hold(list(csv.DictReader(file)), detail=r"cut,\nshort")
    assert "3 items" in capsys.readouterr().err
    assert main(["manifest", "export", str(output), "--csv", "-", "-q"]) == ExitCode.OK
    assert capsys.readouterr().out.startswith("path,path_raw,kind,status")


def test_the_most_doubtful_alone(tmp_path, capsys):
    with ManifestWriter(tmp_path / "_archivecolor" / "manifest.jsonl") as writer:
        figures = {"a": (0.9, 0.8), "b": (0.2, 0.3), "older": (0.5, None), "copied": (None, None)}
        for name, (confidence, doubt) in figures.items():
            reasons = ({"reason": "one-wash-over-all"}, {"reason": "nearly-uncoloured"}) if doubt else ()
            about = {"confidence": confidence, "doubt": doubt, "doubt_reasons": reasons}
            output = Output(f"{name}.jpg", 3, "b" * 64)
            writer.append(
                Record(f"{name}.jpg", Status.DONE, Reason.COLOURED, Source(1, 2), output=output, **about)
            )
        writer.append(Record("failed.jpg", Status.FAILED, Reason.TRUNCATED, Source(1, 2), confidence=0.1))
    words = ["manifest", "export", str(tmp_path), "--doubtful"]
    assert main([*words, "2", "--csv", "-"]) == ExitCode.OK
    shown = capsys.readouterr()
    rows = list(csv.DictReader(shown.out.splitlines()))
    assert [(row["path"], row["doubt"]) for row in rows] == [("a.jpg", "0.8"), ("older.jpg", "")]
    assert rows[0]["doubt_reasons"] == "one-wash-over-all; nearly-uncoloured"
    assert "2 items" in shown.err
    assert main([*words, "9", "--json", "-q"]) == ExitCode.OK
    assert [json.loads(line)["path"] for line in capsys.readouterr().out.splitlines()] == [
        "a.jpg",
        "older.jpg",
        "b.jpg",
    ]


def test_no_cell_is_a_formula(tmp_path, capsys):
    names = [
        "=1+2.jpg",
        "+1.jpg",
        "-1.jpg",
        "@x.jpg",
        "\t=1.jpg",
        "\r=1.jpg",
        "\n=1.jpg",
        "\uff1d1.jpg",
        "a=b.jpg",
    ]
    with ManifestWriter(tmp_path / "_archivecolor" / "manifest.jsonl") as writer:
        for name in names:
            written = Output(name, 3, "b" * 64)
            detail = "=HYPERLINK(1)"
            writer.append(
                Record(name, Status.DONE, Reason.COLOURED, Source(1, -2), detail=detail, output=written)
            )
    assert main(["manifest", "export", str(tmp_path), "--csv", str(tmp_path / "table.csv")]) == ExitCode.OK
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [
        "'=1+2.jpg",
        "'+1.jpg",
        "'-1.jpg",
        "'@x.jpg",
        r"\t=1.jpg",
        r"\r=1.jpg",
        r"\n=1.jpg",
        "'\uff1d1.jpg",
        "a=b.jpg",
    ]
    assert [row["output_path"] for row in rows] == [row["path"] for row in rows]
    assert {row["detail"] for row in rows} == {"'=HYPERLINK(1)"}
    # Numbers stay numbers.
    assert {row["source_mtime_ns"] for row in rows} == {"-2"}


def test_as_json_lines(output, tmp_path, capsys):
    words = ["manifest", "export", str(output), "--json", "-q"]
    assert main(words) == ExitCode.OK
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["path"], line["status"]) for line in lines] == [
        ("a.jpg", "done"),
        (r'caf\xe9, "x".jpg', "done"),
        ("b.jpg", "failed"),
    ]
    assert lines[0]["source"]["sha256"] == "a" * 64
    assert main([*words, "--csv", str(tmp_path / "table.csv")]) == ExitCode.OK
    assert (tmp_path / "table.csv").exists()
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main([*words, "--csv", "-"]) == ExitCode.USAGE
    assert "both go to standard output" in capsys.readouterr().err


def test_as_parquet(output, tmp_path):
    assert main(["manifest", "export", str(output), "--parquet", str(tmp_path / "t.parquet")]) == ExitCode.OK
    hold(pyarrow.parquet.read_table(tmp_path / "t.parquet").to_pylist())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    "there",
    [
        b"path;title\nA;Grandmother\n",
        b"PAR1 and no more",
        b"PAR1\x01\x02\x03\x04\x04\0\0\0PAR1",
        "other parquet",
        "link",
    ],
)
def test_no_table_is_written_over_a_file_of_somebody_else(output, tmp_path, capsys, kind, there):
    table = tmp_path / f"catalogue.{kind}"
    if there == "link":
        table.symlink_to("elsewhere")
    elif there == "other parquet":
        pyarrow.parquet.write_table(pyarrow.table({"path": ["A"], "title": ["Grandmother"]}), table)
    else:
        table.write_bytes(there)
    before = None if table.is_symlink() else table.read_bytes()
    words = ["manifest", "export", str(output), "--csv", str(tmp_path / "new.csv"), f"--{kind}", str(table)]
    assert main(words) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert f"catalogue.{kind} is " in error
    assert "link" in error if before is None else "no table of a manifest" in error
    assert table.is_symlink() if before is None else table.read_bytes() == before
    assert not (tmp_path / "new.csv").exists()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_table_of_the_night_before_is_written_over(output, tmp_path, kind):
    table = tmp_path / f"nightly.{kind}"
    words = ["manifest", "export", str(output), f"--{kind}", str(table)]
    table.touch()
    assert main(words) == ExitCode.OK
    before = table.read_bytes()
    with ManifestWriter(output / "_archivecolor" / "manifest.jsonl") as writer:
        writer.append(Record("c.jpg", Status.FAILED, Reason.EMPTY, Source(0, 2)))
    assert main(words) == ExitCode.OK
    assert len(table.read_bytes()) > len(before)


def test_without_a_manifest_or_a_table_it_is_a_matter_of_usage(output, tmp_path, capsys):
    assert main(["manifest", "export", str(output)]) == ExitCode.USAGE
    assert main(["manifest", "export", str(tmp_path / "nowhere"), "--csv", "-"]) == ExitCode.USAGE
    assert "output folder" in capsys.readouterr().err


def test_made_smaller(output, capsys):
    path = output / "_archivecolor" / "manifest.jsonl"
    before = list(Manifest(path).records())
    assert main(["manifest", "compact", str(output)]) == ExitCode.OK
    assert "1 older lines" in capsys.readouterr().err
    assert list(Manifest(path).records()) == before
    assert len(path.read_bytes().splitlines()) == 3


def test_not_made_smaller_under_a_run(output):
    with locked(output):
        assert main(["manifest", "compact", str(output)]) == ExitCode.LOCKED
