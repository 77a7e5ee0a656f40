"""Several processes train as one would: the same global batch, the same weights in each."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).with_name("two_ranks.py")


def run(*words):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(SCRIPT.parent)}
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long  # torchrun starts three processes, and each loads torch
def test_the_first_process_alone_speaks_and_writes(pictures, tmp_path):
    words = [
        "train",
        pictures,
        "-o",
        tmp_path / "run",
        "--network",
        "cnn",
        "--options",
        "width=64",
        "--size",
        "32",
    ]
    words += ["--batch-size", "4", "--max-steps", "1", "--device", "cpu", "--jobs", "1", "--json"]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m"]
    said = run(*launcher, "archivecolor", *words, "--validation", pictures)
    assert json.loads(said)["training"]["steps"] == 1
    assert len(list((tmp_path / "run").glob("state-*.pt"))) == 1


def test_two_processes_train_as_one_does(pictures, tmp_path):
    said = run(SCRIPT, pictures, tmp_path / "run")
    assert [line["crops"] for line in map(json.loads, said.splitlines())] == [2, 2, 4]
    assert said.count('"steps": 3') == 3
    first, second, one = (
        torch.load(tmp_path / f"run-{name}.pt", weights_only=True) for name in ("2-0", "2-1", "1-0")
    )
    assert torch.equal(first["after"], second["after"])
    assert torch.equal(first["before"], one["before"])
    moved = (one["after"] - one["before"]).abs().mean()
    # RMSprop makes whole steps of the smallest gradients, so rounding shows in a few weights.
    assert float((first["after"] - one["after"]).abs().mean()) < 0.02 * float(moved)
