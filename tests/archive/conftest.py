"""Shared by the archive's tests."""

import resource

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
def deep_root(tmp_path):
    """A folder that is cleared away by a program that can."""
    root = tmp_path / "deep"
    root.mkdir()
    yield root
    clear(root)
