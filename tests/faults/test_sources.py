"""Sources that change under a run, and clocks that are wrong."""

import json
import os
import shlex
import shutil
import subprocess
import threading
import time

import pytest
from disturbance import snapshot, wait_until, written
from PIL import Image
from skimage import data
from small_archive import tree

FUTURE = 4102444800  # the year 2100


@pytest.fixture
def source(archive, tmp_path):
    """A copy of the archive, to do things to."""
    return shutil.copytree(archive, tmp_path / "in")


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def anew(here, tmp_path):
    """What a run that nothing disturbed makes of the sources as they are now."""

    def run(source):
        done = here("dir", source, tmp_path / "anew")
        assert done.returncode in (0, 3), done.stderr
        return tree(tmp_path / "anew")

    return run


def records(output):
    lines = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    return {record["path"]: record for record in map(json.loads, lines)}


def planned(output):
    """Wait until a run has planned, and has visited nothing yet."""
    wait_until((output / "_archivecolor" / "run.json").exists)


def first_recorded(output):
    """Wait until a run has looked at most of its pictures."""
    wait_until(lambda: written(output) >= 1)


@pytest.mark.parametrize("moment", [pytest.param(planned, marks=pytest.mark.fault), first_recorded])
def test_a_source_that_is_deleted_or_replaced(start, here, source, output, anew, moment):
    run = start(source, output, "--jobs", "1")
    moment(output)
    (source / "people" / "chelsea.png").unlink()
    Image.fromarray(data.coins()).save(source / "new.png")
    (source / "new.png").replace(source / "places" / "abroad" / "deep.tif")
    (source / "sepia.png").rename(source / "moved.png")
    before = snapshot(source)
    _, errors = run.communicate(timeout=300)
    assert run.returncode == 3, errors
    assert "Traceback" not in errors
    for name in ("people/chelsea.png", "places/abroad/deep.tif", "sepia.png"):
        record = records(output)[name]
        assert record["status"] == "done" or record["reason"] in ("vanished", "changed-while-reading"), record
    assert here("dir", source, output).returncode == 3
    assert snapshot(source) == before
    expected = anew(source)
    # What was done before its source went away stays: an output is never deleted.
    assert expected.items() <= tree(output).items()
    assert tree(output).keys() - expected.keys() <= {"people/chelsea.png", "sepia.png"}


def test_a_source_that_is_still_growing(start, here, source, output, undisturbed):
    path = source / "people" / "chelsea.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    run = start(source, output, "--jobs", "1")
    writer = threading.Thread(target=append_slowly, args=(path, whole[1000:], output))
    writer.start()
    _, errors = run.communicate(timeout=300)
    writer.join()
    assert run.returncode == 3, errors
    record = records(output)["people/chelsea.png"]
    assert record["status"] == "failed"
    assert record["reason"] in ("truncated", "unreadable", "changed-while-reading")
    assert not (output / "people" / "chelsea.png").exists()
    assert here("dir", source, output).returncode == 3
    assert tree(output) == tree(undisturbed)


def append_slowly(path, rest, output):
    """Add to the file until the run has done with it, then all that is left."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not has_record(output, "chelsea.png"):
        with path.open("ab") as file:
            file.write(rest[:20])
        rest = rest[20:]
        time.sleep(0.05)
    with path.open("ab") as file:
        file.write(rest)


def has_record(output, name):
    path = output / "_archivecolor" / "manifest.jsonl"
    return path.exists() and name in path.read_text()


@pytest.mark.fault
def test_young_files_are_left_for_the_next_night(here, source, output):
    for name in ("sepia.png", "empty.png"):
        os.utime(source / name)
    for name in ("people/chelsea.png", "broken.jpg"):
        os.utime(source / name, (1e9, 1e9))
    done = here("dir", source, output, "--min-age", "300", "--include", "*.png")
    assert "changed too recently passed over" in done.stderr
    assert records(output).keys() == {"people/chelsea.png"}


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root is refused nothing, and stays root"
)
def test_permission_that_is_lost_in_mid_run(start, here, source, output, undisturbed):
    run = start(source, output, "--jobs", "1", bound_by_modes=True)
    planned(output)
    (source / "people").chmod(0)
    _, errors = run.communicate(timeout=300)
    (source / "people").chmod(0o755)
    assert run.returncode == 3, errors
    lost = {path: record for path, record in records(output).items() if path.startswith("people/")}
    assert len(lost) == 3
    assert {record["reason"] for record in lost.values()} == {"permission"}
    assert here("dir", source, output).returncode == 3
    assert tree(output) == tree(undisturbed)


@pytest.mark.fault
def test_a_folder_that_is_swapped_for_another(start, here, source, output, anew):
    run = start(source, output, "--jobs", "1")
    planned(output)
    (source / "people").rename(source / "away")
    shutil.copytree(source / "places", source / "people")
    _, errors = run.communicate(timeout=300)
    assert run.returncode == 3, errors
    assert here("dir", source, output).returncode == 3
    assert anew(source).items() <= tree(output).items()


def test_files_of_the_future_are_files(here, source, output, undisturbed):
    """As a clock leaves them that was set back: scans, outputs and records are all from tomorrow."""
    for path in source.rglob("*.*"):
        os.utime(path, (FUTURE, FUTURE))
    assert here("dir", source, output, "--min-age", "300").returncode == 3
    manifest = output / "_archivecolor" / "manifest.jsonl"
    lines = [
        json.loads(line) | {"at": "2100-01-01T00:00:00.000Z"} for line in manifest.read_text().splitlines()
    ]
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for path in output.rglob("*"):
        os.utime(path, (FUTURE, FUTURE))
    done = here("dir", source, output)
    assert "0 done; 8 up to date; 2 failed before" in done.stderr
    assert tree(output) == tree(undisturbed)
    assert here("verify", output).returncode == 0


@pytest.mark.fault
def test_a_source_that_is_older_than_before_is_a_changed_one(here, source, output):
    """What counts is that the time is another, not that it is later."""
    only = ["--include", "sepia.png"]
    assert here("dir", source, output, *only).returncode == 0
    before = tree(output)
    Image.fromarray(data.coins()).convert("L").save(source / "sepia.png")
    os.utime(source / "sepia.png", (1e9, 1e9))
    assert here("dir", source, output, *only).returncode == 0
    assert tree(output) != before
    lines = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    assert len(lines) == 2
    # The newest line counts, not the latest time: a clock may have been set back in between.
    first = json.loads(lines[0]) | {"at": "2100-01-01T00:00:00.000Z"}
    (output / "_archivecolor" / "manifest.jsonl").write_text(f"{json.dumps(first)}\n{lines[1]}\n")
    done = here("dir", source, output, *only)
    assert "1 up to date" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a folder inside itself")
def test_a_folder_mounted_inside_itself_is_a_named_outcome(archive, command_words, tmp_path):
    scans, output = tmp_path / "in", tmp_path / "out"
    (scans / "box" / "again").mkdir(parents=True)
    for folder in (scans, scans / "box"):
        shutil.copy(archive / "sepia.png", folder / "a.png")
    command = shlex.join(command_words("dir", scans, output))
    mount = shlex.join(["mount", "--bind", str(scans), str(scans / "box" / "again")])
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{mount} && {command}"],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert set(tree(output)) == {"a.png", "box/a.png"}
    assert "1 folder inside itself passed over" in done.stderr
    (line,) = (output / "_archivecolor" / "passed-over.jsonl").read_text().splitlines()
    assert json.loads(line)["path"] == "box/again"
    assert json.loads(line)["reason"] == "loop"
