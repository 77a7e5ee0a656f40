"""Disks that are full or read-only, manifests that are damaged, files that are garbage."""

import json
import os
import random
import shutil
import stat
import subprocess
import sys

import pytest
from disturbance import assert_undisturbed, bound_by_modes, parts_in, small_disk, wait_until
from small_archive import tree

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


@needs_root
def test_a_full_disk_stops_the_run_and_a_rerun_finishes(here, archive, undisturbed, tmp_path):
    size = sum(len(content) for content in tree(undisturbed).values())
    with small_disk(tmp_path / "disk", 65536 + size // 3) as disk:
        done = here("dir", archive, disk / "out")
        assert done.returncode == 5, done.stderr
        assert "No space left" in done.stderr
        assert done.stderr.count("\n") == 1
        assert not parts_in(disk / "out")
        finished = tree(disk / "out")
        assert finished.items() <= tree(undisturbed).items()
        subprocess.run(["mount", "-o", f"remount,size={size * 3}", str(disk)], check=True)
        assert here("dir", archive, disk / "out").returncode == 3
        assert_undisturbed(disk / "out", undisturbed)


def test_a_file_size_limit_is_an_output_that_cannot_be_written(command_words, archive, tmp_path):
    """What stands for a full disk where nobody may mount one."""
    words = command_words("dir", archive, tmp_path / "out", "--include", "deep.tif")
    limited = ["bash", "-c", 'ulimit -f 8; exec "$@"', "bash", *words]
    done = subprocess.run(limited, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 5, done.stderr
    assert not parts_in(tmp_path / "out")
    assert tree(tmp_path / "out") == {}


@needs_root
def test_a_read_only_output_is_refused_before_any_work(here, archive, tmp_path):
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = here("dir", archive, disk / "out")
    assert done.returncode == 5
    assert "Read-only" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root is refused nothing, and stays root"
)
def test_an_output_that_may_no_longer_be_written(start, here, archive, undisturbed, tmp_path):
    output = tmp_path / "out"
    run = start(archive, output, "--jobs", "1", bound_by_modes=True)
    wait_until((output / "people").is_dir)
    output.chmod(0o555)
    (output / "people").chmod(0o555)
    _, errors = run.communicate(timeout=300)
    output.chmod(0o755)
    (output / "people").chmod(0o755)
    assert run.returncode == 5, errors
    assert "Permission denied" in errors
    assert errors.count("\n") == 1
    # What may not be written in may not be tidied up either: the part goes with the next run.
    named = {name: content for name, content in tree(output).items() if "archivecolor-part" not in name}
    assert named.items() <= tree(undisturbed).items()
    assert here("dir", archive, output).returncode == 3
    assert_undisturbed(output, undisturbed)


@pytest.mark.skipif(
    os.geteuid() == 0 and sys.platform != "linux", reason="root is refused nothing, and stays root"
)
@pytest.mark.parametrize(
    ("words", "unreadable"),
    [
        (("dir", "IN", "OUT"), "manifest.jsonl"),
        (("dir", "IN", "OUT"), "decisions.jsonl"),
        (("verify", "OUT"), "manifest.jsonl"),
        (("verify", "OUT"), "."),
        (("report", "OUT"), "manifest.jsonl"),
        (("manifest", "export", "OUT", "--csv", "-"), "manifest.jsonl"),
        (("decisions", "list", "OUT"), "decisions.jsonl"),
    ],
)
def test_records_that_another_user_made(here, archive, undisturbed, tmp_path, words, unreadable):
    output = shutil.copytree(undisturbed, tmp_path / "out")
    (output / "_archivecolor" / "decisions.jsonl").touch()
    locked = output / "_archivecolor" / unreadable
    locked.chmod(0)
    with bound_by_modes():
        done = here(*({"IN": archive, "OUT": output}.get(word, word) for word in words))
    locked.chmod(0o755)
    assert done.returncode == 5, done.stderr
    assert done.stderr.count("\n") == 1
    assert f"{output}/_archivecolor" in done.stderr
    assert "may not be read by this user" in done.stderr


def damaged(output, change):
    manifest = output / "_archivecolor" / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(change(lines)))


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:-1], lines[-1][:40]],
        lambda lines: [*lines[:4], b"{garbage\n", *lines[5:]],
        lambda lines: [],
    ],
    ids=["torn last line", "corrupt middle line", "all lines lost"],
)
def test_a_damaged_manifest_costs_its_items_again(here, archive, undisturbed, tmp_path, change):
    output = shutil.copytree(undisturbed, tmp_path / "out")
    damaged(output, change)
    done = here("dir", archive, output)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert_undisturbed(output, undisturbed)


