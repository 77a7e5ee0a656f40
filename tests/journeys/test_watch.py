"""`dir --watch`: what arrives is coloured, once it is whole."""

import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from small_archive import grey_of

from archivecolor.archive.walk import FoundFile
from archivecolor.cli.main import main
from archivecolor.cli.terminal import Terminal
from archivecolor.errors import ExitCode
from archivecolor.jobs import watch
from archivecolor.jobs.watch import Arrivals

PATIENCE = 120


@pytest.fixture
def words(tmp_path, checkpoint, monkeypatch):
    """Words that watch the folder `scans`, which has one picture, with little patience."""
    (tmp_path / "scans").mkdir()
    grey_of("camera", (64, 64)).save(tmp_path / "scans" / "first.png")
    grey_of("astronaut", (300, 200)).save(tmp_path / "late.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(watch, "SETTLE_SECONDS", 1.5)
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.1)
    quick = ["--working-size", "64", "--device", "cpu", "--checkpoint", str(checkpoint), "--jobs", "1"]
    return ["dir", "scans", "out", *quick, "--watch"]


def wait_for(path):
    until = time.monotonic() + PATIENCE
    while not Path(path).exists() and time.monotonic() < until:
        time.sleep(0.05)


def reasons():
    lines = Path("out/_archivecolor/manifest.jsonl").read_text().splitlines()
    return [(record["path"], record["reason"]) for record in map(json.loads, lines)]


def copied_slowly(number):
    """Copies a picture bit by bit, and ends the watching once it is in colour."""
    wait_for("out/first.png")
    whole = Path("late.png").read_bytes()
    with Path("scans/late.png").open("wb", buffering=0) as file:
        for first in range(0, len(whole), len(whole) // 30):
            file.write(whole[first : first + len(whole) // 30])
            time.sleep(0.1)
    wait_for("out/late.png")
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)],
)
def test_what_arrives_is_coloured_once_it_is_whole_and_signals_end_it(words, capsys, number, code):
    copying = threading.Thread(target=copied_slowly, args=(number,))
    copying.start()
    assert main(words) == code
    copying.join()
    assert reasons() == [("first.png", "coloured"), ("late.png", "coloured")]
    first, *batches, last = capsys.readouterr().err.splitlines()
    assert first == "dir: watching for what arrives"
    assert [line.split(" in ")[0] for line in batches] == ["dir: 1 done"] * 2
    assert last.startswith("dir: 2 done in ")


def test_the_end_of_the_time_is_no_failure(words, capsys):
    assert main([*words, "--max-runtime", "0.5"]) == ExitCode.OK
    assert not Path("out").exists()


def test_a_stop_in_the_middle_of_a_run_is_told_of_once(words, capsys, monkeypatch):
    # Two pictures are ready when the run begins, and the stop comes as it tells that it began.
    shutil.copy("late.png", "scans/late.png")
    began = Terminal.began
    monkeypatch.setattr(Terminal, "began", lambda *told: (began(*told), os.kill(os.getpid(), signal.SIGINT)))
    assert main(words) == ExitCode.INTERRUPTED
    assert [line for line in capsys.readouterr().err.splitlines() if "2 left" in line] == [
        "dir: 0 done, 2 left; stopped, the same command goes on where it left off"
    ]


def test_a_folder_that_goes_ends_it(words):
    ending = threading.Thread(target=lambda: (wait_for("out/first.png"), shutil.rmtree("scans")))
    ending.start()
    assert main(words) == ExitCode.INPUT
    ending.join()


def test_a_limit_makes_no_sense(words, capsys):
    assert main([*words, "--limit", "3"]) == ExitCode.USAGE
    assert "--limit ends a run after some items" in capsys.readouterr().err


def test_a_sheet_is_drawn_at_the_end(words):
    ending = threading.Thread(target=lambda: (wait_for("out/first.png"), os.kill(os.getpid(), signal.SIGINT)))
    ending.start()
    assert main([*words, "--sheet", "s.png"]) == ExitCode.INTERRUPTED
    ending.join()
    assert Path("s.png").exists()


def test_a_file_is_taken_when_it_stayed_as_it_is_for_long_enough(tmp_path):
    arrivals = Arrivals(tmp_path, settle_seconds=5)
    half, whole = FoundFile("a.png", 10, 100), FoundFile("a.png", 20, 200)
    for now, file, taken in ((0, half, False), (4, whole, False), (8, whole, False), (9, whole, True)):
        arrivals.look([file], now)
        assert arrivals.take() is taken
    assert arrivals.is_ready(whole)
    assert not arrivals.is_ready(half)
    arrivals.look([whole], 20)
    assert not arrivals.take()
    arrivals.look([], 21)
    arrivals.look([whole], 22)
    assert not arrivals.is_ready(whole)


def test_a_sidecar_that_comes_later_is_news(tmp_path):
    arrivals = Arrivals(tmp_path, settle_seconds=5)
    alone, accompanied = FoundFile("a.png", 10, 100), FoundFile("a.png", 10, 100, ("a.xmp",))
    arrivals.look([alone], 0)
    arrivals.look([alone], 5)
    assert arrivals.take()
    (tmp_path / "a.xmp").write_text("half")
    arrivals.look([accompanied], 6)
    (tmp_path / "a.xmp").write_text("the whole of it")
    arrivals.look([accompanied], 10)
    arrivals.look([accompanied], 12)
    assert not arrivals.take()
    arrivals.look([accompanied], 15)
    assert arrivals.take()
