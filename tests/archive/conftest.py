"""Shared by the archive's tests."""

import resource

import pytest


@pytest.fixture
def small_files():
    """No file of this process can grow beyond 64 KiB: the system writes what fits, then refuses."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
