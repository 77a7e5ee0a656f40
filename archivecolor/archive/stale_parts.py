"""Part files that dead runs left, removed."""

from __future__ import annotations

import contextlib
from pathlib import Path

from archivecolor.archive.atomic import open_folder, with_output_errors
from archivecolor.archive.parts import is_of_another_machine, is_part, part_path
from archivecolor.archive.tree import files_under
from archivecolor.errors import OutputError

# What another machine has not touched for so long it no longer writes.
_FOREIGN_PART_SECONDS = 3600.0


def remove_stale_parts(root: Path) -> int:
    """Remove the part files that dead runs left under `root`; returns how many.

    Call it with the lock of `root` held: parts of a living run look the same. Those of another machine may be
    a worker's who has not heard yet that its run is over, and stay for `_FOREIGN_PART_SECONDS`.
    """
    count = 0
    # A folder that cannot be listed keeps its parts: they cost room, and nothing else.
    for path in files_under(root, lambda *_: None):
        name = path.rpartition("/")[2]
        if is_part(name) and not (is_of_another_machine(name) and _is_fresh(root / path)):
            part = root / path
            with with_output_errors(part):
                part.unlink(missing_ok=True)
            count += 1
    return count


def _is_fresh(part: Path) -> bool:
    """Whether a part was touched not long ago, by the clock of its own disk."""
    probe = part_path(part.with_name("clock"))
    try:
        with open_folder(part.parent, make=False) as folder, with_output_errors(probe):
            folder.create(probe)
            return probe.stat().st_mtime - part.stat().st_mtime < _FOREIGN_PART_SECONDS
    except OutputError:  # gone meanwhile, or nothing can be written there: nor can it be removed
        return True
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
