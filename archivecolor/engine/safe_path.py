"""New Python processes that run no code of the current folder.

`python -m` and `python -c`, by which worker processes and their helpers are started, put the current
folder in front of all others that modules are looked for in: a `numpy.py` among the scans would be run.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archivecolor.errors import UsageError

# Python 3.11 and later leave the current folder out where this is set.
SAFE_PATH = {"PYTHONSAFEPATH": "1"}
_HAS_SAFE_PATH = sys.version_info >= (3, 11)
# What loky imports where it is installed: where it is not, a file of that name would be taken for it.
OPTIONAL_MODULES = frozenset({"psutil", "viztracer"})
_MODULE_SUFFIXES = tuple(importlib.machinery.all_suffixes())


@contextmanager
def safe_path() -> Iterator[None]:
    """Python processes started in the block leave the current folder out.

    Raises:
        UsageError: this Python cannot be told to, and the current folder has modules that it would run.
    """
    if not _HAS_SAFE_PATH:
        refuse_modules_in(Path.cwd())
    before = {name: os.environ.get(name) for name in SAFE_PATH}
    os.environ.update(SAFE_PATH)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def refuse_modules_in(folder: Path) -> None:
    """Refuse a current folder that holds modules in place of installed ones.

    Raises:
        UsageError: with the first of them.
    """
    elsewhere = [entry for entry in sys.path if entry and Path(entry) != folder]
    for path in sorted(folder.iterdir()):
        suffix = next((suffix for suffix in _MODULE_SUFFIXES if path.name.endswith(suffix)), None)
        if suffix is None and not (path / "__init__.py").is_file():
            continue
        name = path.name.removesuffix(suffix or "")
        spec = importlib.machinery.PathFinder.find_spec(name, elsewhere)
        is_installed = name in sys.builtin_module_names or (
            spec is not None and not Path(spec.origin or "").is_relative_to(folder)
        )
        if is_installed or name in OPTIONAL_MODULES:
            raise UsageError(
                f"{path} would be run in place of Python's own {name}; start from another folder, "
                "or use Python 3.11 or later, which leaves the current folder out"
            )