def test_a_list_of_digests_that_a_kill_left_behind_is_caught_up(here, undisturbed, archive, tmp_path):
    """As a run leaves it that is killed between its last record and the list."""
    output = shutil.copytree(undisturbed, tmp_path / "out")
    listed = output / "_archivecolor" / "manifest-sha256.txt"
    whole = listed.read_text()
    listed.write_text("".join(whole.splitlines(keepends=True)[:3]))
    os.utime(listed, (1e9, 1e9))
    assert here("dir", archive, output).returncode == 3
    assert listed.read_text() == whole
    assert here("verify", output).returncode == 0


def test_a_newer_manifest_is_refused(here, archive, undisturbed, tmp_path):
    output = shutil.copytree(undisturbed, tmp_path / "out")
    damaged(output, lambda lines: [json.dumps({**json.loads(lines[0]), "format": 99}).encode() + b"\n"])
    before = tree(output)
    done = here("dir", archive, output)
    assert done.returncode == 2
    assert "newer" in done.stderr
    assert tree(output) == before


def test_garbage_under_every_name_is_a_failed_record(here, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    noise = random.Random(0)
    names = [f"of-{suffix}.{suffix}" for suffix in ("jpg", "png", "tif", "webp", "bmp", "pgm", "jp2", "heic")]
    for name in names:
        (source / name).write_bytes(noise.randbytes(3000))
    (source / "half.jpg").write_bytes(b"\xff\xd8\xff\xe0" + noise.randbytes(3000))
    (source / os.fsdecode(b"caf\xe9.png")).write_bytes(b"\x89PNG\r\n\x1a\n")
    done = here("dir", source, tmp_path / "out", "--json")
    assert done.returncode == 3, done.stderr
    ends = {record["path"]: record for record in map(json.loads, done.stdout.splitlines())}
    assert set(ends) == {*names, "half.jpg", "caf\\xe9.png"}
    assert {record["status"] for record in ends.values()} == {"failed"}
    assert {record["reason"] for record in ends.values()} <= {"unreadable", "truncated", "unsupported"}
    assert tree(tmp_path / "out") == {}


def test_sources_that_vanish_or_cannot_be_read_are_told_apart(here, archive, tmp_path):
    source = shutil.copytree(archive / "people", tmp_path / "in")
    (source / "chelsea.png").unlink()
    (tmp_path / "list.txt").write_text("astronaut.jpg\nchelsea.png\n")
    done = here("dir", source, tmp_path / "out", "--files-from", tmp_path / "list.txt", "--json")
    assert done.returncode == 3
    reasons = {record["path"]: record["reason"] for record in map(json.loads, done.stdout.splitlines())}
    assert reasons == {"astronaut.jpg": "coloured", "chelsea.png": "vanished"}


def test_sources_are_left_as_they_are(here, archive, tmp_path):
    source = shutil.copytree(archive, tmp_path / "in")
    for path in source.rglob("*"):
        path.chmod(stat.S_IRUSR | (stat.S_IXUSR if path.is_dir() else 0))
    before = {path: (path.stat().st_mtime_ns, path.stat().st_mode) for path in source.rglob("*")}
    content = tree(source)
    assert here("dir", source, tmp_path / "out").returncode == 3
    assert {path: (path.stat().st_mtime_ns, path.stat().st_mode) for path in source.rglob("*")} == before
    assert tree(source) == content
