"""One run at a time, whatever became of the one before."""

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace

import pytest

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import STALE_SECONDS, locked, this_process
from archivecolor.archive.manifest import ManifestWriter
from archivecolor.archive.record import Record, Source, Status
from archivecolor.errors import LockedError, OutputError, Reason

HOLD = """
import sys
from pathlib import Path
from archivecolor.archive.lock import locked
from archivecolor.errors import LockedError
try:
    with locked(Path(sys.argv[1]), float(sys.argv[2])):
        print("held", flush=True)
        sys.stdin.read()
except LockedError as error:
    print(error, flush=True)
    sys.exit(11)
"""


def start(output, wait=0.0):
    """A process that holds the lock until its input is closed."""
    command = [sys.executable, "-c", HOLD, str(output), str(wait)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_lock_says_who_has_it_and_goes_away(tmp_path):
    path = tmp_path / "_archivecolor" / "lock"
    with locked(tmp_path):
        holder = json.loads(path.read_text())
        assert holder["host"] == socket.gethostname()
        assert holder["pid"] == os.getpid()
        with pytest.raises(LockedError, match=f"process {os.getpid()} on"), locked(tmp_path):
            pass
    assert not path.exists()


def test_a_second_run_is_turned_away_or_waits(tmp_path):
    first = start(tmp_path)
    assert first.stdout.readline() == "held\n"
    second = start(tmp_path)
    assert f"process {first.pid} on" in second.communicate()[0]
    assert second.returncode == 11
    third = start(tmp_path, wait=60)
    first.communicate()
    assert third.communicate()[0] == "held\n"
    assert third.returncode == first.returncode == 0


def test_of_many_runs_started_at_once_one_wins(tmp_path):
    runs = [start(tmp_path) for _ in range(6)]
    deadline = time.monotonic() + 60
    while sum(run.poll() is not None for run in runs) < 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    answers = [run.communicate()[0] for run in runs]
    assert answers.count("held\n") == 1
    assert sorted(run.returncode for run in runs) == [0] + [11] * 5


CONTEND = """
import os, sys, time
from pathlib import Path
from archivecolor.archive.lock import locked
from archivecolor.errors import LockedError
journal = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
won = 0
while won < 30:
    try:
        with locked(Path(sys.argv[1])):
            os.write(journal, b"in %d\\n" % os.getpid())
            time.sleep(0.002)
            os.write(journal, b"out %d\\n" % os.getpid())
            won += 1
    except LockedError:
        pass
"""


def test_however_closely_they_follow_no_two_have_it_at_once(tmp_path):
    journal = tmp_path / "journal"
    command = [sys.executable, "-c", CONTEND, str(tmp_path), str(journal)]
    runs = [subprocess.Popen(command) for _ in range(4)]
    assert [run.wait() for run in runs] == [0] * 4
    lines = journal.read_text().splitlines()
    assert len(lines) == 4 * 30 * 2
    for entered, left in zip(lines[::2], lines[1::2], strict=True):
        assert (entered.split()[0], left.split()[0]) == ("in", "out")
        assert entered.split()[1] == left.split()[1]


def test_a_killed_run_is_taken_over_with_a_warning(tmp_path, caplog):
    run = start(tmp_path)
    run.stdout.readline()
    run.send_signal(signal.SIGKILL)
    run.wait()
    with locked(tmp_path):
        assert "did not end by itself" in caplog.text


def leave_lock(tmp_path, holder, age=0.0):
    path = tmp_path / "_archivecolor" / "lock"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(holder)))
    os.utime(path, (time.time() - age, time.time() - age))


@pytest.mark.parametrize("change", [{"ticks": 1}, {"pid": 2**22 + 1}, {"ticks": 0}])
def test_a_reused_pid_is_seen_through(tmp_path, change):
    leave_lock(tmp_path, replace(this_process(), **change))
    with locked(tmp_path):
        pass


def test_another_host_holds_until_it_gives_no_sign(tmp_path, caplog):
    other = replace(this_process(), host="elsewhere")
    leave_lock(tmp_path, other, age=STALE_SECONDS / 2)
    with pytest.raises(LockedError, match="on elsewhere"), locked(tmp_path):
        pass
    leave_lock(tmp_path, other, age=STALE_SECONDS * 2)
    with locked(tmp_path):
        assert "elsewhere" in caplog.text
    assert not (tmp_path / "_archivecolor" / "lock").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_a_torn_lock_file_holds_nobody(tmp_path, text):
    (tmp_path / "_archivecolor").mkdir()
    (tmp_path / "_archivecolor" / "lock").write_text(text)
    with locked(tmp_path):
        pass


UNKNOWABLE = [{"boot": "of another machine, or of before the reboot"}, {"namespace": "pid:[1]"}]


@pytest.mark.parametrize("change", UNKNOWABLE, ids=["boot", "namespace"])
def test_where_a_pid_means_nothing_only_signs_of_life_count(tmp_path, monkeypatch, change):
    """Two containers of one host name, on a disk without flock."""
    without_flock(monkeypatch)
    other = replace(this_process(), pid=2**22 + 1, **change)
    leave_lock(tmp_path, other, age=STALE_SECONDS / 2)
    with pytest.raises(LockedError), locked(tmp_path):
        pass
    leave_lock(tmp_path, other, age=STALE_SECONDS * 2)
    with locked(tmp_path):
        pass


