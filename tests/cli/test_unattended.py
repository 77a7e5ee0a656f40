"""What a scheduler asks of a run: quiet, a log, a priority, a window, a bound on failures."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from archivecolor.cli.logs import file_handler
from archivecolor.cli.main import main
from archivecolor.errors import OutputError

LOG_KEYS = {"at", "level", "logger", "message"}


def logged(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def children_of(pid):
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="priorities are read from Linux's /proc")
def test_a_night_with_a_rotated_log_and_a_low_priority(command_words, archive, tmp_path):
    log, rotated = tmp_path / "night.log", tmp_path / "night.log.1"
    before = os.getpriority(os.PRIO_PROCESS, 0)
    words = command_words("dir", archive, tmp_path / "out", "-q", "--nice", "3", "--log-file", log)
    run = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    manifest = tmp_path / "out" / "_archivecolor" / "manifest.jsonl"
    deadline = time.monotonic() + 120
    while not (manifest.exists() and manifest.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    priorities = {os.getpriority(os.PRIO_PROCESS, pid) for pid in [run.pid, *children_of(run.pid)]}
    log.rename(rotated)
    words, errors = run.communicate(timeout=300)
    assert run.returncode == 3
    assert words == ""
    assert errors.count("dir: ") == 1  # something failed, so it is said, once
    assert priorities == {min(before + 3, 19)}
    lines = [*logged(rotated), *logged(log)]
    assert all(line.keys() - {"traceback"} == LOG_KEYS for line in lines)
    told = {line["message"].split(": ")[0] for line in lines if line["logger"].endswith("jobs.run")}
    assert told == {json.loads(line)["path"] for line in manifest.read_text().splitlines()}
    assert len(logged(log)) > 0


def test_a_log_is_added_to_and_may_have_a_torn_end(here, archive, tmp_path):
    log = tmp_path / "log"
    log.write_text('{"at": "torn')
    only = ["--include", "sepia.png", "--log-file", log]
    for expected in (2, 2):
        assert here("dir", archive, archive, *only).returncode == expected
    torn, *lines = log.read_text().splitlines()
    assert torn == '{"at": "torn'
    assert [json.loads(line)["level"] for line in lines] == ["error"] * 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk_under_the_log_is_said_once_and_costs_no_picture(here, archive, tmp_path):
    words = ["--include", "*.webp", "-q", "--log-file", "/dev/full"]
    done = here("dir", archive, tmp_path / "out", *words)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "cannot write the log file" in done.stderr
    assert (tmp_path / "out" / "places" / "abroad" / "caf\u00e9.webp").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize(
    "words",
    [
        ["manifest", "export", "OUT", "--csv", "-"],
        ["decisions", "list", "OUT"],
        ["help", "formats"],
        ["photo", "-", "--working-size", "64"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_a_full_disk_under_standard_output_ends_with_5(command_words, undisturbed, archive, tmp_path, words):
    output = shutil.copytree(undisturbed, tmp_path / "out")
    decided = '{"format":1,"path":"a.jpg","state":"accepted","at":"2026-01-01T00:00:00Z","by":"x"}\n'
    (output / "_archivecolor" / "decisions.jsonl").write_text(decided)
    words = [str(output) if word == "OUT" else word for word in words]
    scan = archive / "people" / "chelsea.png"
    with Path("/dev/full").open("w") as full, scan.open("rb") as source:
        command = command_words(*words)
        done = subprocess.run(command, check=False, stdin=source, stdout=full, stderr=subprocess.PIPE)
        # As much as a pipe takes, and no more: whoever reads is gone.
        command = ["bash", "-c", '"$@" | true; exit ${PIPESTATUS[0]}', "-", *command]
        source.seek(0)
        piped = subprocess.run(command, check=False, stdin=source, stderr=subprocess.PIPE)
    assert done.returncode == 5, done.stderr
    assert b"cannot write standard output: No space left" in done.stderr
    assert piped.returncode == 0, piped.stderr
    assert b"standard output" not in piped.stderr.replace(b"-> standard output", b"")


def test_a_log_that_cannot_be_written_is_said_at_once(here, archive, tmp_path):
    done = here("dir", archive, tmp_path / "out", "--log-file", tmp_path / "no" / "log")
    assert done.returncode == 5
    assert "log file" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_end_of_the_window_is_no_failure_and_says_what_is_left(here, archive, tmp_path):
    done = here("dir", archive, tmp_path / "out", "--max-runtime", "0")
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "10 left" in done.stderr
    assert "goes on with what is left" in done.stderr
    assert json.loads((tmp_path / "out/_archivecolor/run.json").read_text())["counts"]["left"] == 10
    quiet = here("dir", archive, tmp_path / "out", "--max-runtime", "0", "-q")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_too_many_failures_are_said_even_if_quiet(here, archive, tmp_path):
    damaged = ["--include", "broken.jpg", "--include", "empty.png"]
    done = here("dir", archive, tmp_path / "out", "--max-failures", "0", "-q", *damaged)
    assert done.returncode == 7
    summary, *failed, _where = done.stderr.splitlines()
    assert "--max-failures" in summary
    assert failed


@pytest.mark.parametrize("closed", ["pipe", "descriptor"])
def test_a_reader_that_goes_away_does_not_end_a_night(command_words, archive, tmp_path, closed):
    words = command_words("dir", archive, tmp_path / "out", "-v", "--json")
    shell = {
        "pipe": '"$@" 2>&1 | head -c 1 > /dev/null; exit ${PIPESTATUS[0]}',
        "descriptor": '"$@" >&- 2>&-',
    }
    done = subprocess.run(["bash", "-c", shell[closed], "-", *words], check=False, timeout=300)
    assert done.returncode == 3
    lines = (tmp_path / "out" / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    assert len(lines) == 10


def test_a_hang_up_stops_like_a_request_to_end_and_leaves_no_temporary_file(
    command_words, archive, tmp_path, monkeypatch
):
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    # Whoever started the tests may have them ignore a hang-up, and a child inherits that.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    run = subprocess.Popen(command_words("dir", archive, tmp_path / "out"), stderr=subprocess.PIPE)
    signal.signal(signal.SIGHUP, before)
    manifest = tmp_path / "out" / "_archivecolor" / "manifest.jsonl"
    deadline = time.monotonic() + 120
    while not (manifest.exists() and manifest.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(signal.SIGHUP)
    run.communicate(timeout=300)
    assert run.returncode == 143
    assert list(scratch.glob("archivecolor-*")) == []


def test_a_pipe_is_no_log(tmp_path):
    os.mkfifo(tmp_path / "log")
    with pytest.raises(OutputError, match="a pipe"):
        file_handler(tmp_path / "log")


def test_a_current_folder_that_is_gone_is_told_and_not_taken_for_too_little_memory(
    archive, tmp_path, monkeypatch, capsys
):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["dir", str(archive), str(tmp_path / "out")]) == 2
    assert "the current folder is gone" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
