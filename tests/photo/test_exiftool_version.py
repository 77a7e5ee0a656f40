"""An exiftool that is too old is not used, and one that runs code of pictures is warned of."""

import logging

import pytest

from archivecolor.photo import exiftool
from archivecolor.photo.exiftool import program


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Puts an exiftool of some version in PATH."""

    def install(version, first=""):
        tool = tmp_path / "exiftool"
        tool.write_text(f"#!/bin/sh\n{first}\necho {version}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        program.cache_clear()
        return str(tool)

    yield install
    program.cache_clear()


@pytest.mark.parametrize(
    ("version", "warned"), [("12.10", True), ("12.23", True), ("12.24", False), ("13.01", False)]
)
def test_versions_that_run_code_of_pictures_are_warned_of(installed, caplog, version, warned):
    path = installed(version)
    with caplog.at_level(logging.WARNING):
        assert program() == path
    assert ("CVE-2021-22204" in caplog.text) == warned


def test_one_that_is_too_old_is_not_used(installed, caplog):
    installed("12.05")
    assert program() is None
    assert "too old" in caplog.text


def test_one_that_is_slow_to_answer_is_not_one_that_is_missing(installed, caplog, monkeypatch):
    monkeypatch.setattr(exiftool, "_START_SECONDS", 0.05)
    path = installed("12.76", first="while :; do :; done")
    assert program() == path
    assert "has not told its version" in caplog.text
