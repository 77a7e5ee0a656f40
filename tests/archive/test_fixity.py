"""Digests are those of sha256sum, and any name survives the list."""

import hashlib
import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.archive.fixity import (
    Digest,
    digest_line,
    parse_digest,
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
    digest = Digest(os.fsdecode(raw), "0f" * 32)
    line = digest_line(digest)
    assert not set(line[:-1]) & {10, 13}
    assert parse_digest(line[:-1]) == digest


@pytest.mark.parametrize("name", ["new%0Aline.jpg", "new%0aline.jpg"])
def test_what_bags_and_earlier_versions_write_is_read(name):
    assert parse_digest(f"{'0f' * 32}  {name}".encode()) == Digest("new\nline.jpg", "0f" * 32)
    assert parse_digest(f"{'0f' * 32}  100%25.jpg".encode()) == Digest("100%.jpg", "0f" * 32)


def test_sha256sum_agrees(tmp_path):
    names = ["a b.jpg", "100%.jpg", "ä.jpg", os.fsdecode(b"\xe9.jpg"), "deep/*x.jpg", "*x", " x"]
    names += ["new\nline.jpg", "new\rline.jpg", "back\\nslash.jpg", "new%0Aline.jpg", "100%25.jpg", "%41"]
    (tmp_path / "deep").mkdir()
    for name in names:
        (tmp_path / name).write_bytes(os.fsencode(name))
    listed = [Digest(name, sha256_of(tmp_path / name)) for name in names]
    write_digests(tmp_path / "list.txt", listed)
    assert list(read_digests(tmp_path / "list.txt")) == listed
    subprocess.run(["sha256sum", "--check", "--strict", "list.txt"], cwd=tmp_path, check=True)


def test_what_sha256sum_writes_is_read(tmp_path):
    for mode in ("--binary", "--text"):
        for name in ("a.jpg", "a\nb\\nc.jpg"):
            (tmp_path / name).write_bytes(b"a")
            text = subprocess.check_output(["sha256sum", mode, name], cwd=tmp_path)
            (tmp_path / "list.txt").write_bytes(text)
            (digest,) = read_digests(tmp_path / "list.txt")
            assert digest == Digest(name, sha256_of(tmp_path / name))


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
