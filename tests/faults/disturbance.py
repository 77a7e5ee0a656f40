"""What tests of faults do to runs, and what they ask of them."""

import ctypes
import os
import shutil
import stat
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_archive import tree

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="the failing calls are made in C")


def children_of(pid):
    """Process ids of the living children of `pid`, by their command lines."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                found[int(status.parent.name)] = (status.parent / "cmdline").read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            continue  # gone meanwhile
    return found


def workers_of(pid):
    """Process ids of the workers of a run."""
    return [child for child, command in children_of(pid).items() if "LokyProcess" in command]


def wait_until(condition, seconds=180):
    """Wait for `condition()`, which is returned."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")


def written(output):
    """Lines of the manifest so far."""
    path = output / "_archivecolor" / "manifest.jsonl"
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def assert_undisturbed(output, undisturbed):
    """The tree is what it would be had nothing happened, and nothing else lies in it."""
    assert tree(output) == tree(undisturbed)
    assert not parts_in(output)


def snapshot(folder):
    """Bytes, times and modes of every file."""
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode)
        for path in folder.rglob("*")
        if stat.S_ISREG(path.lstat().st_mode)
    }


def parts_in(output):
    """Part files, which only a run in progress may have."""
    return [path for path in output.rglob(".*") if path.name.endswith(".archivecolor-part")]


@contextmanager
def bound_by_modes():
    """This thread is refused what modes of files refuse, though it may be root's."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    capabilities = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, capabilities) == 0
    before = capabilities[0]  # those in effect
    capabilities[0] &= ~(1 << 1 | 1 << 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, capabilities) == 0
    try:
        yield
    finally:
        capabilities[0] = before
        assert libc.capset(header, capabilities) == 0


@contextmanager
def small_disk(folder, nbytes):
    """A disk of its own at `folder`, `nbytes` large."""
    folder.mkdir()
    options = f"size={nbytes},mode=777"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
