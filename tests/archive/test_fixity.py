"""Digests are those of sha256sum, and any name survives the list."""

import hashlib
import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.archive.fixity import (
    Digest,
    decode_path,
    encode_path,
    read_digests,
    sha256_of,
    write_digests,
)
from archivecolor.errors import UsageError


def test_a_file_is_read_in_pieces(tmp_path):
    data = os.urandom(3_000_001)
    (tmp_path / "a").write_bytes(data)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(data).hexdigest()


@given(st.binary(min_size=1).filter(lambda raw: b"\0" not in raw))
def test_any_name_survives_one_line(raw):
    name = os.fsdecode(raw)
    line = encode_path(name)
    assert not set(line) & {10, 13}
    assert decode_path(line) == name


def test_sha256sum_agrees(tmp_path):
    names = ["a b.jpg", "100%.jpg", "ä.jpg", os.fsdecode(b"\xe9.jpg"), "deep/*x.jpg"]
    (tmp_path / "deep").mkdir()
    for name in names:
        (tmp_path / name).write_bytes(os.fsencode(name))
    listed = [Digest(name, sha256_of(tmp_path / name)) for name in names]
    write_digests(tmp_path / "list.txt", listed)
    assert list(read_digests(tmp_path / "list.txt")) == listed
    subprocess.run(["sha256sum", "--check", "--strict", "list.txt"], cwd=tmp_path, check=True)


def test_what_sha256sum_writes_is_read(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"a")
    for mode in ("--binary", "--text"):
        text = subprocess.check_output(["sha256sum", mode, "a.jpg"], cwd=tmp_path)
        (tmp_path / "list.txt").write_bytes(text)
        (digest,) = read_digests(tmp_path / "list.txt")
        assert digest == Digest("a.jpg", sha256_of(tmp_path / "a.jpg"))


def test_a_line_that_is_no_digest_is_named(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"a" * 64 + b"  a\nnonsense\n")
    with pytest.raises(UsageError, match="line 2"):
        list(read_digests(tmp_path / "list.txt"))


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_has_no_end_is_not_read(tmp_path, kind):
    path = tmp_path / "a"
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="no regular file"):
        sha256_of(path)


def test_a_list_that_is_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "list")
    with pytest.raises(UsageError, match="is no file"):
        list(read_digests(tmp_path / "list"))
