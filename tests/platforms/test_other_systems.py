"""What Windows and macOS do otherwise, each branch through the function that has it.

What only those systems themselves can show is listed in docs/platforms.md.
"""

import errno
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest

from archivecolor import process_identity
from archivecolor.archive import atomic, lock, output_folder, parts, record_checks
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest, ManifestWriter
from archivecolor.archive.record import Record, Source, Status
from archivecolor.engine import executor, process, programs, scratch
from archivecolor.engine.process import Process, WorkerSetup
from archivecolor.errors import ItemError, LockedError, OutputError, Reason
from archivecolor.film import limits
from archivecolor.photo import exiftool


def locking(handle, mode, nbytes):
    """What `msvcrt.locking` does, by Linux's locks of an open file: bytes from here on, or an error."""
    import fcntl
    import struct

    assert (mode, nbytes) == ("LK_NBLCK", 1)
    place = os.lseek(handle, 0, os.SEEK_CUR)
    assert place > os.fstat(handle).st_size + 4096  # there nobody can read bytes that are locked
    wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, place, nbytes, 0)
    try:
        fcntl.fcntl(handle, fcntl.F_OFD_SETLK, wanted)
    except OSError as error:
        raise PermissionError(errno.EACCES, "Permission denied") from error


@pytest.fixture
def windows_lock(monkeypatch):
    """The module of the lock as Windows loads it."""
    if sys.platform != "linux":
        pytest.skip("its stand-in for Windows' locks is made of Linux's")
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(locking=locking, LK_NBLCK="LK_NBLCK"))
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(lock.os, "supports_fd", set())
    spec = importlib.util.spec_from_file_location("lock_of_windows", lock.__file__)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "lock_of_windows", module)
    spec.loader.exec_module(module)
    assert not hasattr(module, "fcntl")
    return module


def test_on_windows_one_run_has_the_lock_and_its_holder_can_be_read(windows_lock, tmp_path):
    path = Layout(tmp_path).lock
    with windows_lock.locked(tmp_path):
        assert windows_lock.read_lock_holder(path).pid == os.getpid()
        with pytest.raises(LockedError, match=f"process {os.getpid()}"), windows_lock.locked(tmp_path):
            pass
        windows_lock.check_locks()
    assert not path.exists()
    with windows_lock.locked(tmp_path):
        pass


def test_on_windows_a_lock_is_touched_by_its_name(windows_lock, tmp_path, monkeypatch):
    monkeypatch.setattr(windows_lock, "HEARTBEAT_SECONDS", 0.01)
    touched, utime = threading.Event(), os.utime

    def touch(path, *times):
        assert isinstance(path, Path)  # an open file cannot be touched there
        utime(path, *times)
        touched.set()

    monkeypatch.setattr(windows_lock.os, "utime", touch)
    with windows_lock.locked(tmp_path):
        assert touched.wait(10)


@pytest.fixture
def no_proc(monkeypatch):
    """A system that says nothing of processes but their numbers."""
    monkeypatch.setattr(process_identity, "read_text", lambda path: "")
    monkeypatch.setattr(Path, "readlink", lambda path: (_ for _ in ()).throw(OSError))


def test_without_proc_a_holder_is_told_by_its_signs_of_life(no_proc, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "try_flock", lambda handle: None)  # a share
    monkeypatch.setattr(lock, "SETTLE_SECONDS", 0.0)
    path = Layout(tmp_path).lock
    with lock.locked(tmp_path):
        holder = lock.read_lock_holder(path)
        assert (holder.boot, holder.ticks, holder.namespace) == ("", 0, "")
        assert not holder.can_be_looked_up
        with pytest.raises(LockedError), lock.locked(tmp_path):
            pass
        os.utime(path, (0, 0))
        assert not lock.is_held(path, certain=False)


