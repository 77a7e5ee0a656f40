"""Shared by the archive's tests."""

import errno
import os
import resource
from pathlib import Path

import pytest
from deep_trees import clear


@pytest.fixture
def small_files():
    """No file of this process can grow beyond 64 KiB: the system writes what fits, then refuses."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def nothing_is_flushed(monkeypatch):
    """Nothing reaches the disk any more."""

    def fail(_handle):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)


@pytest.fixture
def open_files(tmp_path):
    """Asks which files below the test's folder this process has open."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("open files are looked up under /proc")

    def ask():
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return [name for link in links if (name := str(link.readlink())).startswith(str(tmp_path))]

    return ask


@pytest.fixture
def deep_root(tmp_path):
    """A folder that is cleared away by a program that can."""
    root = tmp_path / "deep"
    root.mkdir()
    yield root
    clear(root)
