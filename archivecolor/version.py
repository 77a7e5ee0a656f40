"""The version of this program, looked up once."""

from __future__ import annotations

import functools
from importlib.metadata import version


@functools.cache
def program_version() -> str:
    """Version of the installed archivecolor; asking the package's metadata opens files."""
    return version("archivecolor")
