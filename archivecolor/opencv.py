"""OpenCV, imported so that programs started later are none the worse for it.

Its own import puts an empty entry into LD_LIBRARY_PATH, which means the current folder: exiftool, started
from a folder of scans, would load a `libc.so.6` that lies there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["cv2"]


@contextmanager
def _unchanged(name: str) -> Iterator[None]:
    """A variable of the environment is after the block what it was before."""
    before = os.environ.get(name)
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


with _unchanged("LD_LIBRARY_PATH"):
    import cv2
