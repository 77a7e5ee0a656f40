"""A run writes into the folder that it began in, and nowhere else."""

import os

import pytest

from archivecolor.archive.atomic import atomic_write, make_folder, new_file, remove_file
from archivecolor.archive.output_folder import held_folders, hold_output
from archivecolor.errors import ItemError, OutputError, Reason


@pytest.fixture
def output(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def moved(output):
    output.rename(output.with_name("moved"))


def replaced(output):
    moved(output)
    output.mkdir()


def made_a_link(output):
    moved(output)
    output.symlink_to(output.with_name("elsewhere"))
    output.with_name("elsewhere").mkdir()


@pytest.mark.parametrize("taken_away", [moved, replaced, made_a_link])
@pytest.mark.parametrize("name", ["a.jpg", "new/deep/a.jpg"])
def test_an_output_taken_away_is_not_written_on_nor_made_anew(output, taken_away, name):
    with hold_output(output):
        taken_away(output)
        before = sorted(output.parent.rglob("*"))
        with pytest.raises(OutputError, match="no longer what it was"), atomic_write(output / name):
            pass
        assert sorted(output.parent.rglob("*")) == before


def test_an_output_taken_away_while_a_part_is_written_gets_no_file(output):
    with hold_output(output), pytest.raises(OutputError), atomic_write(output / "a.jpg") as part:
        part.write_bytes(b"whole")
        replaced(output)
    assert list(output.iterdir()) == []


def test_a_part_of_that_name_in_another_folder_is_not_taken_for_ours(output):
    with hold_output(output), pytest.raises(OutputError), atomic_write(output / "a.jpg") as part:
        replaced(output)
        part.write_bytes(b"planted")
    assert not (output / "a.jpg").exists()


def test_an_output_that_is_a_link_itself_may_be_used(output, tmp_path):
    (tmp_path / "link").symlink_to(output)
    with hold_output(tmp_path / "link"), atomic_write(tmp_path / "link" / "new" / "a.jpg") as part:
        part.write_bytes(b"1")
    assert (output / "new" / "a.jpg").exists()


@pytest.mark.parametrize("name", ["link/a.jpg", "link/new/a.jpg", "sub/link/a.jpg"])
def test_a_link_to_a_folder_costs_what_is_behind_it(output, tmp_path, name):
    (tmp_path / "scans").mkdir()
    (output / "sub").mkdir()
    for folder in (output, output / "sub"):
        (folder / "link").symlink_to(tmp_path / "scans")
    with hold_output(output):
        with pytest.raises(ItemError) as caught, atomic_write(output / name):
            pass
        assert caught.value.reason is Reason.NAME_COLLISION
    assert list((tmp_path / "scans").iterdir()) == []


def test_a_link_in_our_own_folder_ends_the_run(output, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.xml").write_text("precious")
    (output / "_archivecolor").mkdir()
    (output / "_archivecolor" / "premis").symlink_to(tmp_path / "elsewhere")
    path = output / "_archivecolor" / "premis" / "a.xml"
    with hold_output(output):
        with pytest.raises(OutputError, match="is a link"), atomic_write(path):
            pass
        with pytest.raises(OutputError, match="is a link"):
            remove_file(path)
    assert (tmp_path / "elsewhere" / "a.xml").read_text() == "precious"


def test_a_folder_in_the_place_of_a_file_of_ours_ends_the_run_and_is_named(output):
    path = output / "_archivecolor" / "run.json"
    path.mkdir(parents=True)
    (path / "inner").touch()
    with hold_output(output), pytest.raises(OutputError, match=r"run\.json is a folder"), atomic_write(path):
        pass
    assert [found.name for found in path.parent.iterdir()] == ["run.json"]


def test_nothing_is_held_after_the_block(output):
    with hold_output(output):
        assert [folder.path for folder in held_folders()] == [output]
    assert held_folders() == ()
    make_folder(output / "a" / "b")


def test_a_relative_output_is_held_too(output, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with hold_output(type(output)("out")):
        replaced(output)
        with pytest.raises(OutputError), atomic_write(type(output)("out") / "a.jpg"):
            pass


@pytest.mark.parametrize(("folder", "file", "expected"), [(0o700, 0o644, 0o600), (0o755, 0o600, 0o600)])
def test_an_output_is_no_more_readable_than_its_source(output, tmp_path, folder, file, expected):
    sources = tmp_path / "in"
    sources.mkdir()
    (sources / "a.jpg").write_bytes(b"1")
    (sources / "a.jpg").chmod(file)
    sources.chmod(folder)
    with hold_output(output, sources), atomic_write(output / "new" / "a.jpg", sources / "a.jpg") as part:
        other = part.with_name("other")
        other.write_bytes(b"by a tool")
        other.replace(part)
    assert (output / "new" / "a.jpg").stat().st_mode & 0o777 == expected
    assert (output / "new").stat().st_mode & 0o777 == 0o777 & folder & ~umask()


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_lies_in_a_private_folder_of_the_sources_stays_private(output, tmp_path):
    """The folder kept others out: not its files' own permissions."""
    private = tmp_path / "in" / "box" / "private"
    private.mkdir(parents=True)
    (private / "a.jpg").touch()
    (private / "a.jpg").chmod(0o644)
    private.parent.chmod(0o750)
    (output / "already").mkdir(mode=0o755)
    with hold_output(output, tmp_path / "in"):
        for name in ("box/private/a.jpg", "already/a.jpg"):
            with atomic_write(output / name, private / "a.jpg"):
                pass
    assert modes_below(output) == {
        "already": 0o755, "already/a.jpg": 0o640,
        "box": 0o750, "box/private": 0o755, "box/private/a.jpg": 0o640,
    }  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize(("file", "expected"), [(0o640, 0o600), (0o644, 0o644), (0o664, 0o644)])
def test_another_group_gets_no_more_than_all(output, tmp_path, file, expected):
    source = tmp_path / "in" / "a.jpg"
    source.parent.mkdir()
    source.touch()
    source.chmod(file)
    os.chown(source, 0, 12345)
    with hold_output(output, source.parent), atomic_write(output / "a.jpg", source):
        pass
    assert modes_below(output) == {"a.jpg": expected}


def modes_below(folder):
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*")}


def test_a_file_that_a_library_opens_by_name_is_no_link(output, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for plant in ("symlink_to", "hardlink_to"):
        getattr(output / plant, plant)(victim)
        with hold_output(output):
            new_file(output / plant)
        (output / plant).write_text("ours")
    assert victim.read_text() == "precious"
