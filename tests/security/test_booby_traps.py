"""No code of the folder that somebody stands in is ever run, however the program is started."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_archive import tree

MODULES = [
    "joblib",
    "loky",
    "numpy",
    "cv2",
    "multiprocessing",
    "json",
    "sitecustomize",
    "usercustomize",
    "click",
    "av",
    "pickle",
]
PACKAGES = ["torch", "PIL"]
PROGRAMS = ["exiftool", "ffmpeg", "ffprobe", "setpriv"]
CONSOLE_SCRIPT = [str(Path(sys.executable).with_name("archivecolor"))]
MODULE = [sys.executable, "-m", "archivecolor"]


@pytest.fixture
def trapped(tmp_path):
    """A folder in which every likely name leaves a trace when it is run."""
    folder = tmp_path / "scans"
    folder.mkdir()
    trace = f"open({str(tmp_path / 'trace')!r}, 'a').write(__name__ + ' ')\n"
    for name in MODULES:
        (folder / f"{name}.py").write_text(trace)
    for name in PACKAGES:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(trace)
    for name in PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\necho {name} >> {tmp_path / 'trace'}\nexit 1\n")
        (folder / name).chmod(0o755)
    return folder


def run_in(folder, command, *words):
    """Run the program there, with the current folder in PATH, as some people have it."""
    environment = {**os.environ, "PATH": f".:{folder}:" + os.environ["PATH"]}
    command = [*command, *map(str, words)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, env=environment, timeout=300
    )


@pytest.mark.parametrize("command", [CONSOLE_SCRIPT, MODULE], ids=["console script", "python -m"])
def test_a_folder_of_scans_runs_nothing(trapped, archive, checkpoint, tmp_path, command):
    shutil.copytree(archive / "people", trapped / "people")
    words = ["--checkpoint", checkpoint, "--working-size", "64", "--jobs", "2", "--device", "cpu"]
    done = run_in(trapped, command, "dir", ".", "../out", *words)
    assert not (tmp_path / "trace").exists(), (tmp_path / "trace").read_text()
    assert done.returncode == 0, done.stderr
    assert len(tree(tmp_path / "out")) == 3


@pytest.mark.parametrize(
    "words", [("video", "film.mp4"), ("train", ".", "../run", "--steps", "1"), ("doctor",)]
)
def test_no_other_job_does(trapped, tmp_path, words):
    (trapped / "film.mp4").write_bytes(b"no film")
    done = run_in(trapped, CONSOLE_SCRIPT, *words)
    assert not (tmp_path / "trace").exists(), (tmp_path / "trace").read_text()
    assert done.returncode in (0, 2, 3), done.stderr
