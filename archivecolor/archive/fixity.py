"""SHA-256 of files, and the list of them that lies beside the manifest.

The list has one `digest  path` per line, as `sha256sum` writes it; that of a bag as BagIt does (RFC 8493,
section 2.1.3).
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import UsageError

CHUNK_BYTES = 1 << 20
# What sha256sum writes is tried first, so that names may begin with a blank or a star.
_LINE = re.compile(rb"(\\?)([0-9A-Fa-f]{64})(?: [ *]|[ \t]+\*?)(.+)")
# Names with these stand behind the mark of sha256sum; the percent signs, because those of unmarked lines are
# undone by `parse_digest`.
MARKED = re.compile(rb"[\\\r\n]|%(?:25|0[AaDd])")
_ESCAPES = {b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r"}
_UNESCAPED = {escape: sign for sign, escape in _ESCAPES.items()}


@dataclass(frozen=True)
class Digest:
    """A file and its SHA-256.

    Attributes:
        path: relative to the folder the list is for, POSIX, as `os.fsdecode` gives it.
        sha256: 64 lower-case hex digits.
    """

    path: str
    sha256: str


def open_regular(name: str, flags: int) -> int:
    """An `opener` for `open`: of files alone. A pipe would be waited for, and a device has no end.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    handle = os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, "it is no regular file", name)


def sha256_of(path: Path) -> str:
    """SHA-256 of the file's bytes, 64 lower-case hex digits, read in pieces of 1 MiB.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    with open(path, "rb", buffering=0, opener=open_regular) as file:
        return sha256_of_rest(file)


def sha256_of_rest(file: io.RawIOBase | io.BufferedIOBase) -> str:
    """SHA-256 of what an open file still has to give."""
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def write_digests(
    path: Path, digests: Iterable[Digest], encode: Callable[[str], bytes] | None = None
) -> None:
    """Write the list anew, in the order given.

    Args:
        path: of the list.
        digests: its entries.
        encode: a path as a bag's list has it; as `sha256sum` writes it without.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_write(path) as part, part.open("wb") as file:
        for digest in digests:
            file.write(digest_line(digest, encode))


def read_digests(path: Path) -> Iterator[Digest]:
    """The entries of a list of digests.

    Raises:
        UsageError: a line is not `digest  path`, or it is no file.
    """
    if not path.is_file():
        raise UsageError(f"{path} is no file; take it away")
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            digest = parse_digest(line.rstrip(b"\r\n"))
            if digest is None:
                raise UsageError(f"{path}, line {number}: not a SHA-256 and a path")
            yield digest


def digest_line(digest: Digest, encode: Callable[[str], bytes] | None = None) -> bytes:
    """One entry of a list, its newline included.

    Args:
        digest: the entry.
        encode: a path as a bag's list has it; as `sha256sum` writes it without.
    """
    if encode is not None:
        return digest.sha256.encode() + b"  " + encode(digest.path) + b"\n"
    mark = b"\\" if MARKED.search(os.fsencode(digest.path)) else b""
    return mark + digest.sha256.encode() + b"  " + escape_path(digest.path) + b"\n"


def parse_digest(line: bytes) -> Digest | None:
    """The entry that a line without its end is; None where it is none.

    The line is `sha256sum`'s, a bag's, or one of an earlier version, which escaped as BagIt does.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    name = _unescape_path(match[3]) if match[1] else _decode_path(match[3])
    return Digest(name, match[2].decode().lower())


def escape_path(path: str) -> bytes:
    """`path` as `sha256sum` has it behind its mark: backslashes, CR and LF escaped as in C."""
    return re.sub(rb"[\\\r\n]", lambda match: _ESCAPES[match[0]], os.fsencode(path))


def _unescape_path(name: bytes) -> str:
    """The opposite of `escape_path`."""
    return os.fsdecode(re.sub(rb"\\[\\rn]", lambda match: _UNESCAPED[match[0]], name))


def _decode_path(name: bytes) -> str:
    """A path as BagIt escapes it: CR, LF and percent signs as `%0D`, `%0A` and `%25`."""
    return os.fsdecode(
        re.sub(rb"%(25|0[AaDd])", lambda match: bytes([int(match[1], 16)]), name),
    )
