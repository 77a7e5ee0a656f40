"""Corrections that are killed, meet each other or a full disk: nothing is lost, the next run settles it."""

import errno
import json
import os
import random
import shutil
import subprocess
import time

import pytest
from decided_archive import RED
from disturbance import needs_compiler, parts_in, wait_until
from small_archive import tree

from archivecolor.archive.decisions import Decisions

HINT = ["cat.jpg", "--hint", f"50%,50%={RED}", "--note", "a letter says so"]


@pytest.fixture
def decided(copy_of_archive, tmp_path):
    return copy_of_archive(tmp_path)


@pytest.fixture
def undisturbed_tree(copy_of_archive, decided, tmp_path):
    """Makes the tree that the decisions give where nothing disturbs."""

    def make():
        (tmp_path / "other").mkdir()
        other = copy_of_archive(tmp_path / "other")
        shutil.copy(decisions_of(decided), decisions_of(other))
        other.dir()
        return tree(other.output)

    return make


def decisions_of(archive):
    return archive.output / "_archivecolor" / "decisions.jsonl"


def is_decided(archive):
    path = decisions_of(archive)
    return path.exists() and path.read_bytes().endswith(b"\n")


def test_killed_between_the_decision_and_the_picture(start, decided, undisturbed_tree):
    before = tree(decided.output)
    command = start(decided.output, *HINT, job="correct")
    wait_until(lambda: is_decided(decided))
    command.kill()
    command.wait()
    assert tree(decided.output) == before
    decided.dir()
    assert tree(decided.output) == undisturbed_tree() != before
    assert len(Decisions.read(decisions_of(decided)).lines) == 1


@pytest.mark.fault
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_any_moment_of_a_correction(start, decided, undisturbed_tree, seed):
    before = tree(decided.output)
    command = start(decided.output, *HINT, job="correct")
    wait_until(lambda: is_decided(decided))
    time.sleep(random.Random(seed).uniform(0, 6))
    command.kill()
    command.wait()
    decided.dir()
    assert tree(decided.output) == undisturbed_tree() != before
    assert not parts_in(decided.output)


def test_two_people_at_once_are_both_heard(start, decided):
    before = tree(decided.output)
    one = start(decided.output, *HINT, job="correct")
    other = start(decided.output, "album/anna.png", "--saturation", "0", "--by", "Ann", job="correct")
    for command in (one, other):
        errors = command.communicate(timeout=300)[1]
        assert command.returncode == 0, errors
    assert {line.path for line in Decisions.read(decisions_of(decided)).lines} == {
        "cat.jpg",
        "album/anna.png",
    }
    assert decided.changed(before) == {"cat.jpg", "album/anna.png"}
    count = decided.records()
    decided.dir()
    assert decided.records() == count


@needs_compiler
@pytest.mark.parametrize("name", ["decisions.jsonl", "cat.jpg"])
def test_a_full_disk_loses_no_decision(command_words, decided, undisturbed_tree, failing_calls, name):
    """Full as the decision is written, or after it."""
    before = tree(decided.output)
    decided.correct("album/anna.png", "--accept", "--later")
    kept = decisions_of(decided).read_bytes()
    environment = {"LD_PRELOAD": str(failing_calls), "FAIL_CALL": "write", "FAIL_ERRNO": str(errno.ENOSPC)}
    done = subprocess.run(
        command_words("correct", decided.output, *HINT),
        env={**os.environ, **environment, "FAIL_NAME": name},
        check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "No space left" in done.stderr
    assert tree(decided.output) == before
    lines = decisions_of(decided).read_bytes()
    assert lines.startswith(kept)
    assert [json.loads(line)["path"] for line in lines.splitlines()][1:] == ["cat.jpg"][: name == "cat.jpg"]
    if name == "cat.jpg":
        decided.dir()
    else:
        decided.correct(*HINT)
    assert tree(decided.output) == undisturbed_tree() != before
