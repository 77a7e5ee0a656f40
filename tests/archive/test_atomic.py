"""Files are born whole or not at all."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archivecolor.archive import parts
from archivecolor.archive.atomic import atomic_link, atomic_write
from archivecolor.archive.parts import PART_SUFFIX, part_path
from archivecolor.archive.stale_parts import remove_stale_parts
from archivecolor.errors import ItemError, OutputError, Reason


def parts_in(folder):
    return [path.name for path in folder.rglob("*") if path.name.endswith(PART_SUFFIX)]


def test_the_target_appears_whole_and_folders_are_made(tmp_path):
    target = tmp_path / "new" / "deeper" / "a.jpg"
    with atomic_write(target) as part:
        assert part.parent == target.parent
        assert part.name.startswith(".")
        part.write_bytes(b"picture")
        assert not target.exists()
    assert target.read_bytes() == b"picture"
    assert parts_in(tmp_path) == []


def test_an_error_leaves_the_old_file_and_no_part(tmp_path):
    target = tmp_path / "a.jpg"
    target.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_write(target) as part:
        part.write_bytes(b"half")
        raise ZeroDivisionError
    assert target.read_bytes() == b"old"
    assert parts_in(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["x" * 251 + ".jpg", "é" * 125 + ".jpg", os.fsdecode(b"\xe9\xff" * 125 + b".tif")]
)
def test_names_as_long_as_the_disk_allows(tmp_path, name):
    target = tmp_path / name
    with atomic_write(target) as part:
        part.write_bytes(b"1")
    assert target.read_bytes() == b"1"


def test_long_names_that_differ_at_the_end_have_parts_that_differ(tmp_path):
    first, second = (part_path(tmp_path / ("x" * 240 + end)) for end in ("a", "b"))
    assert first != second


def test_a_name_too_long_costs_the_item_not_the_run(tmp_path):
    with pytest.raises(ItemError) as caught, atomic_write(tmp_path / ("x" * 256)):
        pass
    assert caught.value.reason is Reason.UNSUPPORTED
    assert parts_in(tmp_path) == []


def test_a_folder_in_the_way_costs_the_item(tmp_path):
    (tmp_path / "a.jpg").mkdir()
    with pytest.raises(ItemError) as caught, atomic_write(tmp_path / "a.jpg"):
        pass
    assert caught.value.reason is Reason.NAME_COLLISION
    assert parts_in(tmp_path) == []


def test_a_link_that_cannot_take_its_name_leaves_no_part(tmp_path):
    (tmp_path / "a.jpg").mkdir()
    with pytest.raises(ItemError) as caught:
        atomic_link(tmp_path / "a.jpg", tmp_path / "scan.jpg")
    assert caught.value.reason is Reason.NAME_COLLISION
    assert parts_in(tmp_path) == []


def test_a_file_where_a_folder_is_needed_is_output_trouble(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(OutputError), atomic_write(tmp_path / "a" / "b.jpg"):
        pass


def test_a_full_disk_is_output_trouble(tmp_path):
    with pytest.raises(OutputError, match="No space left"), atomic_write(tmp_path / "a.jpg") as part:
        part.write_bytes(b"some")
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"more")
    assert list(tmp_path.iterdir()) == []


def test_trouble_with_a_source_is_not_output_trouble(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "out" / "a.jpg"):
        (tmp_path / "source.jpg").read_bytes()
    with pytest.raises(PermissionError), atomic_write(tmp_path / "out" / "a.jpg"):
        raise PermissionError(errno.EACCES, "no", str(tmp_path / "source.jpg"))


def test_a_link_planted_under_the_parts_name_is_not_written_through(tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    target = tmp_path / "a.jpg"
    part_path(target).symlink_to(victim)
    with atomic_write(target) as part:
        part.write_bytes(b"picture")
    assert victim.read_bytes() == b"precious"
    assert target.read_bytes() == b"picture"
    assert not target.is_symlink()


KILLED_IN_THE_BODY = """
import sys, time
from pathlib import Path
from archivecolor.archive.atomic import atomic_write
with atomic_write(Path(sys.argv[1])) as part:
    part.write_bytes(b"half")
    print("written", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_run_leaves_is_swept(tmp_path):
    target = tmp_path / "deep" / "a.jpg"
    run = subprocess.Popen([sys.executable, "-c", KILLED_IN_THE_BODY, str(target)], stdout=subprocess.PIPE)
    run.stdout.readline()
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert not target.exists()
    assert len(parts_in(tmp_path)) == 1
    (tmp_path / "deep" / ".keep").write_bytes(b"not ours")
    assert remove_stale_parts(tmp_path) == 1
    assert parts_in(tmp_path) == []
    assert (tmp_path / "deep" / ".keep").exists()


def test_parts_say_which_process_of_which_machine_writes_them(tmp_path, monkeypatch):
    parts.host_name.cache_clear()
    monkeypatch.setattr("socket.gethostname", lambda: "node-07.cluster")
    assert part_path(tmp_path / "a.jpg").name == f".a.jpg.node-07-{os.getpid()}{PART_SUFFIX}"
    assert not parts.is_of_another_machine(part_path(tmp_path / "b-5.jpg").name)
    parts.host_name.cache_clear()


def test_what_another_machine_may_still_write_stays(tmp_path):
    """Only for an hour: a machine that died does not come back to it."""
    fresh, old = (tmp_path / f".{name}.jpg.node-07-5{PART_SUFFIX}" for name in "ab")
    ours, earlier = part_path(tmp_path / "c.jpg"), tmp_path / f".d-8.jpg.7{PART_SUFFIX}"
    for part in (fresh, old, ours, earlier):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 3700, time.time() - 3700))
    assert remove_stale_parts(tmp_path) == 3
    assert list(tmp_path.iterdir()) == [fresh]
