"""Input and output folders that would do harm are refused before any work."""

from __future__ import annotations

import os
from pathlib import Path

from archivecolor.archive.atomic import make_folder, part_path, with_output_errors
from archivecolor.archive.walk import STATE_FOLDER
from archivecolor.errors import ItemError, Reason, UsageError


def check_folders(source: Path, output: Path) -> None:
    """Refuse folders that cannot be a run's IN and OUT; writes nothing.

    Folders are told apart by what they are, not by name: links, case and mounts are seen through.

    Raises:
        UsageError: IN is missing or no folder, OUT is a file, one is the other or lies inside it.
    """
    if not source.is_dir():
        problem = "is not a folder" if source.exists() else "does not exist"
        raise UsageError(f"the input {source} {problem}; give the folder that holds the pictures")
    if output.exists() and not output.is_dir():
        raise UsageError(f"the output {output} is not a folder; give a folder, new or used before")
    if output.exists() and source.samefile(output):
        raise UsageError("input and output are the same folder; sources are never written over: give another")
    if lies_in(output, source):
        raise UsageError(
            f"the output {output} lies inside the input; the next run would colour it again: "
            "give a folder outside"
        )
    if lies_in(source, output):
        raise UsageError(
            f"the input {source} lies inside the output; its files could be written over: give another output"
        )


def lies_in(inner: Path, outer: Path) -> bool:
    """Whether `inner`, which may not exist yet, would be somewhere below `outer`."""
    if not outer.exists():
        return False
    return any(folder.exists() and folder.samefile(outer) for folder in inner.resolve().parents)


def refuse_source_as_target(source: Path, target: Path) -> None:
    """Refuse an output file that is the source itself, reached through a link inside OUT.

    Raises:
        ItemError: `NAME_COLLISION`.
    """
    # Not `Path.exists`, which raises where the path is too long: whoever writes there says so.
    if os.path.exists(target) and target.samefile(source):  # noqa: PTH110
        raise ItemError(
            Reason.NAME_COLLISION,
            f"its output {target} is the source itself, reached through a link; take the link away",
        )


def prepare_output(output: Path) -> None:
    """Make OUT and the folder of its manifest, and see that they can be written.

    Raises:
        OutputError: they cannot be made or written.
    """
    ours = output / STATE_FOLDER
    make_folder(ours)
    probe = part_path(ours / "probe")
    with with_output_errors(probe):
        os.close(os.open(probe, os.O_CREAT | os.O_WRONLY, 0o666))
        probe.unlink()
