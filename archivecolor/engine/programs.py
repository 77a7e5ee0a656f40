"""Programs that others wrote, looked up so that a file in the current folder is never taken for one."""

from __future__ import annotations

import functools
import os
import shutil
from pathlib import Path


def find_program(name: str) -> str | None:
    """Absolute path of the program `name`, looked up once for each PATH; None where that has none.

    Entries of PATH that are relative, and the current folder itself, which Windows would search first,
    are passed over: what lies in a folder of scans is no program of ours.
    """
    return _find(name, os.environ.get("PATH", os.defpath))


@functools.cache
def _find(name: str, path: str) -> str | None:
    for entry in path.split(os.pathsep):
        if not Path(entry).is_absolute() or _is_current_folder(entry):
            continue
        # A name with a folder in front is looked for there and nowhere else.
        found = shutil.which(os.path.join(entry, name))  # noqa: PTH118 - `which` wants text
        if found is not None:
            return found
    return None


def _is_current_folder(entry: str) -> bool:
    try:
        return Path(entry).samefile(Path.cwd())
    except OSError:
        return False
