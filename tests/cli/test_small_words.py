"""Small words: messages that name what is meant, in the number that it has."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.archive.lock import locked
from archivecolor.cli.main import main
from archivecolor.cli.training import plan_text
from archivecolor.errors import ExitCode, LockedError
from archivecolor.training.plan import TrainingPlan


@pytest.fixture
def output(tmp_path, monkeypatch):
    """An output of `grey`, in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Image.fromarray(np.full((20, 30), 90, np.uint8)).save("in/a.png")
    assert main(["grey", "in", "out", "--jobs", "1", "-q"]) == ExitCode.OK
    return Path("out")


def test_files_that_never_were_are_not_called_empty_or_gone(output, capsys):
    assert main(["verify", "out", "--trust", "nope.pem"]) == ExitCode.USAGE
    assert "--trust: nope.pem does not exist" in capsys.readouterr().err
    assert main(["identify", "nope.jpg", "--archive", "out"]) == ExitCode.SOME_FAILED
    assert "nope.jpg: cannot be read: there is no such file" in capsys.readouterr().out


def test_verify_says_what_it_counts(output, capsys):
    assert main(["verify", "out"]) == ExitCode.OK
    assert "verify: 1 file in order in " in capsys.readouterr().err


def test_a_file_that_looks_like_an_option_is_told_how_it_is_given(output, capsys):
    Path("-dash.jpg").write_bytes(Path("in/a.png").read_bytes())
    assert main(["photo", "-dash.jpg"]) == ExitCode.USAGE
    assert "the file is given as './-dash.jpg'" in capsys.readouterr().err
    assert main(["photo", "-k"]) == ExitCode.USAGE
    assert "the file is given" not in capsys.readouterr().err


def test_a_lock_names_no_command_that_may_not_be_meant(output):
    with locked(output, 0.0), pytest.raises(LockedError) as caught, locked(output, 0.0):
        pass
    assert "dir and video" not in str(caught.value)
    assert "--wait-lock" in str(caught.value)


def test_counts_have_their_number():
    dropped = {"hidden files": 1, "files without a suffix": 2}
    plan = TrainingPlan("cnn", 1, {"train": 3}, dropped, 0, 0, 1, 1, 64, "cpu", "cpu", 1)
    assert "left out: 1 hidden file, 2 files without a suffix" in plan_text(plan)


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root is refused nothing, and stays root"
)
def test_a_folder_that_cannot_be_written_is_named_itself(output):
    unbound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []
    state = output / "_archivecolor"
    state.chmod(0o555)
    command = [*unbound, sys.executable, "-m", "archivecolor", "grey", "in", "out"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    state.chmod(0o755)
    assert done.returncode == ExitCode.OUTPUT
    assert f"cannot write {state}: Permission denied" in done.stderr
    assert "archivecolor-part" not in done.stderr


def unbound(*words):
    """As `archivecolor WORDS`, by somebody whom modes of files bind."""
    by = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []
    command = [*by, sys.executable, "-m", "archivecolor", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root is refused nothing, and stays root"
)
def test_what_may_not_be_read_is_said_of_itself_and_costs_itself_alone(output):
    Path("in/a.png").chmod(0)
    done = unbound("photo", "in/a.png", "-o", "z.png", "--device", "cpu")
    assert done.returncode == ExitCode.SOME_FAILED, done.stderr
    assert "permission" in done.stderr
    assert "INPUT" not in done.stderr
    Path("in/a.png").chmod(0o644)
    Path("in").chmod(0)
    done = unbound("grey", "in", "out")
    Path("in").chmod(0o755)
    assert done.returncode == ExitCode.USAGE
    assert "IN in may not be read by this user; check its permissions" in done.stderr


def test_a_name_that_is_like_none_is_not_guessed(output, capsys):
    assert main(["correct", "out", "nope.png", "--accept"]) == ExitCode.USAGE
    assert "did you mean" not in capsys.readouterr().err
    assert main(["correct", "out", "aa.png", "--accept"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "did you mean a.png" in said, said
