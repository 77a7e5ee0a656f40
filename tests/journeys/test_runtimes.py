"""Whichever program runs the network: the same bytes for any number of cores and workers."""

import json
import shutil

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from small_archive import tree

from archivecolor.cli.main import main
from archivecolor.errors import ExitCode

PICTURES = ("--working-size", "64", "--include", "people/*")


@pytest.fixture(scope="module")
def by_onnx(archive, tmp_path_factory):
    output = tmp_path_factory.mktemp("onnx") / "out"
    assert coloured(archive, output, "--runtime", "onnx", "--jobs", "2") == ExitCode.OK
    return output


def coloured(archive, output, *more):
    return main(["dir", str(archive), str(output), *PICTURES, *more])


def test_bytes_depend_on_neither_cores_nor_workers_nor_batches(archive, by_onnx, tmp_path, monkeypatch):
    monkeypatch.setattr("archivecolor.inference.onnx_runtime.core_count", lambda: 1)
    words = ("--runtime", "onnx", "--jobs", "1", "--batch-size", "1")
    assert coloured(archive, tmp_path / "out", *words) == ExitCode.OK
    assert len(tree(by_onnx)) == 3
    assert tree(tmp_path / "out") == tree(by_onnx)


def test_another_runtime_gives_nearly_the_same_colours_and_does_nothing_again(archive, by_onnx, tmp_path):
    words = ("--runtime", "torch", "--precision", "fp32")
    assert coloured(archive, tmp_path / "out", *words) == ExitCode.OK
    for name in ("astronaut.jpg", "chelsea.png"):
        mine, theirs = (
            np.asarray(Image.open(folder / "people" / name), np.int16)
            for folder in (by_onnx, tmp_path / "out")
        )
        assert np.abs(mine - theirs).max() <= 2
    before = {path: path.stat().st_mtime_ns for path in by_onnx.rglob("people/*")}
    assert len(before) == 3
    assert coloured(archive, by_onnx, *words) == ExitCode.OK
    assert {path: path.stat().st_mtime_ns for path in by_onnx.rglob("people/*")} == before


def test_the_same_runtime_is_had_by_asking_for_it(archive, by_onnx, tmp_path, capsys):
    output = tmp_path / "out"
    shutil.copytree(by_onnx, output)
    words = ("--runtime", "torch", "--precision", "fp32", "--same-runtime")
    assert coloured(archive, output, "--runtime", "onnx", "--same-runtime") == ExitCode.OK
    assert tree(output) == tree(by_onnx)
    assert coloured(archive, output, *words, "--dry-run") == ExitCode.OK
    assert "3 pictures" in capsys.readouterr().out
    assert coloured(archive, output, *words) == ExitCode.OK
    records = [json.loads(line) for line in manifest_lines(output)]
    assert [record["runtime"].split()[0] for record in records] == ["onnxruntime"] * 3 + ["torch"] * 3
    assert coloured(archive, output, *words) == ExitCode.OK
    assert len(manifest_lines(output)) == 6


def manifest_lines(output):
    return (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()


def test_a_record_says_what_ran_the_network(by_onnx):
    assert {json.loads(line)["runtime"] for line in manifest_lines(by_onnx)} == {
        f"onnxruntime {onnxruntime.__version__} (cpu, float32)"
    }
    assert json.loads((by_onnx / "_archivecolor" / "run.json").read_text())["versions"]["onnxruntime"]
