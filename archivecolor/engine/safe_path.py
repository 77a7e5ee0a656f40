"""New Python processes that run no code of the current folder.

`python -m` and `python -c`, by which worker processes and their helpers are started, put the current
folder in front of all others that modules are looked for in: a `numpy.py` among the scans would be run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

# Python leaves the current folder out where this is set.
SAFE_PATH = {"PYTHONSAFEPATH": "1"}


@contextmanager
def safe_path() -> Iterator[None]:
    """Python processes started in the block leave the current folder out."""
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
