"""The folder for a run's temporary files: gone when the run ends, or when the next one begins.

A worker that is killed leaves its temporary files behind. They lie in one folder of the run, whose name tells
which process it belongs to.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archivecolor.errors import UnavailableError
from archivecolor.process_identity import pid_namespace, start_ticks

_NAME = re.compile(r"archivecolor-run-(\d+)-(\d+)-(\d+)-\w+")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for the temporary files of a run; those of runs that were killed are removed.

    Raises:
        UnavailableError: there is no place for it.
    """
    try:
        remove_dead_folders(Path(tempfile.gettempdir()))
        prefix = f"archivecolor-run-{_namespace()}-{os.getpid()}-{start_ticks(os.getpid())}-"
        folder = Path(tempfile.mkdtemp(prefix=prefix))
    except OSError as error:
        raise UnavailableError(f"there is no place for temporary files ({error}); set TMPDIR") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def scratch_variables(folder: Path) -> dict[str, str]:
    """The environment of a process whose temporary files go into `folder`."""
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))


def remove_dead_folders(parent: Path) -> None:
    """Remove the scratch folders in `parent` whose runs are dead, as far as that can be known."""
    for folder in parent.glob("archivecolor-run-*"):
        match = _NAME.fullmatch(folder.name)
        if match is None or int(match[1]) != _namespace() or not int(match[3]):
            continue
        if start_ticks(int(match[2])) != int(match[3]) and _is_own_folder(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _namespace() -> int:
    """The number of the namespace of process ids, 0 where there is none."""
    return int("".join(re.findall(r"\d", pid_namespace())) or 0)


def _is_own_folder(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and (os.name == "nt" or status.st_uid == os.getuid())
