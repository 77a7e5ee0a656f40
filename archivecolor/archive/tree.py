"""The files below a folder, listed without recursion: however deep it goes, one bad folder costs itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path


def files_under(root: Path, on_error: Callable[[str, OSError], None]) -> Iterator[str]:
    """Every file below `root`, in no order; links to folders are neither followed nor named.

    Before Python 3.12 `os.walk` recurses, and a thousand folders within each other end it.

    Args:
        root: the folder.
        on_error: told of each folder that cannot be listed to its end (relative, empty for `root`).

    Yields:
        Paths relative to `root`, POSIX, as `os.fsdecode` gives them.
    """
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(f"{root}/{folder}") as listing:
                for entry in listing:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{folder}{entry.name}/")
                    elif not entry.is_dir():
                        yield folder + entry.name
        except OSError as error:
            on_error(folder.rstrip("/"), error)
