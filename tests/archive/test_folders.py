"""Folders that would do harm are refused before anything is written."""

from pathlib import Path

import pytest

from archivecolor.archive.folders import check_folders, prepare_output
from archivecolor.errors import OutputError, UsageError


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def test_two_folders_side_by_side_are_fine(source, tmp_path):
    check_folders(source, tmp_path / "out")
    check_folders(source, tmp_path / "in-colour" / "deep")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("out", ["in", "in/out", "in/new/out", ".", "in/../in", "link", "link/out"])
def test_one_inside_the_other_is_refused(source, tmp_path, out):
    (tmp_path / "link").symlink_to(source)
    with pytest.raises(UsageError):
        check_folders(source, tmp_path / out)
    assert list(source.iterdir()) == []


def test_a_missing_input_or_a_file_for_a_folder_is_refused(source, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for first, second in [("nowhere", "out"), ("file", "out"), ("in", "file")]:
        with pytest.raises(UsageError):
            check_folders(tmp_path / first, tmp_path / second)


def test_the_output_is_made_ready(tmp_path):
    prepare_output(tmp_path / "new" / "out")
    assert [path.name for path in (tmp_path / "new" / "out").rglob("*")] == ["_archivecolor"]


def test_an_output_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot write"):
        prepare_output(tmp_path / "file" / "out")
    # A file system that is read-only for root too.
    with pytest.raises(OutputError, match="cannot write"):
        prepare_output(Path("/proc/archivecolor"))
