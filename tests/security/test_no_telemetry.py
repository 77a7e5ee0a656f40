"""Libraries that would report on their use to their makers are told not to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COLOUR = """
import numpy as np
import archivecolor
archivecolor.colour_array(np.full((32, 32), 90, np.uint8), archivecolor.load_predictor(runtime="onnx"))
"""
# Where they are not set ONNX Runtime takes it that people work here, not tests.
CI_VARIABLES = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "BUILDKITE", "JENKINS_URL", "ORT_RUNNING_UNIT_TESTS")


@pytest.mark.parametrize(
    "program", [COLOUR, "from archivecolor.networks import quantise"], ids=["run", "make"]
)
def test_onnx_runtime_keeps_and_sends_nothing(tmp_path: Path, program: str) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    variables = {name: value for name, value in os.environ.items() if name not in CI_VARIABLES}
    variables.pop("ORT_DISABLE_TELEMETRY", None)
    variables |= {"HOME": str(home), "TMPDIR": str(scratch), "XDG_CACHE_HOME": str(home / "cache")}
    subprocess.run([sys.executable, "-c", program], env=variables, check=True, timeout=300)
    assert [*home.rglob("*"), *scratch.rglob("*")] == []
