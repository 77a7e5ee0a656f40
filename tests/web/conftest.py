"""An output folder to look at, and a browser."""

import shutil

import pytest


@pytest.fixture
def output(undisturbed, tmp_path):
    """A coloured archive of one's own."""
    return shutil.copytree(undisturbed, tmp_path / "out")
