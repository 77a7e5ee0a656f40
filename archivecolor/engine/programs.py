"""Programs that others wrote, looked up so that a file in the current folder is never taken for one."""

from __future__ import annotations

import functools
import os
import shutil
from pathlib import Path

# Folders that programs, the libraries of programs and the code of interpreters are looked for in.
_SEARCH_LISTS = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "PERL5LIB",
    "PERLLIB",
    "PYTHONPATH",
)


def leave_out_current_folder() -> None:
    """Take relative folders and the current one out of all lists that this process hands on.

    Libraries start programs too, and those programs load libraries: none is to come from a folder of scans.
    """
    for name in _SEARCH_LISTS:
        if name not in os.environ:
            continue
        kept = [entry for entry in os.environ[name].split(os.pathsep) if is_elsewhere(entry)]
        if kept:
            os.environ[name] = os.pathsep.join(kept)
        else:
            del os.environ[name]


def find_program(name: str) -> str | None:
    """Absolute path of the program `name`, looked up once for each PATH; None where that has none.

    Entries of PATH that are relative, and the current folder itself, which Windows would search first,
    are passed over: what lies in a folder of scans is no program of ours.
    """
    return _find(name, os.environ.get("PATH", os.defpath))


@functools.cache
def _find(name: str, path: str) -> str | None:
    for entry in path.split(os.pathsep):
        if not is_elsewhere(entry):
            continue
        # A name with a folder in front is looked for there and nowhere else.
        found = shutil.which(os.path.join(entry, name))  # noqa: PTH118 - `which` wants text
        if found is not None:
            return found
    return None


def is_elsewhere(entry: str) -> bool:
    """Whether an entry of such a list is an absolute folder, and not the current one."""
    if not Path(entry).is_absolute():
        return False
    try:
        return not Path(entry).samefile(Path.cwd())
    except OSError:
        return True
