"""Which files of a tree are asked for: globs, the smallest age, a list of paths."""

from __future__ import annotations

import fnmatch
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from archivecolor.errors import UsageError
from archivecolor.settings import SelectionOptions


class Selection:
    """Include and exclude globs and the smallest age, ready to be asked.

    A glob without a slash is matched against the name of the file and of every folder above it, one
    with a slash against the relative path of each; `*` spans slashes.
    """

    def __init__(self, options: SelectionOptions) -> None:
        self.include = compile_globs(options.include)
        self.exclude = compile_globs(options.exclude)
        self.now_ns = time.time_ns()
        self.min_age_ns = round(options.min_age * 1e9)

    def excludes(self, path: bytes) -> bool:
        """Whether the file or folder `path` itself is excluded."""
        return any(pattern.matches(path) for pattern in self.exclude)

    def includes(self, path: bytes) -> bool:
        """Whether the file `path` or a folder above it is asked for."""
        if not self.include:
            return True
        parts = path.split(b"/")
        parents = (b"/".join(parts[: count + 1]) for count in range(len(parts)))
        return any(pattern.matches(part) for part in parents for pattern in self.include)

    def too_recent(self, mtime_ns: int) -> bool:
        """Whether a file changed so short a time ago that it may still be growing.

        A change far in the future is a wrong clock, not a fresh file.
        """
        return abs(self.now_ns - mtime_ns) < self.min_age_ns


@dataclass(frozen=True)
class _Glob:
    """One compiled glob."""

    pattern: re.Pattern[str]
    whole_path: bool

    def matches(self, path: bytes) -> bool:
        """Whether `path`, or its last name alone, matches."""
        part = path if self.whole_path else path.rpartition(b"/")[2]
        return self.pattern.match(os.fsdecode(part)) is not None


def compile_globs(globs: tuple[str, ...]) -> tuple[_Glob, ...]:
    """The globs, ready to match; a leading or trailing slash is a matter of taste."""
    stripped = [glob.strip("/") for glob in globs]
    return tuple(_Glob(re.compile(fnmatch.translate(glob)), "/" in glob) for glob in stripped)


def read_list(path: Path) -> list[bytes]:
    """The relative paths of a list file, one a line, sorted, each once.

    Raises:
        UsageError: the list cannot be read, or a path is absolute or leads out of the tree.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"the list {path} is no file")
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"the list {path} cannot be read: {error.strerror}") from error
    listed = set()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            listed.add(_normalized_path(line, path, number))
    return sorted(listed)


def _normalized_path(line: bytes, path: Path, number: int) -> bytes:
    """One path of a list, without `./` and doubled slashes."""
    parts = [part for part in line.split(b"/") if part not in (b"", b".")]
    if line.startswith(b"/") or b".." in parts or not parts or b"\0" in line:
        shown = line.decode("utf-8", "backslashreplace")
        raise UsageError(f"{path}, line {number}: {shown} is not a path inside the input folder")
    return b"/".join(parts)