def test_without_proc_no_folder_of_another_run_is_swept(no_proc, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(scratch.tempfile, "tempdir", None)
    with scratch.scratch_folder() as other, scratch.scratch_folder() as mine:
        assert other.is_dir() and mine.is_dir()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def closed_folders(monkeypatch):
    """A system that opens no folders, as Windows."""
    monkeypatch.setattr(output_folder, "CAN_OPEN_FOLDERS", False)
    monkeypatch.setattr(atomic, "CAN_OPEN_FOLDERS", False)


def test_without_open_folders_files_are_born_whole_all_the_same(closed_folders, tmp_path):
    target = tmp_path / "out" / "deep" / "a.jpg"
    (tmp_path / "out").mkdir()
    with output_folder.hold_output(tmp_path / "out"):
        with atomic.atomic_write(target) as part:
            part.write_bytes(b"new")
            assert not target.exists()
        with pytest.raises(ValueError), atomic.atomic_write(target) as part:
            part.write_bytes(b"torn")
            raise ValueError
        atomic.sync_folder(target.parent)
    assert target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["a.jpg"]


def test_without_open_folders_links_are_not_followed_and_a_moved_output_is_noticed(closed_folders, tmp_path):
    output, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    output.mkdir()
    elsewhere.mkdir()
    (output / "link").symlink_to(elsewhere, target_is_directory=True)
    with output_folder.hold_output(output):
        with pytest.raises(ItemError) as refused, atomic.atomic_write(output / "link" / "a.jpg"):
            pass
        assert refused.value.reason is Reason.NAME_COLLISION
        output.rename(tmp_path / "moved")
        output.mkdir()
        with pytest.raises(OutputError, match="another folder"), atomic.atomic_write(output / "a.jpg"):
            pass
    assert list(elsewhere.iterdir()) == list(output.iterdir()) == []


def test_without_open_folders_a_manifest_grows_line_by_line(closed_folders, tmp_path):
    path = Layout(tmp_path).manifest
    path.parent.mkdir()
    for name in ("a.jpg", "b.jpg"):
        with ManifestWriter(path) as writer:
            writer.append(Record(name, Status.SKIPPED, Reason.BILEVEL, Source(1, 2)))
    assert [json.loads(line)["path"] for line in path.read_bytes().splitlines()] == ["a.jpg", "b.jpg"]
    assert len(Manifest(path)) == 2


def test_our_own_files_are_binary_where_systems_tell_text_from_bytes(tmp_path):
    script = (
        "import os, sys\n"
        "os.O_BINARY = 1 << 40\n"
        "from archivecolor.archive import atomic\n"
        "seen = []\n"
        "opened = os.open\n"
        "os.open = lambda path, flags, *rest, **more: seen.append(flags) or "
        "opened(path, flags & ~os.O_BINARY, *rest, **more)\n"
        "from pathlib import Path\n"
        "os.write(atomic.open_own_file(Path(sys.argv[1]), os.O_RDWR), b'a\\n')\n"
        "assert seen[-1] & os.O_BINARY, seen\n"
    )
    file = tmp_path / "manifest.jsonl"
    subprocess.run([sys.executable, "-c", script, str(file)], check=True, timeout=60)
    assert file.read_bytes() == b"a\n"


def test_a_disk_that_says_neither_room_nor_longest_name_is_written_to(tmp_path, monkeypatch):
    for name in ("statvfs", "pathconf"):
        monkeypatch.delattr(atomic.os, name, raising=False)
    atomic.raise_if_full(tmp_path, 1 << 62)
    assert parts.max_name_bytes(tmp_path) == 255
    with atomic.atomic_write(tmp_path / f"{'n' * 251}.jpg") as part:
        part.write_bytes(b"x")
    assert len([path.name for path in tmp_path.iterdir()]) == 1


@pytest.mark.parametrize("path", ["C:\\Windows\\x", "c:x", "\\\\server\\share\\x", "a\\..\\..\\x", "\\x"])
def test_on_windows_no_record_leads_out_of_its_folder(path, monkeypatch):
    values = {"format": 1, "path": path, "status": "done", "reason": "coloured"}
    values["source"] = {"bytes": 1, "mtime_ns": 1}
    record_checks.check_values(values)
    monkeypatch.setattr(record_checks, "os", types.SimpleNamespace(name="nt", fsencode=os.fsencode))
    record_checks.check_values(values | {"path": "people/a.jpg"})
    with pytest.raises(record_checks.DamagedLineError):
        record_checks.check_values(values)


def doubled(context, item):
    return context * item


def test_a_worker_starts_where_signals_cannot_be_blocked(monkeypatch):
    monkeypatch.setattr(process, "signal", types.SimpleNamespace(SIGTERM=signal.SIGTERM))
    worker = Process(60.0, WorkerSetup(context=2))
    try:
        assert worker.call(doubled, 21) == 42
    finally:
        worker.close()


def test_a_worker_is_ended_where_there_is_no_sigkill(monkeypatch):
    worker = Process(60.0, WorkerSetup(context=2))
    # Windows ends a process by any signal; here a worker is deaf to those that a whole run gets.
    monkeypatch.setattr(process, "signal", types.SimpleNamespace(SIGTERM=signal.SIGABRT))
    worker.kill()
    with pytest.raises(process.WorkerDiedError):
        worker.call(doubled, 21)
    worker.close()


def test_no_helper_of_posix_is_started_elsewhere(monkeypatch):
    started = []
    monkeypatch.setattr(process.resource_tracker, "ensure_running", lambda: started.append("loky"))
    monkeypatch.setattr(
        process.multiprocessing.resource_tracker, "ensure_running", lambda: started.append("python")
    )
    monkeypatch.setattr(process, "os", types.SimpleNamespace(name="nt"))
    process.start_trackers()
    assert started == []


def test_cores_are_those_of_the_machine_where_a_process_has_none_of_its_own(monkeypatch):
    monkeypatch.delattr(executor.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(executor.os, "cpu_count", lambda: 6)
    assert executor.core_count() == 6
    monkeypatch.setattr(executor.os, "cpu_count", lambda: None)
    assert executor.core_count() == 1


def test_memory_that_nobody_tells_of_refuses_no_film(monkeypatch):
    monkeypatch.delattr(limits.os, "sysconf", raising=False)
    facts = types.SimpleNamespace(width=1_000_000, height=1_000_000)
    target = types.SimpleNamespace(subsampling=(2, 2), sample_format=types.SimpleNamespace(depth=8))
    limits.check_memory(facts, target)


@pytest.mark.skipif(exiftool.program() is None, reason="exiftool is not here")
def test_exiftool_runs_where_nothing_ties_it_to_us_or_bounds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(exiftool, "find_program", lambda name: None)
    tool = exiftool.ExiftoolProcess(exiftool.program())
    try:
        assert tool.run(["-ver"], 30.0).output.strip()
        assert tool.process.args[0] == exiftool.program()
    finally:
        tool.close()


def test_a_program_of_the_current_folder_is_passed_over_as_windows_would_not(tmp_path, monkeypatch):
    planted = tmp_path / "exiftool"
    planted.write_text("#!/bin/sh\n")
    planted.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", str(tmp_path)]))
    assert programs.find_program("exiftool") is None
