"""The manifest made smaller: the lines that nothing needs any more go."""

from __future__ import annotations

import os
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.manifest import Manifest


def compact(path: Path) -> int:
    """Keep only the newest line of each item, byte for byte; returns how many lines went.

    An older line stays as long as its output is there and no newer line names it. Call it with the
    lock held.

    Raises:
        OutputError: the manifest cannot be written anew; the old one stays.
    """
    manifest = Manifest(path)
    output = path.parent.parent
    superseded = [offset for name, offset in manifest.superseded.items() if os.path.lexists(output / name)]
    offsets = sorted([*superseded, *(entry.offset for entry in manifest.items.values())])
    with path.open("rb") as old:
        before = sum(1 for _ in old)
        with atomic_write(path) as part, part.open("wb") as new:
            for offset in offsets:
                old.seek(offset)
                new.write(old.readline().rstrip(b"\n") + b"\n")
    return before - len(offsets)
