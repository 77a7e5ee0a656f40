"""The command itself: light to start, exact in its exit codes, one line when something is wrong."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from in_process import run_here as run

from archivecolor.cli import main as cli
from archivecolor.cli.streams import PatientStream, patient_streams
from archivecolor.errors import ExitCode, LockedError, OutputError, StoppedError, UnavailableError

HEAVY = ("torch", "onnxruntime", "cv2")


def test_help_is_there_and_light():
    words = (["--help"], ["dir", "--help"], ["run", "--help"], ["--version"])
    code = (
        "import sys; from archivecolor.cli.main import main\n"
        f"codes = [main(words) for words in {words!r}]\n"
        f"sys.exit(max(codes) or [name for name in {HEAVY!r} if name in sys.modules] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for said in (
        "Usage: archivecolor [",
        "Usage: archivecolor dir",
        "Usage: archivecolor run",
        "archivecolor 0",
    ):
        assert said in done.stdout


def test_films_load_nothing_that_reads_photographs():
    code = "import sys, archivecolor.jobs.films; sys.exit('archivecolor.photo.preview' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_examples_in_help_stand_on_lines_of_their_own():
    text = run("video", "--help").stdout
    assert "Examples:\n    archivecolor video film.mp4\n    archivecolor video reels/" in text
    assert "\\b" not in text


def test_every_listed_command_has_help():
    for name in cli.group.list_commands(None):
        command = cli.group.get_command(None, name)
        assert command.help, name
        assert command.name == name


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["dri"], "did you mean 'dir'"),
        (["dir"], "missing argument"),
        (["dir", "in", "out", "--no-such-option"], "no such option"),
        (["dir", "in", "out", "--workng-size", "64"], "'--workng-size'; did you mean '--working-size'? (a"),
        (["dir", "in", "out", "--working-size", "33"], "--working-size is 33"),
        (["run", "nothing.toml"], "nothing.toml"),
    ],
)
def test_a_wrong_command_line_is_answered_with_2_and_a_hint(words, hint, tmp_path):
    done = run(*words, cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE
    assert hint in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutputError("full"), 5),
        (LockedError("held"), 11),
        (UnavailableError("no ffmpeg"), 4),
        (StoppedError(ExitCode.TERMINATED), 143),
    ],
)
def test_our_errors_are_one_line_and_their_code(error, code, capsys):
    assert cli.exit_code_for(error) == code
    assert capsys.readouterr().err == f"archivecolor: error: {error}\n"


def test_a_fault_says_where_its_traceback_is(capsys):
    try:
        {}["missing"]
    except KeyError as error:
        assert cli.exit_code_for(error) == ExitCode.FAULT
    line = capsys.readouterr().err
    path = line.split("report it with ")[1].split(" ")[0]
    assert line.count("\n") == 1
    assert "KeyError: 'missing'" in Path(path).read_text()


def test_a_fault_that_no_file_takes_is_said_in_full(capsys, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    assert cli.exit_code_for(KeyError("missing")) == ExitCode.FAULT
    *trace, last = capsys.readouterr().err.splitlines()
    assert trace[-1].strip() == "KeyError: 'missing'"
    assert "KeyError: 'missing' (please report it with the lines above" in last


def test_what_the_terminal_has_no_signs_for_is_escaped_and_nothing_is_lost():
    raw = io.BytesIO()
    stream = PatientStream(io.TextIOWrapper(raw, encoding="ascii"))
    stream.write("caf\u00e9.jpg\n")
    stream.write("next\n")
    stream.flush()
    assert raw.getvalue() == b"caf\\xe9.jpg\nnext\n"


def test_a_recipe_gives_options_and_the_command_line_wins(tmp_path):
    (tmp_path / "photos.toml").write_text('job = "dir"\n[dir]\ninput = "gone"\noutput = "out"\n')
    done = run("run", "photos.toml", "--dry-run", cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE
    assert "gone does not exist" in done.stderr
    done = run("run", "photos.toml", "--working-size", "31", cwd=tmp_path)
    assert "--working-size is 31" in done.stderr


def test_a_recipe_of_a_job_without_dry_run_is_only_checked(tmp_path):
    (tmp_path / "train.toml").write_text('job = "train"\n[train]\ndata = ["x"]\noutput = "run"\nlr = 0.1\n')
    done = run("run", "train.toml", "--dry-run", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "valid recipe for train" in done.stderr
    assert not (tmp_path / "run").exists()


def test_the_log_file_takes_json_lines(tmp_path):
    (tmp_path / "in").mkdir()
    done = run("dir", "in", "in/out", "--log-file", "log.jsonl", cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1].keys() == {"at", "level", "logger", "message"}
    assert lines[-1]["level"] == "error"
    assert "in/out" in lines[-1]["message"]
    assert done.stderr.count("\n") == 1


def test_what_an_encoding_has_no_sign_for_costs_no_line(monkeypatch):
    """As where a table goes into a file under a locale of long ago."""
    written = io.BytesIO()
    old = io.TextIOWrapper(written, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", old)
    with patient_streams():
        sys.stdout.write("caf\u00e9.jpg\n")
        sys.stdout.write("after.jpg\n")
    assert written.getvalue() == b"caf\\xe9.jpg\nafter.jpg\n"
    assert old.errors == "strict"
