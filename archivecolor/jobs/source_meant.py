"""Which source of a run a path means that somebody typed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from archivecolor.archive.manifest import Manifest


def source_meant(
    text: str, folders: Iterable[Path], manifest: Manifest, new_in: Path | None = None
) -> str | None:
    """The path of a source as the manifest has it, relative to the folder of the sources.

    Args:
        text: the path of a source, or of its output; relative to one of the folders or to the current one.
        folders: that sources and outputs lie in.
        manifest: of the outputs.
        new_in: a folder whose files count too that the manifest does not know yet.

    Returns:
        None where no source is meant.
    """
    by_output = {entry.output: path for path, entry in manifest.items.items() if entry.output}
    for name in _relative(text, folders):
        if name in manifest or (new_in is not None and (new_in / name).is_file()):
            return name
        if name in by_output:
            return by_output[name]
    return None


def _relative(text: str, folders: Iterable[Path]) -> Iterator[str]:
    """A path as it is typed, and by where it lies in folders; without those that lead out of them."""
    # Not `Path.resolve`: links stay as they are typed.
    absolute = Path(os.path.abspath(text))  # noqa: PTH100
    bases = [Path(os.path.abspath(folder)) for folder in folders]  # noqa: PTH100
    inside = [absolute.relative_to(base).as_posix() for base in bases if absolute.is_relative_to(base)]
    typed = [] if Path(text).is_absolute() else [os.path.normpath(text)]
    return (name for name in (*typed, *inside) if ".." not in name.split("/"))
