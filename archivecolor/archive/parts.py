"""Names of part files: what is being written, hidden beside the name it will have.

A name says which process writes it, on which machine: workers of one run may be many machines with the same
process numbers, and what another machine writes is not ours to sweep.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from functools import cache
from pathlib import Path

PART_SUFFIX = ".archivecolor-part"
# Tools that rewrite a part put a name of their own behind its: `_exiftool_tmp`.
_RESERVED_NAME_BYTES = 13
_WRITER = re.compile(rf"\.([^.]+)-\d+{re.escape(PART_SUFFIX)}")


@cache
def host_name() -> str:
    """This machine as part names have it, without a dot."""
    return socket.gethostname().partition(".")[0] or "localhost"


def part_path(path: Path) -> Path:
    """The part file of `path` for this process: hidden, ours by its suffix, short enough for the disk."""
    tail = f".{host_name()}-{os.getpid()}{PART_SUFFIX}"
    limit = max_name_bytes(path.parent) - len(os.fsencode(tail)) - 1 - _RESERVED_NAME_BYTES
    return path.parent / f".{shorten_name(path.name, limit)}{tail}"


def is_part(name: str) -> bool:
    """Whether a file of this name is a part, or what a tool made of one."""
    return name.startswith(".") and PART_SUFFIX in name[-len(PART_SUFFIX) - _RESERVED_NAME_BYTES :]


def is_of_another_machine(name: str) -> bool:
    """Whether the part of this name was begun elsewhere; those without a machine are of earlier versions."""
    found = _WRITER.search(name)
    return found is not None and found[1] != host_name()


def shorten_name(name: str, limit: int) -> str:
    """`name`, or where it has more than `limit` bytes its start and a digest of the whole."""
    whole = os.fsencode(name)
    if len(whole) <= limit:
        return name
    digest = hashlib.sha256(whole).hexdigest()[:16]
    # A cut inside a character would make a name that some file systems refuse.
    start = whole[: limit - len(digest) - 1].decode("utf-8", "ignore")
    return f"{start}-{digest}"


def max_name_bytes(folder: Path) -> int:
    """Longest file name that `folder` can hold, in bytes."""
    if hasattr(os, "pathconf"):
        return os.pathconf(folder, "PC_NAME_MAX")
    return 255
