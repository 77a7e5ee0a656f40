"""Whether there is a file behind a name, for commands that look at each file by itself."""

from __future__ import annotations

from pathlib import Path

from archivecolor.errors import ItemError, Reason


def check_is_file(path: Path) -> None:
    """Refuse a name that nothing stands behind: unlike a file that a run has listed, it is not "gone".

    Raises:
        ItemError: VANISHED or UNREADABLE; there is none, or it is a folder.
    """
    if path.is_dir():
        raise ItemError(Reason.UNREADABLE, "it is a folder")
    if not path.exists():
        raise ItemError(Reason.VANISHED, "there is no such file")
