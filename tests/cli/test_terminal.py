"""What people see: a live display on a terminal, one line otherwise, nothing when asked."""

import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from archivecolor.cli.terminal import PlainDisplay, Terminal, duration, summary
from archivecolor.engine.progress import ItemEvent, ProgressCounter, RunResult
from archivecolor.errors import ExitCode
from archivecolor.printable import printable
from archivecolor.settings import OutputOptions

DONE = ItemEvent("a.jpg", "done", "coloured", "", 2.0, {"path": "a.jpg"})
FAILED = ItemEvent("caf\udce9.jpg", "failed", "truncated", "it ends early", 0.0, {"path": "caf\\xe9.jpg"})


def told(voice, *event, code=ExitCode.OK, total=2):
    """Runs a terminal through `event`, and gives the exit code it answers."""
    terminal = Terminal(voice, "dir", PlainDisplay())
    counter = ProgressCounter(total=total, unit="MP")
    terminal.began(counter.snapshot())
    for one in event:
        terminal.settled(one, counter.add(one))
    return terminal.finish(RunResult(counter.snapshot(), code, {"up to date": 3}))


def test_photographs_and_films_have_rates_of_their_own():
    counter = ProgressCounter(total=2, unit="MP")
    counter.add(replace(DONE, amount=3.0))
    counter.count_in("frames")
    counter.add_work(25.0)
    counter.add(replace(DONE, amount=0.0))
    assert re.search(
        r"^2 done in 0 s, [\d.]+ MP/s, [\d.]+ frames/s$", summary(RunResult(counter.snapshot(), ExitCode.OK))
    )


def test_without_a_terminal_one_line_says_it_all(capsys):
    assert told(OutputOptions(), DONE, FAILED, code=ExitCode.SOME_FAILED) is ExitCode.SOME_FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("dir: 1 done, 1 failed (truncated 1) in 0 s, ")
    first, failed = err.splitlines()
    assert first.endswith(" MP/s; 3 up to date")
    assert failed == "  caf\\xe9.jpg: truncated: it ends early"


def test_quiet_is_silent_when_all_is_well_and_speaks_when_not(capsys):
    told(OutputOptions(quiet=True), DONE)
    assert capsys.readouterr() == ("", "")
    told(OutputOptions(quiet=True), DONE, FAILED, code=ExitCode.SOME_FAILED)
    assert "1 failed (truncated 1)" in capsys.readouterr().err


def test_verbose_says_a_line_for_every_item_that_any_terminal_can_print(capsys):
    told(OutputOptions(verbose=True), DONE, FAILED)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "done     a.jpg  coloured"
    assert lines[1] == "failed   caf\\xe9.jpg  truncated: it ends early"


def test_json_lines_are_the_records(capsys):
    told(OutputOptions(json=True, quiet=True), DONE, FAILED)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [DONE.record, FAILED.record]


def test_a_stopped_run_says_how_it_goes_on():
    ending = RunResult(ProgressCounter(total=5, unit="MP").snapshot(), ExitCode.INTERRUPTED)
    assert summary(ending) == "0 done, 5 left; stopped, the same command goes on where it left off"


def test_what_failed_in_an_earlier_run_is_said_with_the_way_out():
    ending = RunResult(
        ProgressCounter(total=0, unit="MP").snapshot(),
        ExitCode.SOME_FAILED,
        {"up to date": 8, "failed before": 2},
    )
    assert summary(ending) == "0 done; 8 up to date; 2 failed before; --retry-failed tries them again"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59, "59 s"), (185, "3 min 05 s"), (7620, "2 h 07 min")]
)
def test_durations_are_said_as_people_do(seconds, text):
    assert duration(seconds) == text


def test_names_cannot_drive_the_terminal():
    assert printable("a\x1b[2Jb\nc") == "a\\x1b[2Jb\\nc"


LIVE = """
import logging, sys, time
from archivecolor.cli.logs import set_up_logging
from archivecolor.cli.terminal import terminal_for
from archivecolor.engine.progress import RunResult, ItemEvent, ProgressCounter
from archivecolor.errors import ExitCode
from archivecolor.settings import OutputOptions

counter = ProgressCounter(total=4, unit="MP")
set_up_logging(OutputOptions())
with terminal_for(OutputOptions(), "dir") as terminal:
    terminal.began(counter.snapshot())
    logging.getLogger("archivecolor.somewhere").warning("beware")
    for status, reason in (("done", "coloured"), ("failed", "empty"), ("skipped", "toned")):
        event = ItemEvent(f"[bold]{status}.jpg", status, reason, "", 1.0, {})
        time.sleep(0.2)
        terminal.settled(event, counter.add(event))
    sys.exit(terminal.finish(RunResult(counter.snapshot(), ExitCode.SOME_FAILED)))
"""


def test_on_a_terminal_there_is_a_bar_with_counts_speed_and_the_file():
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "160"}
    run = subprocess.Popen([sys.executable, "-c", LIVE], stderr=child, stdout=child, env=environment)
    os.close(child)
    seen = b""
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not piece:
            break
        seen += piece
    assert run.wait() == 3
    text = seen.decode()
    for words in ("3/4", "1 skipped", "1 failed", "MP/s", "left", "[bold]skipped.jpg"):
        assert words in text
    assert "failed   [bold]failed.jpg  empty" in text
    # A line of its own above the bar: the bar's is taken away before it.
    assert "\x1b[2Karchivecolor: warning: beware" in text
    assert "dir: 1 done, 1 skipped (toned 1), 1 failed (empty 1), 1 left" in text
