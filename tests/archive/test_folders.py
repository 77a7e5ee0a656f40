"""Folders that would do harm are refused before anything is written."""

import os
import subprocess
from pathlib import Path

import pytest

from archivecolor.archive.folders import (
    SourceIdentities,
    check_folders,
    prepare_output,
    refuse_emptied_input,
    refuse_lost_input,
)
from archivecolor.errors import InputGoneError, OutputError, UsageError


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


@pytest.fixture
def identities(source, tmp_path):
    """The sources a/x.jpg and b/c/y.jpg, and an empty output."""
    known = SourceIdentities(source, tmp_path / "out")
    (tmp_path / "out").mkdir()
    for name in ("a/x.jpg", "b/c/y.jpg"):
        (source / name).parent.mkdir(parents=True)
        (source / name).write_bytes(b"scan")
        known.add(name)
    return known


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a folder")
@pytest.mark.parametrize("place", ["b", "b/c", "."])
def test_an_output_folder_that_is_one_of_the_sources_is_refused(identities, source, tmp_path, place):
    (tmp_path / "out" / "a").mkdir()
    subprocess.run(["mount", "--bind", str(source / place), str(tmp_path / "out" / "a")], check=True)
    try:
        with pytest.raises(UsageError, match="sources are never written over"):
            identities.refuse_as_targets(["a/x.jpg"])
    finally:
        subprocess.run(["umount", str(tmp_path / "out" / "a")], check=True)


def test_a_second_name_of_any_source_is_refused(identities, source, tmp_path):
    (tmp_path / "out" / "a").mkdir()
    (tmp_path / "out" / "a" / "x.jpg").hardlink_to(source / "b" / "c" / "y.jpg")
    with pytest.raises(UsageError, match=r"y\.jpg"):
        identities.refuse_as_targets(["a/x.jpg"])


def test_outputs_of_their_own_are_fine(identities, tmp_path):
    (tmp_path / "out" / "a").mkdir()
    (tmp_path / "out" / "a" / "x.jpg").write_bytes(b"colour")
    (tmp_path / "backup").hardlink_to(tmp_path / "out" / "a" / "x.jpg")
    identities.refuse_as_targets(["a/x.jpg", "b/c/y.jpg", "new/z.jpg"])


def test_an_input_that_has_lost_all_is_not_a_finished_one(source):
    refuse_emptied_input(source, 0)
    with pytest.raises(InputGoneError, match="mounted") as caught:
        refuse_emptied_input(source, 7)
    assert caught.value.exit_code == 8
    (source / "anything").write_bytes(b"")
    refuse_emptied_input(source, 7)


def test_a_notice_that_the_disk_is_missing_is_nothing_of_what_there_was(source):
    (source / "NOT-MOUNTED.txt").write_text("mount it here")
    known, listed = ["a.jpg", "b/c.jpg"], [source / "a.jpg"]
    with pytest.raises(InputGoneError, match="mounted"):
        refuse_lost_input(known, [source], [])
    with pytest.raises(InputGoneError, match="2 items"):
        refuse_lost_input(known, [source], listed)


@pytest.mark.parametrize("there", ["b/c.jpg", "new.jpg"])
def test_an_input_of_which_something_is_left_or_new_is_a_run_like_any(source, there):
    (source / there).parent.mkdir(exist_ok=True)
    (source / there).write_bytes(b"")
    refuse_lost_input(["a.jpg", "b/c.jpg"], [source], [source / "new.jpg"])


def test_an_input_that_never_held_anything_is_no_lost_one(source):
    refuse_lost_input([], [source], [])