def without_flock(monkeypatch):
    """As on a share that has no locks."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)


def test_without_flock_a_living_holder_is_respected_and_a_dead_one_is_not(tmp_path, monkeypatch):
    without_flock(monkeypatch)
    with locked(tmp_path), pytest.raises(LockedError), locked(tmp_path):
        pass
    leave_lock(tmp_path, replace(this_process(), ticks=1))
    with locked(tmp_path):
        pass
    assert list((tmp_path / "_archivecolor").iterdir()) == []


WITHOUT_FLOCK = """
import errno, fcntl
def refuse(*_):
    raise OSError(errno.ENOLCK, "no locks")
fcntl.flock = refuse
"""


def test_without_flock_of_many_runs_started_at_once_one_wins(tmp_path):
    command = [sys.executable, "-c", WITHOUT_FLOCK + HOLD, str(tmp_path), "0"]
    runs = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(5)]
    deadline = time.monotonic() + 60
    while sum(run.poll() is not None for run in runs) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    answers = [run.communicate()[0] for run in runs]
    assert answers.count(b"held\n") == 1
    assert sorted(run.returncode for run in runs) == [0] + [11] * 4


@pytest.mark.parametrize("has_flock", [True, False])
def test_a_lock_that_cannot_be_written_is_closed(
    tmp_path, monkeypatch, nothing_is_flushed, open_files, has_flock
):
    (tmp_path / "_archivecolor").mkdir()
    if not has_flock:
        without_flock(monkeypatch)
    with pytest.raises(OutputError, match="Input/output error"), locked(tmp_path):
        pass
    assert open_files() == []
    assert [path.name for path in (tmp_path / "_archivecolor").iterdir()] == ["lock"]


def test_a_lock_taken_without_flock_holds_where_flock_works_again(tmp_path):
    """As on a share whose lock service came back, or of which only some machines can lock."""
    command = [sys.executable, "-c", WITHOUT_FLOCK + HOLD, str(tmp_path), "0"]
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "held\n"
    with pytest.raises(LockedError, match=f"process {first.pid} on"), locked(tmp_path):
        pass
    first.kill()
    first.communicate()
    with locked(tmp_path):
        pass


def test_a_lock_of_a_later_version_holds(tmp_path):
    holder = asdict(this_process()) | {"of_later": [1], "by_name": True}
    path = tmp_path / "_archivecolor" / "lock"
    path.parent.mkdir()
    path.write_text(json.dumps(holder))
    with pytest.raises(LockedError, match=f"process {os.getpid()} on"), locked(tmp_path):
        pass


def test_without_flock_whoever_comes_a_moment_later_wins(tmp_path, monkeypatch):
    """Two runs looked before either wrote: the last one's file stays, and both see whose it is."""
    without_flock(monkeypatch)
    monkeypatch.setattr("archivecolor.archive.lock.SETTLE_SECONDS", 1.0)
    later = threading.Timer(0.3, leave_lock, (tmp_path, replace(this_process(), host="elsewhere")))
    (tmp_path / "_archivecolor").mkdir()
    path = tmp_path / "_archivecolor" / "lock"
    later.start()
    monkeypatch.setattr(type(path), "write_text", write_anew)
    with pytest.raises(LockedError, match="on elsewhere"), locked(tmp_path):
        pass
    later.join()


def write_anew(path, text):
    """A file of its own, as another run makes it, in the place of the one that is there."""
    other = path.with_name("other")
    other.write_bytes(text.encode())
    other.replace(path)


@pytest.mark.parametrize("how", ["taken", "removed"])
def test_a_lock_that_is_no_longer_ours_ends_the_run_with_its_reason(tmp_path, how):
    path = tmp_path / "_archivecolor" / "lock"
    record = Record("a.jpg", Status.SKIPPED, Reason.TINTED, Source(1, 1))
    with locked(tmp_path), ManifestWriter(Layout(tmp_path).manifest) as writer:
        writer.append(record)
        path.unlink()
        if how == "taken":
            leave_lock(tmp_path, replace(this_process(), host="elsewhere", pid=77))
        with pytest.raises(LockedError, match="process 77 on elsewhere" if how == "taken" else "removed"):
            writer.append(record)
    assert path.exists() == (how == "taken")


@pytest.mark.parametrize("replaced", [False, True])
def test_our_own_folder_taken_away_ends_the_run_and_is_not_made_anew(tmp_path, replaced):
    record = Record("a.jpg", Status.SKIPPED, Reason.TINTED, Source(1, 1))
    state = tmp_path / "_archivecolor"
    with locked(tmp_path), ManifestWriter(Layout(tmp_path).manifest) as writer:
        state.rename(tmp_path / "gone")
        if replaced:
            state.mkdir()
        with pytest.raises(OutputError, match="no longer what it was"):
            writer.append(record)
        with pytest.raises(OutputError), atomic_write(Layout(tmp_path).run_json):
            pass
    assert list(state.iterdir()) == [] if replaced else not state.exists()


@pytest.mark.parametrize("kind", ["link", "pipe", "hard link"])
def test_what_is_no_plain_file_of_its_own_is_not_written_to(tmp_path, kind):
    state, victim = tmp_path / "out" / "_archivecolor", tmp_path / "victim"
    state.mkdir(parents=True)
    victim.write_text("first\nlast without end")
    for name in ("lock", "manifest.jsonl"):
        path = state / name
        if kind == "pipe":
            os.mkfifo(path)
        else:
            (os.symlink if kind == "link" else os.link)(victim, path)
        with pytest.raises(OutputError, match=name), locked(tmp_path / "out"):
            ManifestWriter(path)
        path.unlink()
        assert victim.read_text() == "first\nlast without end"
