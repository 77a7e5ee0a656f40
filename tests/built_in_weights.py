"""Fixtures for rooms whose runs are processes of their own: by the weights of the package none loads torch.

Import them into a conftest, where they take the place of those by random weights.
"""

import sys

import pytest
from in_process import run_here

QUICK = ["--working-size", "64", "--jobs", "2", "--device", "cpu"]


@pytest.fixture(scope="session")
def command_words():
    """The words of a command; `dir` with quick settings."""

    def words(job, *more):
        return [sys.executable, "-m", "archivecolor", job, *(QUICK if job == "dir" else []), *map(str, more)]

    return words


@pytest.fixture(scope="session")
def undisturbed(archive, tmp_path_factory):
    """The output of a run that nothing disturbed."""
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    done = run_here("dir", *QUICK, archive, output)
    assert done.returncode == 3, done.stderr
    return output
