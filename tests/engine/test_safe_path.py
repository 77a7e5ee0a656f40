"""Processes that are started in a folder of scans run no module that lies in wait there."""

import os
import subprocess
import sys

import pytest

from archivecolor.engine.safe_path import safe_path


@pytest.mark.parametrize("before", [None, ""])
def test_a_module_of_the_current_folder_is_not_run(tmp_path, monkeypatch, before):
    if before is None:
        monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONSAFEPATH", before)
    (tmp_path / "colorsys.py").write_text("print('trapped')")

    def said():
        words = [sys.executable, "-c", "import colorsys"]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert said() == "trapped\n"
    with safe_path():
        assert said() == ""
    assert os.environ.get("PYTHONSAFEPATH") == before
    assert said() == "trapped\n"
